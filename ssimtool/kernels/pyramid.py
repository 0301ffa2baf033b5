"""MS-SSIM of two images in the layout of decoders, without torch: `metrics.ms_ssim` on arrays."""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.formula import Formula, contrast_structure_of
from ssimtool.kernels.means import FloatArray, Image, ImagePass, Reduction


def ms_ssim_pass(
    x: Image,
    y: Image,
    formula: Formula,
    weights: tuple[float, ...],
    *,
    wide: bool,
    image_pass: ImagePass,
    reduced_image: Reduction,
) -> tuple[FloatArray, bool]:
    """Return 1 − MS-SSIM of each channel, and whether a scale was computed in float64 instead.

    Args:
        x, y: (H, W, C), of a dtype that `image_pass` reads, large enough for the scales.
        formula: the formula of SSIM at each scale.
        weights: the weights of the scales.
        wide: whether to compute SSIM in float64; otherwise float32 where it is precise enough. For
            float samples, the scales after the first are computed in float64 with either.
        image_pass, reduced_image: what computes, from `arrays` or `small`.

    Returns:
        (C,), not finite if a scale overflows; and true if `wide`, or if a scale that float32 should
        compute needed float64.
    """
    # The same dtype as in `halving.holding_dtype`.
    kind: type[np.floating] = np.float64 if x.dtype.kind == "f" else np.float32
    eps = np.finfo(np.float64 if wide else np.float32).eps
    losses, widened = [], wide
    for scale in range(len(weights)):
        if scale:
            x, y = (reduced_image(_even(image), 2, kind) for image in (x, y))
            wide = wide or kind == np.float64
        is_last = scale == len(weights) - 1
        of_scale = formula if is_last else contrast_structure_of(formula, wide=wide)
        means = image_pass(x, y, of_scale, wide=wide, structure=True, errors=False)
        losses.append(means.structure[0])
        widened = widened or (not wide and bool(means.wide[0]))
    return _combined(np.stack(losses), weights, float(eps)), widened


def _combined(losses: FloatArray, weights: tuple[float, ...], eps: float) -> FloatArray:
    """Combine the losses of the scales, (scales, C)."""
    is_zero = losses >= 1 - eps
    total = np.array(weights) @ np.log1p(-np.where(is_zero, 0, losses))
    return np.where(is_zero.any(axis=0), 1, 0 - np.expm1(total))


def _even(image: Image) -> Image:
    """Repeat the last row and the last column where their number is odd."""
    odd = [(0, length % 2) for length in image.shape[:2]]
    return np.pad(image, (*odd, (0, 0)), mode="edge") if any(more for _, more in odd) else image
