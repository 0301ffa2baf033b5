"""Rows of images, read as split lines: s = x + y and d = x − y, as distances from a centre.

The centre is a sample nearby, the same for some rows and columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.instructions import LANES
from ssimtool.kernels.compiled.layout import split
from ssimtool.kernels.compiled.stages import copy_line, source_index
from ssimtool.kernels.compiled.vectors import SHARED
from ssimtool.kernels.compiling import formula, plain, stage

SAMPLED = 5  # positions whose median is the centre: an outlier is not


class Tile(NamedTuple):
    """Some windows of a plane, or of as many planes as there are lanes.

    `plane` is the first. `part` is the length of the parts of its split lines, `positions` that of
    their beginnings where there are windows."""

    plane: int
    part: int
    positions: int


class Ahead(NamedTuple):
    """Samples that are read soon: those of a row from sample `low` on.

    `part` samples each belong to `plane` and to those that follow it."""

    plane: int
    row: int
    low: int
    part: int


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


@formula
def ahead_of(plan, tile, row, low):
    """Return the samples that are read one chunk later: perhaps those of the next planes."""
    later = row - plan.margin + plan.size - 1 + plan.chunk
    if plan.group == 1:
        return Ahead(tile.plane, later, low, LANES * tile.part)
    if later < plan.height:
        return Ahead(tile.plane, later, low, tile.part)
    return Ahead(tile.plane + plan.group, later - plan.height, low, tile.part)


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
