"""Local means and variances of s = x + y and d = x − y, as accurate as float32 allows.

E[v²] − E[v]² loses the digits of a variance that is small beside the squared mean. Each stage
therefore measures from a sample inside the window, near its middle, and adds variances only:

    down the columns   v = s − s of a row                 mean and variance of each column
    along the row      v = a column's mean − another's
                       variance = Σ w (variance of a column + v²) − (Σ w v)²

If that sample has the weight w, E[v²] is at most 1/w times the variance, whatever the samples. So
rounding costs a few units in the last place, also for samples far from 0 and beside sharp edges.
Samples and means are kept as distances from a constant, the centre, which is a sample nearby.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.instructions import LANES, VECTOR_BYTES
from ssimtool.kernels.compiled.layout import continue_lines, split
from ssimtool.kernels.compiled.stages import copy_line, source_index
from ssimtool.kernels.compiled.vectors import SHARED, fetch_line, write_moments
from ssimtool.kernels.compiling import formula, plain, pointwise, stage

SAMPLED = 5  # positions whose median is the centre: an outlier is not


class Tile(NamedTuple):
    """Some windows of a plane, or of as many planes as there are lanes.

    `plane` is the first. `part` is the length of the parts of its split lines, `positions` that of
    their beginnings where there are windows."""

    plane: int
    part: int
    positions: int


@stage
def centre_row(sides, from_x, from_y, n, centre, own, pitch, out, at):
    """Write s and d of n samples as distances from the centre, into two lines, `pitch` apart."""
    kind = out.dtype.type
    for j in range(n):
        a, b = kind(sides.x[np.uint64(from_x + j)]), kind(sides.y[np.uint64(from_y + j)])
        s = (a - centre[np.uint64(own + j)]) + (b - centre[np.uint64(own + pitch + j)])
        out[np.uint64(at + j)] = s
        out[np.uint64(at + pitch + j)] = (a - b) - centre[np.uint64(own + 3 * pitch + j)]


@stage
def centre_zeros(n, centre, own, pitch, out):
    """Write what `centre_row` does for samples of 0, at the place of their centre."""
    for j in range(own, own + n):
        out[np.uint64(j)] = -centre[np.uint64(2 * pitch + j)]
        out[np.uint64(pitch + j)] = -centre[np.uint64(3 * pitch + j)]


@formula
def extend_row(line, own, first, last, centre, plan):
    """Fill the columns beyond the edges of the image, in s and d of the columns `first` to `last`,
    which begin at `own`."""
    c, pitch = plan.channels, plan.pitch
    left, right = max(-first, 0), max(last - plan.width, 0)
    for k in range(left + right):
        column = first + k if k < left else plan.width + k - left
        source = source_index(column, plan.width, plan.border)
        at, to = own + (source - first) * c, own + (column - first) * c
        for q in range(c):
            for of_line in range(2):
                zero = -centre[(2 + of_line) * pitch + own + q]
                value = line[at + of_line * pitch + q] if source >= 0 else zero
                line[to + of_line * pitch + q] = value


@formula
def tile_of(plan, plane, n, needed):
    """Return the tile of windows of n samples from those of `needed` samples, for a plane or for
    `plan.group` from it on."""
    if plan.group == LANES:
        return Tile(plane, needed, n)
    # A multiple, so that the windows that are computed together are the same for every tile.
    unit = SHARED * plan.channels
    part = (needed + unit * LANES - 1) // (unit * LANES) * unit
    return Tile(plane, part, part)


@formula
def plane_of(sides, tile, piece):
    """Return the plane of a piece of a tile; the last plane stands for those that are missing."""
    return min(tile.plane + piece, len(sides.planes_x) - 1)


@formula
def read_row(sides, plan, tile, row, low, n, scratch, to):
    """Write s and d of `n` samples of a row of the extended image as split lines, from `low` on."""
    c, pitch, line, part, centre = (
        plan.channels, plan.pitch, scratch.line, tile.part, scratch.centre,
    )  # fmt: skip
    source = source_index(row, plan.height, plan.border)
    left, right = max(low, 0), min(low + n, plan.width * c)
    for piece in range(plan.group):
        plane, own = plane_of(sides, tile, piece), piece * part
        if source < 0:
            centre_zeros(n, centre, own, pitch, line)
        else:
            x = sides.planes_x[plane] + source * sides.step_x + left
            y = sides.planes_y[plane] + source * sides.step_y + left
            at = own + left - low
            centre_row(sides, x, y, right - left, centre, own, pitch, line, at)
            extend_row(line, own, low // c, (low + n) // c, centre, plan)
    for of_line in range(2):
        split(line, of_line * pitch, part, scratch.rows, to + of_line * plan.row_pitch)


@formula
def read_rows(sides, plan, tile, row, index, last, low, n, scratch):
    """Return where the rows of the windows of `row` begin in `scratch.rows`, and read them first.

    Rows of windows come `SHARED` at a time; this one is the `index`-th of its tile, which ends
    before `last`. The rows are read `plan.chunk` at a time; those that are still needed are moved
    to the front."""
    step, kept = 2 * plan.row_pitch, plan.size - 1
    slot, top = index % plan.chunk, row - plan.margin
    if slot == 0:
        if index > 0:
            copy_line(scratch.rows, plan.chunk * step, kept * step, scratch.rows, 0)
        needed = min(plan.chunk, (last - row + SHARED - 1) // SHARED * SHARED)
        for k in range(0 if index == 0 else kept, kept + needed):
            read_row(sides, plan, tile, top + k, low, n, scratch, k * step)
    return slot * step


@pointwise
def moments_down(rows, start, row_pitch, n, taps, weights, out, pitch, sides, ahead_x, ahead_y):
    """Write the moments of the columns of `SHARED` rows of windows: each has four lines, `pitch`
    apart, the means of s and d, then their variances.

    Meanwhile `SHARED` rows of samples, which are read soon, are fetched."""
    for of_line in range(2):
        at, to = start + of_line * row_pitch, of_line * pitch
        for j in range(0, n, VECTOR_BYTES // out.itemsize):
            for k in range(SHARED // 2):
                row = of_line * SHARED // 2 + k
                fetch_line(sides.x, ahead_x + row * sides.step_x + j)
                fetch_line(sides.y, ahead_y + row * sides.step_y + j)
            write_moments(
                rows, at + j, 2 * row_pitch, None, taps, weights, out, to + j, 4 * pitch, 2 * pitch
            )


@pointwise
def moments_along(lines, start, n, c, step, pitch, taps, weights, out, to):
    """Write the moments of n positions of windows from those of their columns, four lines each.

    Windows that share columns are `c` positions apart; `step` is that distance in samples, or a
    tuple of length c."""
    gap = 2 * pitch
    for of_line in range(2):
        at, result = start + of_line * pitch, to + of_line * pitch
        for block in range(0, n * LANES, SHARED * c * LANES):
            for j in range(block, block + c * LANES, VECTOR_BYTES // out.itemsize):
                write_moments(lines, at + j, step, gap, taps, weights, out, result + j, step, gap)


@formula
def columns_of_tile(sides, window, plan, tile, row, index, last, first, n, scratch):
    """Write the moments of the columns of `SHARED` rows of windows from `row` on.

    They belong to the windows from sample `first` of a row on, which reach `n` samples. The other
    arguments are those of `read_rows`."""
    low, lines, pitch = first - plan.margin * plan.channels, scratch.lines, plan.pitch
    start = read_rows(sides, plan, tile, row, index, last, low, n, scratch)
    ahead = row - plan.margin + plan.size - 1 + plan.chunk
    moments_down(
        scratch.rows, start, plan.row_pitch, LANES * tile.part, window.taps, window.weights, lines,
        pitch, sides, sides.planes_x[tile.plane] + ahead * sides.step_x + low,
        sides.planes_y[tile.plane] + ahead * sides.step_y + low,
    )  # fmt: skip
    if plan.group == 1:
        beyond = (plan.size - 1) * plan.channels
        continue_lines(lines, 4 * SHARED, pitch, tile.part, beyond)


@formula
def windows_of_row(window, plan, tile, r, scratch, to):
    """Write the moments of row r of those of `columns_of_tile` into `scratch.blurred`: four lines
    from `to` on, means of s and d as distances from the centre, then their variances."""
    start, c, n = 4 * r * plan.pitch, plan.channels, tile.positions
    own = plan.pitch, window.taps, window.weights, scratch.blurred, to
    if c == 1:
        moments_along(scratch.lines, start, n, 1, (0,), *own)
    elif c == 3:
        moments_along(scratch.lines, start, n, 3, (0, 0, 0), *own)
    else:
        moments_along(scratch.lines, start, n, c, c * LANES, *own)


@plain
def median_of(values, count):
    """Return the median of an odd number of values, which are sorted in place."""
    for i in range(1, count):
        value, k = values[i], i
        while k > 0 and values[k - 1] > value:
            values[k] = values[k - 1]
            k -= 1
        values[k] = value
    return values[count // 2]


@plain
def set_centre(sides, plan, tile, top, bottom, left, right, scratch):
    """Write the centre of some rows and columns of a tile: lines for x, y, s and d.

    The rows are `top` to `bottom`, the columns `left` to `right`. The centre of each channel is the
    median of a few samples, so that it is exact in the computing dtype."""
    c, pitch, centre = plan.channels, plan.pitch, scratch.centre
    kind = centre.dtype.type
    x, y, d = np.zeros(SAMPLED, kind), np.zeros(SAMPLED, kind), np.zeros(SAMPLED, kind)
    needed = tile.part * (LANES // plan.group)
    for piece in range(plan.group):
        plane, own = plane_of(sides, tile, piece), piece * tile.part
        for q in range(own, own + c):
            for i in range(SAMPLED):
                row = top + (bottom - top) * (i + 1) // (SAMPLED + 1)
                column = left + (right - left) * (2 * i % SAMPLED + 1) // (SAMPLED + 1)
                at = column * c + q - own
                x[i] = sides.x[sides.planes_x[plane] + row * sides.step_x + at]
                y[i] = sides.y[sides.planes_y[plane] + row * sides.step_y + at]
                d[i] = x[i] - y[i]
            centre[q], centre[pitch + q] = median_of(x, SAMPLED), median_of(y, SAMPLED)
            centre[2 * pitch + q] = centre[q] + centre[pitch + q]
            centre[3 * pitch + q] = median_of(d, SAMPLED)
        for line in range(4):
            start, known = line * pitch + own, c
            while known < needed:  # repeat the channels along the line, twice as many each time
                more = min(known, needed - known)
                copy_line(centre, start, more, centre, start + known)
                known += more
    for of_line in range(2):
        split(centre, (2 + of_line) * pitch, tile.part, scratch.split_centre, of_line * pitch)
