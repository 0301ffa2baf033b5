"""Gradients of the numbers of `tensors.measure` on the CPU, by the Numba kernels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssimtool.kernels.compiled.backward import backward
from ssimtool.kernels.compiled.forward import Plan
from ssimtool.kernels.compiled.slopes import Slopes, Totals
from ssimtool.kernels.compiling import call
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.layout import in_rows, is_interleaved, memory_format, planes
from ssimtool.kernels.means import FloatArray
from ssimtool.kernels.plans import plan_of, window_of
from ssimtool.kernels.precision import are_far, needs_float64
from ssimtool.kernels.tensors import sides_of
from ssimtool.kernels.threads import share

Gradients = tuple[Tensor, Tensor]


class Measured(NamedTuple):
    """Results of `tensors.measure`, and the gradients by x and y for the slopes that were expected.

    Those of a side that is not wanted are empty."""

    means: Tensor
    errors: Tensor
    of_wide: Tensor
    gradients: Gradients


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
    """Return the gradients of `tensors.measure` by x and y.

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
        return _gradients(x, y, formula, by_structure, by_errors, wide=wide, sides=sides)[0]
    interleaved = is_interleaved(x)
    results = _empty_like(x, interleaved, sides[0]), _empty_like(x, interleaved, sides[1])
    for wide in (False, True):
        own = of_wide == wide
        parts = (t[own] for t in (x, y, by_structure, by_errors))
        a, b, *slopes = parts
        gradient, _ = _gradients(a, b, formula, *slopes, wide=wide, sides=sides)
        for result, part in zip(results, gradient, strict=True):
            if len(result):
                result[own] = part
    return results


def measure_and_differentiate(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    by_structure: Tensor,
    by_errors: Tensor,
    *,
    wide: bool,
    sides: tuple[bool, bool],
) -> Measured | None:
    """Return what `tensors.measure` does, and the gradients, in one pass.

    Args:
        x, y: (N, C, H, W), float32 or float64.
        formula, wide: as for `tensors.measure`.
        by_structure, by_errors, sides: as for `gradients`.

    Returns:
        the results; None if an image needs float64 instead of float32, or is not finite.
    """
    n, c, h, w = x.shape
    wide = wide or x.dtype == torch.float64 or needs_float64(formula, h, w)
    gradient, totals = _gradients(
        x, y, formula, by_structure, by_errors, wide=wide, sides=sides, errors=True
    )
    sums: FloatArray = totals.sums.sum(axis=1)
    if not math.isfinite(sums.sum()) or (not wide and are_far(totals.peaks.max(), formula)):
        return None
    windows = (h - formula.shrink) * (w - formula.shrink)
    errors: FloatArray = totals.errors.sum(axis=1).reshape(n, -1, 2).sum(axis=1) / (c * h * w)
    means = torch.from_numpy(sums.reshape(n, c) / windows)
    return Measured(means, torch.from_numpy(errors), torch.full((n,), wide), gradient)


def _gradients(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    by_structure: Tensor,
    by_errors: Tensor,
    *,
    wide: bool,
    sides: tuple[bool, bool],
    errors: bool = False,
) -> tuple[Gradients, Totals]:
    """Return the gradients, and the totals of each area; those of the errors if requested."""
    interleaved = is_interleaved(x)
    x, y = in_rows(x, interleaved=interleaved), in_rows(y, interleaved=interleaved)
    kind = np.float64 if wide else np.float32
    n, c, h, w = x.shape
    plan = plan_of((n, c, h, w), formula, interleaved=interleaved, back=True)
    window = window_of(formula, kind)
    results = _empty_like(x, interleaved, sides[0]), _empty_like(x, interleaved, sides[1])
    by_errors = by_errors / (c * h * w)
    slopes = _slopes(by_structure, by_errors, results, plan, kind, interleaved=interleaved)
    pair = sides_of(x, y, interleaved)
    count, areas = len(pair.planes_x), plan.bands * max(1, w * plan.channels // plan.tile)
    totals = Totals(
        sums=np.zeros((count, areas, plan.channels)),
        peaks=np.zeros((count, areas)),
        errors=np.zeros((count if errors else 0, areas, 2)),
    )
    share(
        lambda queue, most: call(backward, queue, most, pair, window, plan, slopes, totals),
        -(-count // plan.group) * areas,
        4 * x.numel(),
    )
    return results, totals


def _slopes(
    by_structure: Tensor,
    by_errors: Tensor,
    results: Gradients,
    plan: Plan,
    kind: type[np.floating],
    *,
    interleaved: bool,
) -> Slopes:
    """Return the slopes of each window and sample, and where the gradients are written."""
    written = [planes(r, interleaved=interleaved) for r in results if len(r)]
    of_windows = (by_structure / (plan.rows * plan.columns)).numpy()
    of_samples = np.repeat(by_errors.numpy(), 1 if interleaved else by_structure.shape[1], axis=0)
    return Slopes(
        structure=of_windows.reshape(-1, plan.channels).astype(kind),
        square=(2 * of_samples[:, 0]).astype(kind),
        absolute=of_samples[:, 1].astype(kind),
        sign=kind(1 if len(results[0]) else -1),
        both=0 if len(written) == 2 else None,
        first=written[0].samples,
        first_planes=written[0].starts,
        first_step=written[0].step,
        second=written[-1].samples,
        second_planes=written[-1].starts,
        second_step=written[-1].step,
    )


def _empty_like(x: Tensor, interleaved: bool, wanted: bool) -> Tensor:
    """Return an uninitialised tensor for the gradient by an image; empty if it is not wanted."""
    shape = (len(x) if wanted else 0, *x.shape[1:])
    return torch.empty(shape, dtype=x.dtype, memory_format=memory_format(interleaved and wanted))
