"""Numba kernels on CPU tensors: 1 − SSIM, the errors, the map and the gradients in one pass.

Results that are not finite are computed again by plain torch operations (`arrays` explains why).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ssimtool.kernels.arrays import forward_pass
from ssimtool.kernels.compiled.backward import backward
from ssimtool.kernels.compiled.forward import Plan, Sides, Window
from ssimtool.kernels.compiled.slopes import Slopes
from ssimtool.kernels.compiling import call
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.layout import Array, in_rows, is_interleaved, memory_format, planes
from ssimtool.kernels.means import Means
from ssimtool.kernels.plain.ssim import loss_maps, map_shape, mean_losses
from ssimtool.kernels.plans import plan_of, window_of
from ssimtool.kernels.reduction import reduced_planes
from ssimtool.kernels.threads import share


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


def gradients(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    by_structure: Tensor,
    by_errors: Tensor,
    of_wide: Tensor,
    *,
    sides: tuple[bool, bool],
) -> tuple[Tensor, Tensor]:
    """Return the gradients of `measure` by x and y.

    Args:
        x, y, formula: as for `measure`.
        by_structure, by_errors: (N, C) and (N, 2), the incoming gradients by the two results.
        of_wide: (N,), which images to compute in float64, as `measure` did.
        sides: which of the two gradients to compute, at least one; the other is empty.

    Returns:
        two tensors of the shape and dtype of x.
    """
    if of_wide.any() == of_wide.all():
        wide = bool(of_wide.all())
        return _gradients(x, y, formula, by_structure, by_errors, wide=wide, sides=sides)
    interleaved = is_interleaved(x)
    results = _empty_like(x, interleaved, sides[0]), _empty_like(x, interleaved, sides[1])
    for wide in (False, True):
        own = of_wide == wide
        parts = (t[own] for t in (x, y, by_structure, by_errors))
        a, b, *slopes = parts
        gradient = _gradients(a, b, formula, *slopes, wide=wide, sides=sides)
        for result, part in zip(results, gradient, strict=True):
            if len(result):
                result[own] = part
    return results


def _gradients(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    by_structure: Tensor,
    by_errors: Tensor,
    *,
    wide: bool,
    sides: tuple[bool, bool],
) -> tuple[Tensor, Tensor]:
    interleaved = is_interleaved(x)
    x, y = in_rows(x, interleaved=interleaved), in_rows(y, interleaved=interleaved)
    kind = np.float64 if wide else np.float32
    n, c, h, w = x.shape
    plan = plan_of((n, c, h, w), formula, interleaved=interleaved, back=True)
    window = window_of(formula, kind)
    results = _empty_like(x, interleaved, sides[0]), _empty_like(x, interleaved, sides[1])
    written = [planes(r, interleaved=interleaved) for r, s in zip(results, sides, strict=True) if s]
    of_windows = (by_structure / (plan.rows * plan.columns)).numpy()
    of_samples = (by_errors / x[0].numel()).numpy()
    of_samples = np.repeat(of_samples, 1 if interleaved else c, axis=0)
    slopes = Slopes(
        structure=of_windows.reshape(-1, plan.channels).astype(kind),
        square=(2 * of_samples[:, 0]).astype(kind),
        absolute=of_samples[:, 1].astype(kind),
        sign=kind(1 if sides[0] else -1),
        both=0 if all(sides) else None,
        first=written[0].samples,
        first_planes=written[0].starts,
        first_step=written[0].step,
        second=written[-1].samples,
        second_planes=written[-1].starts,
        second_step=written[-1].step,
    )
    _run_backward(_sides(x, y, interleaved), window, plan, slopes, 4 * x.numel())
    return results


def _run_backward(pair: Sides, window: Window, plan: Plan, slopes: Slopes, work: int) -> None:
    """Write the gradients to the arrays of `slopes`, on several threads if there is enough work."""
    groups = -(-len(pair.planes_x) // plan.group)
    tasks = groups * plan.bands * max(1, plan.width * plan.channels // plan.tile)
    share(
        lambda queue, most: call(backward, queue, most, pair, window, plan, slopes),
        tasks,
        work,
    )


def _empty_like(x: Tensor, interleaved: bool, wanted: bool) -> Tensor:
    """Return an uninitialised tensor for the gradient by an image; empty if it is not wanted."""
    shape = (len(x) if wanted else 0, *x.shape[1:])
    return torch.empty(shape, dtype=x.dtype, memory_format=memory_format(interleaved and wanted))


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
        _sides(x, y, interleaved),
        (n, c, h, w),
        formula,
        interleaved=interleaved,
        wide=wide,
        structure=structure,
        errors=errors,
        ssim_map=ssim_map,
    )


def _sides(x: Tensor, y: Tensor, interleaved: bool) -> Sides:
    a, b = planes(x, interleaved=interleaved), planes(y, interleaved=interleaved)
    return Sides(a.samples, b.samples, a.starts, b.starts, a.step, b.step)
