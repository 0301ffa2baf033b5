"""SSIM as the paper writes it, in float64 NumPy, one window position at a time in two loops.

Nothing of ssimtool is used here: what the tests hold ssimtool against.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gaussian(size: int, sigma: float) -> Array:
    """A Gaussian window in two dimensions, (size, size), sum 1."""
    at = np.arange(size) - (size - 1) / 2
    line = np.exp(-(at**2) / (2 * sigma**2))
    window = np.outer(line, line)
    return window / window.sum()


def filtered(image: Array, window: Array) -> Array:
    """The window-weighted sums at every position inside the image."""
    views = np.lib.stride_tricks.sliding_window_view(image, window.shape)
    return np.einsum("ijkl,kl->ij", views, window)


def ssim_map(
    x: Array,
    y: Array,
    data_range: float,
    *,
    size: int = 11,
    sigma: float = 1.5,
    pad: str | None = None,
    k1: float = 0.01,
    k2: float = 0.03,
    uniform: bool = False,
    sample: bool = False,
    factor: int = 1,
) -> Array:
    """Equation 13 of Wang, Bovik, Sheikh, Simoncelli 2004 of two planes (H, W).

    `pad` is None for windows inside the image, else a mode of numpy.pad; `uniform` windows weigh
    all pixels the same; `sample` multiplies the second moments by N/(N − 1); `factor` reduces both
    images first.
    """
    x, y = (reduced(image.astype(np.float64), factor) for image in (x, y))
    if pad is not None:
        x, y = (np.pad(image, size // 2, mode=pad) for image in (x, y))
    window = np.full((size, size), 1 / size**2) if uniform else gaussian(size, sigma)
    # Moments around the middle of the range: float64 keeps all its digits in E[x^2] - E[x]^2.
    a, b = x - data_range / 2, y - data_range / 2
    mu_a, mu_b = filtered(a, window), filtered(b, window)
    var_x = filtered(a * a, window) - mu_a**2
    var_y = filtered(b * b, window) - mu_b**2
    cov = filtered(a * b, window) - mu_a * mu_b
    if sample:
        var_x, var_y, cov = (v * size**2 / (size**2 - 1) for v in (var_x, var_y, cov))
    mu_x, mu_y = mu_a + data_range / 2, mu_b + data_range / 2
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    return ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / (
        (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    )


def reduced(plane: Array, factor: int) -> Array:
    """The means of factor × factor samples; what is left over is dropped."""
    rows, columns = (length // factor for length in plane.shape)
    views = plane[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return views.mean(axis=(1, 3))


def hard_cases() -> dict[str, tuple[Array, Array]]:
    """The four pictures of the table of precision in docs/benchmarks.md."""
    rng = np.random.RandomState(11)
    flat = np.full((256, 256), 250.0)
    ramp = np.linspace(200, 255, 256)[None, :].repeat(256, axis=0)
    noise = rng.randint(0, 256, (256, 256)).astype(np.float64)
    one_off = noise.copy()
    one_off[128, 128] += 1 if one_off[128, 128] < 255 else -1
    lsb = rng.randint(-1, 2, (256, 256))
    return {
        "flat 250, 1-LSB noise": (flat, flat + lsb),
        "bright gradient": (ramp, np.clip(ramp + lsb, 0, 255)),
        "noise": (noise, np.clip(noise + rng.normal(0, 5, noise.shape).round(), 0, 255)),
        "one pixel by one level": (noise, one_off),
    }
