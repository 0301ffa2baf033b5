"""Division of the work of the kernels, by shapes only, and a formula as their argument."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ssimtool.kernels.compiled.forward import Plan, Window
from ssimtool.kernels.compiled.instructions import LANES
from ssimtool.kernels.compiled.vectors import SHARED
from ssimtool.kernels.formula import Formula

BORDERS = {"valid": 0, "zero": 1, "mirror": 2, "symmetric": 3}
REMEMBERED = 256  # plans and windows, of a few hundred bytes each
BAND = 64  # rows of windows that are summed together
EIGHTS_FROM = 6  # bands
TILE = 3072  # samples of a row that are computed at a time: some 60 such lines fit the caches
GROUPED = 300  # samples of a row: planes as narrow as this are computed together
CHUNK_SAMPLES = 1 << 16  # of rows that are read at a time
# The backward pass keeps the slopes of a band and of the rows around it in the level 2 cache.
BACKWARD_TILE = 1024
BACKWARD_BAND = 128

Shape = tuple[int, int, int, int]  # (N, C, H, W)


@lru_cache(maxsize=REMEMBERED)
def plan_of(shape: Shape, formula: Formula, *, interleaved: bool, back: bool = False) -> Plan:
    """Return the division of the work on images of a shape.

    Args:
        shape: (N, C, H, W).
        formula: the formula of SSIM.
        interleaved: whether the channels of a pixel are adjacent in memory.
        back: whether the plan is for the backward pass.
    """
    c, planes = (shape[1], shape[0]) if interleaved else (1, shape[0] * shape[1])
    h, w = shape[2:]
    size, margin = len(formula.weights), formula.margin
    rows, columns = h - formula.shrink, w - formula.shrink
    beyond = (size - 1) * c  # samples that the windows of a tile reach beyond it
    # Where a row is short, the lanes hold rows of as many planes.
    group = LANES if planes >= LANES and (w + 2 * margin) * c <= GROUPED else 1
    if back:
        tile = max(BACKWARD_TILE, 2 * beyond + c)
        reached = -(-w // max(1, w * c // tile)) * c + 2 * margin * c + 2 * beyond
        band = min(h, max(BACKWARD_BAND, size))
        bands = -(-h // band)
    else:
        tile = min(columns * c, max(TILE - beyond, beyond) // (SHARED * c) * SHARED * c)
        reached = tile + beyond
        band = _multiple(-(-rows // _bands(rows)), SHARED)
        bands = -(-rows // band)
    part = reached if group == LANES else _multiple(reached, LANES * SHARED * c) // LANES
    row_pitch = LANES * (part | 1)  # lines an even number of cache lines apart share cache sets
    return Plan(
        height=h,
        width=w,
        channels=c,
        rows=rows,
        columns=columns,
        margin=margin,
        size=size,
        border=BORDERS[formula.border],
        band=band,
        bands=bands,
        tile=tile,
        group=group,
        chunk=_multiple(max(size + SHARED, min(band, CHUNK_SAMPLES // row_pitch)), SHARED),
        row_pitch=row_pitch,
        pitch=LANES * (_multiple(part, SHARED * c) + beyond | 1),
    )


def _bands(rows: int) -> int:
    """Return the number of bands: many of them in eights, so that threads get equal shares."""
    count = rows / BAND
    return max(1, round(count)) if count < EIGHTS_FROM else 8 * round(count / 8)


def _multiple(number: int, unit: int) -> int:
    return -(-number // unit) * unit


@lru_cache(maxsize=REMEMBERED)
def window_of(formula: Formula, kind: type[np.floating]) -> Window:
    """Return the numbers of a formula in the computing dtype.

    In float32, `c1` and `c2` are infinite for data ranges above 1e21. Nothing uses them then: float
    images are scaled to a data range of 1.
    """
    with np.errstate(over="ignore"):
        return Window(
            weights=np.array(formula.weights, kind),
            taps=(0,) * len(formula.weights),
            scale=kind(1 / formula.data_range),
            c1=kind((formula.k1 * formula.data_range) ** 2),
            c2=kind((formula.k2 * formula.data_range) ** 2),
            c1_of_one=kind(formula.k1**2),
            c2_of_one=kind(formula.k2**2),
        )
