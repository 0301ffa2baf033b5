"""The adjoint of the blur: from the slopes of windows to those of their samples.

If the border repeats rows or columns, the slopes of the repeated ones are added to their originals.
"""

from __future__ import annotations

from ssimtool.kernels.compiled.instructions import LANES, VECTOR_BYTES
from ssimtool.kernels.compiled.layout import place, split
from ssimtool.kernels.compiled.stages import clear_line, copy_line, source_index
from ssimtool.kernels.compiled.vectors import SHARED, write_blur, write_two
from ssimtool.kernels.compiling import plain, pointwise


@pointwise
def blur_positions(lines, start, n, c, step, taps, weights, out, to):
    """Blur n positions of a split line along the row.

    `step` is the distance of c positions in samples, or a tuple of length c."""
    for block in range(0, n * LANES, SHARED * c * LANES):
        for j in range(block, block + c * LANES, VECTOR_BYTES // out.itemsize):
            write_blur(lines, start + j, step, taps, weights, out, to + j)


@plain
def blur_along(lines, start, n, window, plan, out, to):
    """Blur n positions of a split line along the row: the horizontal adjoint."""
    c, own = plan.channels, (window.taps, window.weights, out, to)
    if c == 1:
        blur_positions(lines, start, n, 1, (0,), *own)
    elif c == 3:
        blur_positions(lines, start, n, 3, (0, 0, 0), *own)
    else:
        blur_positions(lines, start, n, c, c * LANES, *own)


@pointwise
def blur_up(slots, start, n, step, taps, weights, out, to):
    """Blur lines `step` apart, for `SHARED` rows of pixels: the vertical adjoint."""
    for j in range(0, n, VECTOR_BYTES // out.itemsize):
        write_blur(slots, start + j, step, taps, weights, out, to + j)


@pointwise
def blur_two_up(slots, start, n, step, taps, upper, lower, out, to):
    """Do what `blur_up` does for two rows of pixels, with weights of their own."""
    for j in range(0, n, VECTOR_BYTES // out.itemsize):
        write_two(slots, start + j, step, taps, upper, lower, out, to + j, step)


@plain
def fold_columns(lines, start, count, plan, own, part, outer, first, last):
    """Add the columns beyond the edges to the columns that they repeat, in the samples from `own`
    on."""
    c = plan.channels
    for line in range(count):
        base = start + line * plan.pitch
        for k in range(first - outer + max(0, last - plan.width)):
            column = outer + k if k < first - outer else plan.width + k - (first - outer)
            to = (source_index(column, plan.width, plan.border) - outer) * c
            for q in range(c):
                value = lines[base + place(own + (column - outer) * c + q, part)]
                lines[base + place(own + to + q, part)] += value


@plain
def fold_weights(row, weights, plan, out):
    """Write the weights of a row of pixels in the windows from `row + margin − size + 1` on.

    They include the weights of the rows beyond the edges that repeat this row."""
    copy_line(weights, 0, len(weights), out, 0)
    if plan.border < 2:
        return
    for beyond in range(1, plan.margin + 1):
        for outer in (-beyond, plan.height - 1 + beyond):
            if source_index(outer, plan.height, plan.border) == row:
                for k in range(plan.size):
                    if 0 <= outer - row + k < plan.size:
                        out[outer - row + k] += weights[k]


@plain
def blur_rows_up(slots, row, start, step, n, window, plan, upper, lower, out):
    """Write the vertical adjoint for `SHARED` rows of pixels from `row` on, whose windows begin at
    `start`: lines of n positions, as many as fit `step`."""
    long, margin = LANES * n, plan.margin
    inside = margin < row and row + SHARED < plan.height - margin
    if plan.border < 2 or inside:
        for line in range(0, step, plan.pitch):
            blur_up(slots, start + line, long, step, window.taps, window.weights, out, line)
        return
    for r in range(0, SHARED, 2):
        fold_weights(row + r, window.weights, plan, upper)
        fold_weights(row + r + 1, window.weights, plan, lower)
        for line in range(r * step, (r + 1) * step, plan.pitch):
            blur_two_up(slots, start + line, long, step, window.taps, upper, lower, out, line)


@plain
def mark_windows(first, last, own_first, own_last, plan, tile, line, out):
    """Write a split line of 1 for the samples `first` to `last` of each piece, of 2 for those of
    them that are its own, else 0."""
    clear_line(line, 0, tile.part * LANES)
    for piece in range(plan.group):
        start = piece * tile.part
        for p in range(first, last):
            line[start + p] = 2 if own_first <= p < own_last else 1
    split(line, 0, tile.part, out, 0)
