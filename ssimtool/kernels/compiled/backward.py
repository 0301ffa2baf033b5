"""Backward pass: the gradients of 1 − SSIM and of the errors, from one recomputation.

The slopes of each window (`slopes`) are blurred by the adjoint, along the rows first, and then
applied to the samples of the window. If the border repeats rows or columns, the slopes of the
repeated ones are added to their originals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.forward import blur_tile, new_scratch
from ssimtool.kernels.compiled.moments import set_centre
from ssimtool.kernels.compiled.slopes import Weighed, slopes_of_samples, slopes_of_windows
from ssimtool.kernels.compiled.stages import (
    blur_line,
    blur_two,
    clear_line,
    copy_line,
    source_index,
)
from ssimtool.kernels.compiled.vectors import IS_WIDE, LANES, blur_vectors, on_a_cache_line
from ssimtool.kernels.compiling import SOURCES, entry, plain


class Slopes(NamedTuple):
    """Incoming gradients, and the arrays into which the gradients are written.

    `structure` (planes, channels) is the factor of the loss of each window. `square` and `absolute`
    (planes,) are the factors of (x − y)² and |x − y| of each sample. `first` and `second` are one
    line of memory each, divided by planes and step. `second` is written only if `both` is not None.
    `first` is the gradient by x if `sign` is 1, and by y if it is −1."""

    structure: np.ndarray
    square: np.ndarray
    absolute: np.ndarray
    sign: np.floating
    both: int | None
    first: np.ndarray
    first_planes: np.ndarray
    first_step: int
    second: np.ndarray
    second_planes: np.ndarray
    second_step: int


@plain
def blur_along(line, n, window, more, plan, out, at):
    """Blur consecutive lines horizontally, into `out` from `at` on: the horizontal adjoint."""
    n = (n + LANES - 1) // LANES * LANES
    if more is None and IS_WIDE and plan.channels == 3:
        blur_vectors(line, n, (0, 0, 0), window.taps, window.weights, out, at)
    elif more is None and IS_WIDE and plan.channels == 1:
        blur_vectors(line, n, (0,), window.taps, window.weights, out, at)
    else:
        blur_line(line, n, plan.channels, 0, window, out, at, None)
    if more is not None:
        for k in range(len(window.taps), plan.reach, len(window.taps)):
            blur_line(line, n, plan.channels, k, window, out, at, 0)


@plain
def fold_columns(lines, start, count, plan, outer, first, last):
    """Add the columns beyond the edges to the columns that they repeat."""
    c = plan.channels
    for line in range(count):
        base = start + line * plan.pitch
        for column in range(outer, first):
            to = base + (source_index(column, plan.width, plan.border) - outer) * c
            for q in range(c):
                lines[to + q] += lines[base + (column - outer) * c + q]
        for column in range(plan.width, last):
            to = base + (source_index(column, plan.width, plan.border) - outer) * c
            for q in range(c):
                lines[to + q] += lines[base + (column - outer) * c + q]


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
def window_slopes(
    sides, window, more, plan, slopes, plane, low, high, first, last, scratch, raw, slots
):
    """Write the slopes of the windows over rows `low` to `high` and columns `first` to `last`.

    They are blurred along the rows by the adjoint. Each row of windows has one slot of lines.
    Return the position of the column `first` in a line."""
    c, pitch = plan.channels, plan.pitch
    count = 3 if slopes.both is None else 4
    reflects = plan.border >= 2
    outer = first - plan.margin if reflects and first == 0 else first
    end = last + plan.margin if reflects and last == plan.width else last
    left = outer + plan.margin - plan.size + 1
    begin, stop = max(left, 0), min(end + plan.margin, plan.columns)
    n, at = (stop - begin) * c, (begin - left) * c
    long = (n + LANES - 1) // LANES * LANES
    top = low + plan.margin - plan.size + 1
    bottom = min(high + plan.margin, plan.rows)
    for row in range(max(top, 0), bottom, 2):
        blur_tile(sides, window, more, plan, plane, row, begin * c, n, scratch)
        for r in range(min(2, bottom - row)):
            slopes_of_windows(
                scratch.blurred,
                4 * r * pitch,
                pitch,
                long,
                window,
                scratch.centre,
                slopes.sign,
                slopes.both,
                raw,
                at,
            )
            for line in range(count):
                clear_line(raw, line * pitch + at + n, long - n)
            slot = (row + r - top) * count * pitch
            blur_along(
                raw, (count - 1) * pitch + (end - outer) * c, window, more, plan, slots, slot
            )
            if outer < first or end > last:
                fold_columns(slots, slot, count, plan, outer, first, end)
    return (first - outer) * c


@plain
def blur_up(slots, start, n, step, upper, lower, window, more, plan, out):
    """Write the vertical adjoint for two neighbouring rows of pixels, the second `step` later."""
    n, taps = (n + LANES - 1) // LANES * LANES, len(window.taps)
    blur_two(slots, start, n, step, upper, lower, 0, window.taps, out, None)
    if more is not None:
        for k in range(taps, plan.reach, taps):
            at = start + k * step
            blur_two(slots, at, n, step, upper, lower, k, window.taps, out, 0)


@plain
def write_rows(
    sides, window, centre, plan, slopes, plane, row, count, first, n, lines, step, factors
):
    """Write the gradients of `count` rows of `n` samples from `first` on."""
    pitch, square, absolute = plan.pitch, slopes.square[plane], slopes.absolute[plane]
    of_first = Weighed(factors, square, absolute, slopes.sign)
    of_second = Weighed(factors, square, absolute, -slopes.sign)
    for r in range(row, row + count):
        x = sides.planes_x[plane] + r * sides.step_x + first
        y = sides.planes_y[plane] + r * sides.step_y + first
        start = (r - row) * step
        at = slopes.first_planes[plane] + r * slopes.first_step + first
        common = sides, x, y, n, lines, start
        slopes_of_samples(*common, 2, pitch, window, centre, of_first, slopes.first, at)
        if slopes.both is not None:
            at = slopes.second_planes[plane] + r * slopes.second_step + first
            slopes_of_samples(*common, 3, pitch, window, centre, of_second, slopes.second, at)


def _backward(stamp):
    def backward(first, last, sides, window, more, plan, slopes):
        """Compute the tasks `first` to `last`, each some rows and columns of one plane, and write
        the gradients of their samples."""
        if stamp == "":
            return
        c, pitch, kind = plan.channels, plan.pitch, window.weights.dtype
        step = (3 if slopes.both is None else 4) * pitch
        scratch = new_scratch(sides, window, plan)
        raw = on_a_cache_line(5 * pitch + plan.reach * c + 2 * LANES, kind)
        slots = on_a_cache_line((plan.band + plan.reach + 1) * step + pitch, kind)
        lines, factors = np.zeros(2 * step + pitch, kind), np.zeros(pitch, kind)
        upper, lower = np.zeros(plan.reach, kind), np.zeros(plan.reach, kind)
        tiles = max(1, plan.width * c // plan.tile)
        for task in range(first, last):
            plane, part = task // (plan.bands * tiles), task % (plan.bands * tiles)
            band, tile = part // tiles, part % tiles
            low, high = band * plan.band, min((band + 1) * plan.band, plan.height)
            begin, end = tile * plan.width // tiles, (tile + 1) * plan.width // tiles
            n = (end - begin) * c
            set_centre(sides, plan, plane, low, high, begin, end, scratch.centre)
            clear_line(raw, 0, len(raw))
            clear_line(slots, 0, len(slots))
            for j in range(n):
                factors[j] = slopes.structure[plane, j % c]
            own = sides, window, more, plan, slopes, plane, low, high, begin, end
            at = window_slopes(*own, scratch, raw, slots)
            for row in range(low, high, 2):
                fold_weights(row, window.weights, plan, upper)
                fold_weights(row + 1, window.weights, plan, lower)
                start, count = (row - low) * step + at, min(2, high - row)
                blur_up(
                    slots, start, step - pitch + n, step, upper, lower, window, more, plan, lines
                )
                write_rows(
                    sides, window, scratch.centre, plan, slopes, plane, row, count, begin * c, n,
                    lines, step, factors,
                )  # fmt: skip

    return entry(backward)


backward = _backward(SOURCES)
