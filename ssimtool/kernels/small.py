"""SSIM of small images by NumPy, for a process that compares little more than one pair.

Loading Numba and the kernels takes longer than this computes an image of half a megapixel. A blur
is a product of matrices, whose rows hold the weights of one window each: `BLOCK` windows are
computed at a time, from the samples that they cover. All is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.formula import Formula
from ssimtool.kernels.means import FloatArray, Image, Means

# Of 8, 16, 32, 64 and 128, 32 takes least time for 512x512x3 (one core of an EPYC, 2026-11): with
# fewer windows the products are too small, with more they multiply too many zeros.
BLOCK = 32
FARTHEST = 1500  # data ranges between 0 and a sample: beyond, the squares lose too many digits
PADDING: dict[str, Literal["constant", "reflect", "symmetric"]] = {
    "zero": "constant",
    "mirror": "reflect",
    "symmetric": "symmetric",
}


def is_precise(x: Image, y: Image, data_range: float) -> bool:
    """Return whether float64 holds the promised precision of two images (`precision`)."""
    # Second moments are rounded to 1e-16 of the largest squares: at this distance to 2e-10 of L².
    limit = FARTHEST * data_range
    if x.dtype.kind == "u" and np.iinfo(x.dtype).max <= limit:
        return True
    return all(np.abs(image).max() <= limit for image in (x, y))


def image_pass(x: Image, y: Image, formula: Formula, *, structure: bool, errors: bool) -> Means:
    """Compute the means of two images.

    Args:
        x, y: (H, W, C), of one dtype.
        formula: the formula of SSIM.
        structure, errors: whether to compute 1 − SSIM, the errors.

    Returns:
        `Means`, of one image; not finite if a sample is not finite, or if a product overflows.
    """
    of_channels, of_image = np.zeros((1, x.shape[2])), np.zeros((1, 2))
    if structure:
        small_x, small_y = (reduced_image(i, formula.downsample, np.float64) for i in (x, y))
        for c in range(x.shape[2]):
            of_channels[0, c] = _mean_loss(small_x[..., c], small_y[..., c], formula)
    if errors:
        d = np.subtract(x, y, dtype=np.float64).ravel()
        of_image[0] = d @ d / d.size, np.abs(d).sum() / d.size
    return Means(of_channels, of_image, np.ones(1, bool))


def loss_map(x: Image, y: Image, formula: Formula) -> FloatArray | None:
    """Return 1 − SSIM of every window, (H', W', C); None if a number is not finite.

    Args:
        x, y: (H, W, C), of one dtype.
        formula: the formula of SSIM, without downsampling.
    """
    h, w, channels = x.shape
    result = np.empty((h - formula.shrink, w - formula.shrink, channels))
    for c in range(channels):
        for top, losses in _strips(x[..., c], y[..., c], formula):
            result[top : top + BLOCK, :, c] = losses
    return result if np.isfinite(result).all() else None


def reduced_image(image: Image, factor: int, kind: type[np.floating]) -> Image:
    """Return an image downsampled by a factor: (H // factor, W // factor, C), as `kind`.

    With a factor of 1 it is the image itself.
    """
    if factor == 1:
        return image
    h, w = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: h * factor, : w * factor].reshape(h, factor, w, factor, -1)
    result: Image = blocks.mean(axis=(1, 3), dtype=np.float64).astype(kind)
    return result


def _mean_loss(x: NDArray[Any], y: NDArray[Any], formula: Formula) -> float:
    """Return the mean of 1 − SSIM of one channel, (H, W)."""
    windows: int = (x.shape[0] - formula.shrink) * (x.shape[1] - formula.shrink)
    return math.fsum(losses.sum() for _, losses in _strips(x, y, formula)) / windows


def _strips(x: NDArray[Any], y: NDArray[Any], formula: Formula) -> Iterator[tuple[int, FloatArray]]:
    """Yield 1 − SSIM of `BLOCK` rows of windows of one channel at a time, and the first of them."""
    beyond = len(formula.weights) - 1
    with np.errstate(all="ignore"):  # of samples that are not finite
        x, y = (_extended(plane, formula) for plane in (x, y))
        # A constant does not change a variance, but its rounding: s and d are centred on 0.
        mean_x, mean_y = x.mean(dtype=np.float64), y.mean(dtype=np.float64)
        centre = mean_x + mean_y, mean_x - mean_y
        for top in range(0, len(x) - beyond, BLOCK):
            reached = slice(top, top + BLOCK + beyond)
            yield top, _losses_of_rows(x[reached], y[reached], centre, formula)


def _losses_of_rows(
    x: NDArray[Any], y: NDArray[Any], centre: tuple[float, float], formula: Formula
) -> FloatArray:
    """Return A + B − A·B of at most `BLOCK` rows of windows, by sums and differences."""
    # a power that overflows would raise
    c1, c2 = (k * formula.data_range * k * formula.data_range for k in (formula.k1, formula.k2))
    moments = np.empty((4, *x.shape))
    s, d, ss, dd = moments
    np.add(x, y, out=s, dtype=np.float64)
    np.subtract(x, y, out=d, dtype=np.float64)
    s -= centre[0]
    d -= centre[1]
    np.multiply(s, s, out=ss)
    np.multiply(d, d, out=dd)
    mu_s, mu_d, sigma_s_sq, sigma_d_sq = _blurred(moments, formula.weights)
    sigma_s_sq = np.maximum(sigma_s_sq - mu_s * mu_s, 0)
    sigma_d_sq = np.maximum(sigma_d_sq - mu_d * mu_d, 0)
    mu_s, mu_d = mu_s + centre[0], mu_d + centre[1]
    mu_d_sq = mu_d * mu_d
    a = mu_d_sq / ((mu_s * mu_s + mu_d_sq) / 2 + c1)
    b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) / 2 + c2)
    losses: FloatArray = a + b - a * b
    return losses


def _extended(plane: NDArray[Any], formula: Formula) -> NDArray[Any]:
    if not formula.margin:
        return plane
    return np.pad(plane, formula.margin, mode=PADDING[formula.border])


def _blurred(planes: FloatArray, weights: tuple[float, ...]) -> FloatArray:
    """Blur at most `BLOCK` rows of windows of planes (K, h, W), down and along: (K, h', W')."""
    beyond, matrix = len(weights) - 1, _windows(weights)
    count, h, w = planes.shape
    rows, columns = h - beyond, w - beyond
    down = (matrix[:rows, :h] @ planes).reshape(count * rows, w)  # all rows in one product
    result = np.empty((count * rows, columns))
    for left in range(0, columns, BLOCK):
        n = min(BLOCK, columns - left)
        reached = down[:, left : left + n + beyond]
        np.matmul(reached, matrix[:n, : n + beyond].T, out=result[:, left : left + n])
    return result.reshape(count, rows, columns)


@lru_cache(maxsize=16)
def _windows(weights: tuple[float, ...]) -> FloatArray:
    """Return a matrix of `BLOCK` windows, each of which begins one sample later."""
    matrix = np.zeros((BLOCK, BLOCK + len(weights) - 1))
    for k in range(BLOCK):
        matrix[k, k : k + len(weights)] = weights
    return matrix
