"""Division of the work of the kernels, by shapes only, and a formula as their argument."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.compiled.forward import Plan, Window
from ssimtool.kernels.compiled.stages import LONGEST
from ssimtool.kernels.compiled.vectors import LANES
from ssimtool.kernels.formula import Formula

BORDERS = {"valid": 0, "zero": 1, "mirror": 2, "symmetric": 3}
BAND = 48  # rows of windows that are summed together
TILE = 2880  # samples of a row that are computed at a time: several such lines fit the caches
# The backward pass keeps the slopes of a band and of the rows around it in the level 2 cache.
BACKWARD_TILE = 1024
BACKWARD_BAND = 64

Shape = tuple[int, int, int, int]  # (N, C, H, W)


def plan_of(shape: Shape, formula: Formula, *, interleaved: bool, back: bool = False) -> Plan:
    """Return the division of the work on images of a shape.

    Args:
        shape: (N, C, H, W).
        formula: the formula of SSIM.
        interleaved: whether the channels of a pixel are adjacent in memory.
        back: whether the plan is for the backward pass.
    """
    c = shape[1] if interleaved else 1
    h, w = shape[2:]
    size = len(formula.weights)
    rounds = -(-size // LONGEST)
    reach = rounds * -(-size // rounds)
    margin = formula.margin
    rows, columns = h - formula.shrink, w - formula.shrink
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


def window_of(formula: Formula, kind: type[np.floating]) -> Window:
    """Return the numbers of a formula in the computing dtype."""
    size = len(formula.weights)
    rounds = -(-size // LONGEST)
    taps = -(-size // rounds)
    weights: NDArray[np.floating] = np.zeros(rounds * taps, kind)
    weights[:size] = formula.weights
    return Window(
        weights=weights,
        taps=(0,) * taps,
        scale=kind(1 / formula.data_range),
        c1=kind((formula.k1 * formula.data_range) ** 2),
        c2=kind((formula.k2 * formula.data_range) ** 2),
        c1_of_one=kind(formula.k1**2),
        c2_of_one=kind(formula.k2**2),
    )


def more_of(plan: Plan, window: Window) -> int | None:
    """Return None if the weights of the window need one round only, else 0.

    The kernels are compiled separately for the two.
    """
    return None if plan.reach == len(window.taps) else 0
