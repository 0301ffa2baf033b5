"""MS-SSIM of two images as decoders leave them, without torch: `metrics.ms_ssim` on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.arrays import Numbers, image_pass, reduced_image
from ssimtool.kernels.formula import Formula, contrast_structure_of


def ms_ssim_pass(
    x: NDArray[Any],
    y: NDArray[Any],
    formula: Formula,
    weights: tuple[float, ...],
    *,
    wide: bool,
    threads: int | None = None,
) -> Numbers:
    """1 − MS-SSIM of each channel.

    Args:
        x, y: (H, W, C), of one of the dtypes of `passes.READ_DTYPES`, large enough.
        formula: of SSIM at each scale.
        weights: of the scales.
        wide: whether SSIM is computed in float64, else in float32; of floats, the scales but the
            first are computed in float64 by either.
        threads: as for `passes.forward_pass`.

    Returns:
        (C,); not finite where a scale leaves what floats hold.
    """
    # As `halving.holding_dtype` says.
    held: type[np.floating] = np.float64 if x.dtype.kind == "f" else np.float32
    eps = np.finfo(np.float64 if wide else np.float32).eps
    losses = []
    for scale in range(len(weights)):
        if scale:
            x, y = _halved(x, held, threads), _halved(y, held, threads)
            wide = wide or held == np.float64
        is_last = scale == len(weights) - 1
        of_scale = formula if is_last else contrast_structure_of(formula, wide=wide)
        means = image_pass(x, y, of_scale, wide=wide, structure=True, errors=False, threads=threads)
        losses.append(means.structure[0])
    return _combined(np.stack(losses), weights, float(eps))


def _combined(losses: Numbers, weights: tuple[float, ...], eps: float) -> Numbers:
    """The loss of all scales by those of each, (scales, C)."""
    lost = losses >= 1 - eps
    total = np.array(weights) @ np.log1p(-np.where(lost, 0, losses))
    return np.where(lost.any(axis=0), 1, 0 - np.expm1(total))


def _halved(
    image: NDArray[Any], kind: type[np.floating], threads: int | None
) -> NDArray[np.floating]:
    """The mean of each 2×2 pixels; the last row or column of an odd number is its own neighbour."""
    odd = [(0, length % 2) for length in image.shape[:2]]
    if any(more for _, more in odd):
        image = np.pad(image, (*odd, (0, 0)), mode="edge")
    return reduced_image(image, 2, kind, threads=threads)
