"""The Numba kernels on CPU tensors: 1 − SSIM, the errors, the map and the gradients in one pass.

Each row of windows is blurred down the columns straight from the samples as they lie (8 or 16
bits, float32 or float64, planar or interleaved), then along the row, and becomes 1 − SSIM while it
is in the caches; no map is held unless it is asked for. Sums are kept in float64, by bands whose
height depends on the shape alone, so the result does not depend on the number of threads.

The kernels divide once for each window, by a product of fourth powers of the samples, which leaves
the numbers of float32 with samples near 1e9 or a data range near 1e-9. What is not finite is
therefore computed again by plain torch operations.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssimtool.metrics.kernels.backward import Slopes, backward
from ssimtool.metrics.kernels.compiling import call
from ssimtool.metrics.kernels.forward import Plan, Sides, Window, forward
from ssimtool.metrics.kernels.layout import in_rows, is_interleaved, memory_format, planes
from ssimtool.metrics.kernels.stages import LONGEST
from ssimtool.metrics.kernels.threads import share
from ssimtool.metrics.kernels.vectors import LANES
from ssimtool.metrics.reference import Formula, loss_maps, map_shape, mean_losses

BORDERS = {"valid": 0, "zero": 1, "mirror": 2, "symmetric": 3}
BAND = 48  # rows of windows that are summed together
TILE = 2880  # samples of a row that are computed at a time: some lines of them fit the caches
# The way back keeps the slopes of a band and of the rows around it: as many as level 2 holds.
BACKWARD_TILE = 1024
BACKWARD_BAND = 64


def measure(
    x: Tensor, y: Tensor, formula: Formula, *, wide: bool, structure: bool, errors: bool
) -> tuple[Tensor, Tensor]:
    """The mean of 1 − SSIM of each channel, and the mean squared and absolute error of each image.

    Args:
        x, y: (N, C, H, W), of one dtype: uint8, uint16, float32 or float64.
        formula: which SSIM.
        wide: whether it is computed in float64, else in float32.
        structure: False leaves SSIM out, and its means are 0.
        errors: False leaves the errors out, and theirs are 0.

    Returns:
        (N, C) and (N, 2), both float64.
    """
    means, wrong, _ = _forward(x, y, formula, wide, structure, errors, False)
    if not means.isfinite().all():
        x, y = x.detach(), y.detach()
        means = mean_losses(x, y, formula, torch.float64 if wide else torch.float32)
    return means, wrong


def ssim_map(x: Tensor, y: Tensor, formula: Formula, *, wide: bool) -> Tensor:
    """The SSIM map (N, C, H', W'), in the memory format of x, float32 or float64 if `wide`."""
    means, _, found = _forward(x, y, formula, wide, True, False, True)
    if not means.isfinite().all():
        for block, loss in loss_maps(x.detach(), y.detach(), formula, found.dtype):
            found[block.images, :, block.rows] = 1 - loss
    return found


def gradients(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    by_structure: Tensor,
    by_errors: Tensor,
    *,
    wide: bool,
    sides: tuple[bool, bool],
) -> tuple[Tensor, Tensor]:
    """The gradients of `measure` by x and y.

    Args:
        x, y, formula, wide: as for `measure`.
        by_structure, by_errors: (N, C) and (N, 2), the slopes of what is above by its results.
        sides: which of the two are wanted, one at least; the other's gradient is empty.

    Returns:
        two tensors of the shape and dtype of x.
    """
    interleaved = is_interleaved(x)
    x, y = in_rows(x, interleaved=interleaved), in_rows(y, interleaved=interleaved)
    kind = np.float64 if wide else np.float32
    plan, window = _plan(x, formula, interleaved, back=True), _window(formula, kind)
    results = _empty_like(x, interleaved, sides[0]), _empty_like(x, interleaved, sides[1])
    written = [planes(r, interleaved=interleaved) for r, s in zip(results, sides, strict=True) if s]
    of_windows = (by_structure / (plan.rows * plan.columns)).numpy()
    of_samples = (by_errors / x[0].numel()).numpy()
    of_samples = np.repeat(of_samples, 1 if interleaved else x.shape[1], axis=0)
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
    pair, more = _sides(x, y, interleaved), _more(plan, window)
    tasks = len(pair.planes_x) * plan.bands * max(1, x.shape[3] * plan.channels // plan.tile)
    share(
        lambda first, last: call(backward, first, last, pair, window, more, plan, slopes),
        tasks,
        4 * x.numel(),
    )
    return results


def _empty_like(x: Tensor, interleaved: bool, wanted: bool) -> Tensor:
    """Where the gradient by an image goes; empty where it is not wanted."""
    shape = (len(x) if wanted else 0, *x.shape[1:])
    return torch.empty(shape, dtype=x.dtype, memory_format=memory_format(interleaved and wanted))


def _more(plan: Plan, window: Window) -> int | None:
    """None where one round of the window's weights is all: what the kernels compile for."""
    return None if plan.reach == len(window.taps) else 0


def _forward(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    wide: bool,
    structure: bool,
    errors: bool,
    with_map: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The means of 1 − SSIM, of the errors, and the map: those that are asked for."""
    interleaved = is_interleaved(x)
    x, y = in_rows(x, interleaved=interleaved), in_rows(y, interleaved=interleaved)
    n, c, h, w = x.shape
    kind = np.float64 if wide else np.float32
    if not structure:  # rows of windows are rows of the image then
        formula = replace(formula, weights=(1.0,), border="valid")
    plan, window = _plan(x, formula, interleaved), _window(formula, kind)
    pair, more = _sides(x, y, interleaved), _more(plan, window)
    count = len(pair.planes_x)
    sums = np.zeros((count, plan.bands, plan.channels))
    wrong = np.zeros((count if errors else 0, plan.bands, 2))
    found = torch.empty(
        (n if with_map else 0, c, plan.rows, plan.columns),
        dtype=torch.float64 if wide else torch.float32,
        memory_format=memory_format(interleaved and with_map),
    )
    line = planes(found, interleaved=interleaved).samples if with_map else np.zeros(0, kind)
    asked, exact = 0 if structure else None, None if x.dtype.is_floating_point else 0
    share(
        lambda first, last: call(
            forward, first, last, pair, window, more, plan, asked, exact, sums, wrong, line
        ),
        count * plan.bands,
        x.numel(),
    )
    means = sums.sum(axis=1).reshape(n, c) / (plan.rows * plan.columns)
    if not errors:
        return torch.from_numpy(means), torch.zeros(n, 2, dtype=torch.float64), found
    of_images = wrong.sum(axis=1).reshape(n, -1, 2).sum(axis=1) / (c * h * w)
    return torch.from_numpy(means), torch.from_numpy(of_images), found


def _plan(x: Tensor, formula: Formula, interleaved: bool, *, back: bool = False) -> Plan:
    """How the work is cut up: by the shape alone."""
    c = x.shape[1] if interleaved else 1
    h, w = x.shape[2:]
    size = len(formula.weights)
    rounds = -(-size // LONGEST)
    reach = rounds * -(-size // rounds)
    margin = formula.margin
    rows, columns = map_shape(x, formula)[2:]
    if back:
        tile = max(BACKWARD_TILE, 2 * size * c)
        widest = -(-w // max(1, w * c // tile)) + 2 * margin + size - 1
        band = min(h, max(BACKWARD_BAND, size))
        bands = -(-h // band)
    else:
        tile = min(columns * c, max(TILE, 2 * size * c) // c * c)
        widest = tile // c
        band = min(rows, BAND)
        bands = -(-rows // band)
    return Plan(
        height=h,
        width=w,
        channels=c,
        rows=rows,
        columns=columns,
        margin=margin,
        size=size,
        reach=reach,
        border=BORDERS[formula.border],
        band=band,
        bands=bands,
        tile=tile,
        pitch=_whole_vectors((widest + reach - 1) * c) + LANES,
    )


def _whole_vectors(samples: int) -> int:
    return -(-samples // LANES) * LANES


def _window(formula: Formula, kind: type[np.floating]) -> Window:
    size = len(formula.weights)
    rounds = -(-size // LONGEST)
    taps = -(-size // rounds)
    weights: NDArray[np.floating] = np.zeros(rounds * taps, kind)
    weights[:size] = formula.weights
    return Window(
        weights=weights,
        taps=(0,) * taps,
        mid=kind(formula.data_range),
        scale=kind(1 / formula.data_range),
        c1=kind((formula.k1 * formula.data_range) ** 2),
        c2=kind((formula.k2 * formula.data_range) ** 2),
        c1_of_one=kind(formula.k1**2),
        c2_of_one=kind(formula.k2**2),
    )


def _sides(x: Tensor, y: Tensor, interleaved: bool) -> Sides:
    a, b = planes(x, interleaved=interleaved), planes(y, interleaved=interleaved)
    return Sides(a.samples, b.samples, a.starts, b.starts, a.step, b.step)
