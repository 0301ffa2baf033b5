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

from ssimtool.kernels.compiled.instructions import LANES, VECTOR_BYTES
from ssimtool.kernels.compiled.layout import continue_lines
from ssimtool.kernels.compiled.rows import ahead_of, read_rows
from ssimtool.kernels.compiled.vectors import SHARED, fetch_line, write_moments
from ssimtool.kernels.compiling import formula, pointwise


@pointwise
def moments_down(rows, start, row_pitch, n, taps, weights, out, pitch, sides, ahead):
    """Write the moments of the columns of `SHARED` rows of windows: each has four lines, `pitch`
    apart, the means of s and d, then their variances.

    Meanwhile `SHARED` rows of samples, which are read soon, are fetched."""
    for of_line in range(2):
        at, to = start + of_line * row_pitch, of_line * pitch
        plane, sample = ahead.plane, 0
        for block in range(0, n, LANES):
            of_plane = min(plane, len(sides.planes_x) - 1)
            row = ahead.row + of_line * SHARED // 2
            x = sides.planes_x[of_plane] + row * sides.step_x + ahead.low + sample
            y = sides.planes_y[of_plane] + row * sides.step_y + ahead.low + sample
            for k in range(SHARED // 2):
                fetch_line(sides.x, x + k * sides.step_x)
                fetch_line(sides.y, y + k * sides.step_y)
            sample += LANES
            if sample >= ahead.part:
                plane, sample = plane + 1, sample - ahead.part
            for j in range(block, block + LANES, VECTOR_BYTES // out.itemsize):
                write_moments(
                    rows, at + j, 2 * row_pitch, None, taps, weights, out, to + j, 4 * pitch,
                    2 * pitch,
                )  # fmt: skip


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
    moments_down(
        scratch.rows, start, plan.row_pitch, LANES * tile.part, window.taps, window.weights, lines,
        pitch, sides, ahead_of(plan, tile, row, low),
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
