"""Numba kernels on CPU tensors: 1 − SSIM, the errors and the map in one pass.

Results that are not finite are computed again by plain torch operations (`arrays` explains why).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ssimtool.kernels.arrays import forward_pass
from ssimtool.kernels.compiled.forward import Sides
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.layout import Array, in_rows, is_interleaved, memory_format, planes
from ssimtool.kernels.means import Means
from ssimtool.kernels.plain.ssim import loss_maps, map_shape, mean_losses
from ssimtool.kernels.reduction import reduced_planes


def measure(
    x: Tensor, y: Tensor, formula: Formula, *, wide: bool, structure: bool, errors: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of 1 − SSIM of each channel, the mean errors of each image, and its dtype.

    Args:
        x, y: (N, C, H, W), of one dtype: uint8, uint16, float32 or float64.
        formula: the formula of SSIM.
        wide: whether to compute in float64; otherwise float32 where it is precise enough.
        structure: whether to compute SSIM; without it, its means are 0.
        errors: whether to compute the errors; without them, they are 0.

    Returns:
        (N, C), and (N, 2) with the mean squared and the mean absolute error, both float64; and
        (N,), whether an image was computed in float64.
    """
    result = _forward(x, y, formula, wide, structure, errors)
    means, error_means, of_wide = (torch.from_numpy(part) for part in result)
    if not np.isfinite(result.structure).all():
        means = mean_losses(x.detach(), y.detach(), formula)
    return means, error_means, of_wide


def losses(x: Tensor, y: Tensor, formula: Formula, *, wide: bool) -> Tensor:
    """Return 1 − SSIM of each image, (N,), float32 or float64 if `wide`, as `measure` has it.

    NumPy averages the channels: of a small image, two torch operations take a fifth of the time.
    """
    structure = _forward(x, y, formula, wide, True, False).structure
    if not math.isfinite(structure.sum()):
        return mean_losses(x.detach(), y.detach(), formula).mean(dim=1)
    means = structure[:, 0] if structure.shape[1] == 1 else structure.mean(axis=1)
    return torch.from_numpy(means if wide else means.astype(np.float32))


def ssim_map(x: Tensor, y: Tensor, formula: Formula, *, wide: bool) -> Tensor:
    """Return the SSIM map (N, C, H', W') in the memory format of x, float64 if `wide`."""
    interleaved = is_interleaved(x)
    result = torch.empty(
        map_shape(x, formula),
        dtype=torch.float64 if wide else torch.float32,
        memory_format=memory_format(interleaved),
    )
    line = planes(result, interleaved=interleaved).samples
    means = _forward(x, y, formula, wide, True, False, line)
    if not np.isfinite(means.structure).all():
        for block, loss in loss_maps(x.detach(), y.detach(), formula):
            result[block.images, :, block.rows] = 1 - loss
    return result


def reduced(x: Tensor, factor: int, *, wide: bool) -> Tensor:
    """Return a batch downsampled by a factor, each block of samples replaced by its mean.

    The result is (N, C, H', W'), in the memory format of x, float32 or float64 if `wide`.
    """
    interleaved = is_interleaved(x)
    x = in_rows(x, interleaved=interleaved)
    n, c, h, w = x.shape
    result = torch.empty(
        (n, c, h // factor, w // factor),
        dtype=torch.float64 if wide else torch.float32,
        memory_format=memory_format(interleaved),
    )
    source, target = (planes(t, interleaved=interleaved) for t in (x, result))
    channels = c if interleaved else 1
    shape = (len(source.starts), h, w, channels)
    reduced_planes(source.samples, source.starts, source.step, shape, factor, target.samples)
    return result


def _forward(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    wide: bool,
    structure: bool,
    errors: bool,
    ssim_map: Array | None = None,
) -> Means:
    """Return the requested means, and write the map to a line of memory."""
    interleaved = is_interleaved(x)
    x, y = in_rows(x, interleaved=interleaved), in_rows(y, interleaved=interleaved)
    n, c, h, w = x.shape
    return forward_pass(
        sides_of(x, y, interleaved),
        (n, c, h, w),
        formula,
        interleaved=interleaved,
        wide=wide,
        structure=structure,
        errors=errors,
        ssim_map=ssim_map,
    )


def sides_of(x: Tensor, y: Tensor, interleaved: bool) -> Sides:
    """Return the samples of two batches as the kernels read them."""
    a, b = planes(x, interleaved=interleaved), planes(y, interleaved=interleaved)
    return Sides(a.samples, b.samples, a.starts, b.starts, a.step, b.step)
