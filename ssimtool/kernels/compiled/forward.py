"""Forward pass: 1 − SSIM and the errors of two images in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.stages import (
    add_losses,
    blur_line,
    blur_rows,
    clear_line,
    copy_line,
    errors_of_floats,
    errors_of_integers,
    source_index,
    write_map,
)
from ssimtool.kernels.compiled.vectors import IS_WIDE, LANES, blur_vectors, on_a_cache_line
from ssimtool.kernels.compiling import SOURCES, entry, plain


class Plan(NamedTuple):
    """Geometry of the images and of the work.

    A row holds width·channels samples with interleaved channels; planar images are planes of one
    channel. `rows` and `columns` are those of the map. `margin` is the number of pixels that the
    border adds on each side. `reach` is the number of weights of the window, including those of 0
    after them. A plane has `bands` bands of `band` rows. `tile` samples of a row are computed at a
    time. `pitch` is the length of a scratch line."""

    height: int
    width: int
    channels: int
    rows: int
    columns: int
    margin: int
    size: int
    reach: int
    border: int
    band: int
    bands: int
    tile: int
    pitch: int


class Sides(NamedTuple):
    """Two arrays of samples, one line of memory each, with starts of planes and steps of rows."""

    x: np.ndarray
    y: np.ndarray
    planes_x: np.ndarray
    planes_y: np.ndarray
    step_x: int
    step_y: int


class Scratch(NamedTuple):
    """Lines that one thread reuses. `edges` holds rows of both images beyond and at the edges."""

    edges: Sides
    lines: np.ndarray
    blurred: np.ndarray


class Window(NamedTuple):
    """Weights, in rounds of len(taps), and the constants of SSIM, all of one dtype.

    `mid` is the data range, on which s is centred, and `scale` its reciprocal. `c1` and `c2` belong
    to the data range, `c1_of_one` and `c2_of_one` to a data range of 1."""

    weights: np.ndarray
    taps: tuple
    mid: np.floating
    scale: np.floating
    c1: np.floating
    c2: np.floating
    c1_of_one: np.floating
    c2_of_one: np.floating


@plain
def new_scratch(sides, window, plan):
    """Return the scratch lines of one thread."""
    size = (plan.reach + 1) * plan.pitch + LANES
    edges = Sides(
        np.zeros(size, sides.x.dtype),
        np.zeros(size, sides.y.dtype),
        sides.planes_x,
        sides.planes_y,
        plan.pitch,
        plan.pitch,
    )
    kind = window.weights.dtype
    lines = on_a_cache_line(9 * plan.pitch + plan.reach * plan.channels + 2 * LANES, kind)
    return Scratch(edges, lines, on_a_cache_line(9 * plan.pitch, kind))


@plain
def copy_rows(samples, start, step, top, n, plan, out):
    """Copy the rows of the extended image that two rows of windows need, from row `top` on.

    Each row has `n` samples, which begin at `start` in row 0."""
    for q in range(plan.reach + 1):
        row = source_index(top + q, plan.height, plan.border)
        if row >= 0:
            copy_line(samples, start + row * step, n, out, q * plan.pitch)
        else:
            clear_line(out, q * plan.pitch, n)


@plain
def extend_lines(lines, first, last, mid, plan):
    """Fill the columns beyond the edges of the image, in eight lines with the columns `first` to
    `last`."""
    c = plan.channels
    left, right = max(-first, 0), max(last - plan.width, 0)
    for k in range(left + right):
        column = first + k if k < left else plan.width + k - left
        source = source_index(column, plan.width, plan.border)
        at, to = (source - first) * c, (column - first) * c
        for line in range(8):
            zeros = -mid if line & 3 == 0 else mid * mid if line & 3 == 2 else mid - mid
            for q in range(c):
                lines[to + q] = lines[at + q] if source >= 0 else zeros
            at += plan.pitch
            to += plan.pitch


@plain
def more_rows(sides, from_x, from_y, n, window, plan, out, at):
    """Compute the further rounds of the vertical blur of two rows of windows."""
    for k in range(len(window.taps), plan.reach, len(window.taps)):
        x, y = from_x + k * sides.step_x, from_y + k * sides.step_y
        blur_rows(sides, x, y, n, k, window, out, at, plan.pitch, 0)


@plain
def blur_along(line, n, window, more, plan, out, at):
    """Blur consecutive lines horizontally, into `out` from `at` on."""
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
def blur_tile(sides, window, more, plan, plane, row, first, n, scratch):
    """Write the blurred lines of `n` samples of the map from `first` on into `scratch.blurred`.

    There are 4 lines for the windows of `row` and 4 for those of the next row, `pitch` apart."""
    c, pitch, lines = plan.channels, plan.pitch, scratch.lines
    top, low = row - plan.margin, first - plan.margin * c
    needed = n + (plan.reach - 1) * c
    start = max(low, 0)
    at, inside = start - low, min(low + needed, plan.width * c) - start
    x, y = sides.planes_x[plane] + start, sides.planes_y[plane] + start
    long = (inside + LANES - 1) // LANES * LANES
    if top < 0 or top + plan.reach >= plan.height:
        copy_rows(sides.x, x, sides.step_x, top, inside, plan, scratch.edges.x)
        copy_rows(sides.y, y, sides.step_y, top, inside, plan, scratch.edges.y)
        blur_rows(scratch.edges, 0, 0, long, 0, window, lines, at, pitch, None)
        if more is not None:
            more_rows(scratch.edges, 0, 0, long, window, plan, lines, at)
    else:
        x, y = x + top * sides.step_x, y + top * sides.step_y
        end_x, end_y = x + plan.reach * sides.step_x, y + plan.reach * sides.step_y
        if end_x + long > len(sides.x) or end_y + long > len(sides.y):
            long = inside  # the last row: the memory ends after it
        blur_rows(sides, x, y, long, 0, window, lines, at, pitch, None)
        if more is not None:
            more_rows(sides, x, y, long, window, plan, lines, at)
    extend_lines(lines, low // c, (low + needed) // c, window.mid, plan)
    blur_along(lines, 7 * pitch + n, window, more, plan, scratch.blurred, 0)


@plain
def errors_of_rows(sides, plan, plane, first, last, exact):
    """Return Σ (x − y)² and Σ |x − y| over some rows."""
    square = absolute = 0.0
    n = plan.width * plan.channels
    for row in range(first, last):
        from_x = sides.planes_x[plane] + row * sides.step_x
        from_y = sides.planes_y[plane] + row * sides.step_y
        if exact is None:
            more = errors_of_floats(sides.x, sides.y, from_x, from_y, n)
        else:
            more = errors_of_integers(sides.x, sides.y, from_x, from_y, n)
        square += more[0]
        absolute += more[1]
    return square, absolute


@plain
def losses_of_rows(sides, window, more, plan, plane, first, last, scratch, total, ssim_map):
    """Add 1 − SSIM of some rows of windows to `total`, sample by sample of a tile."""
    length = plan.columns * plan.channels
    for row in range(first, last, 2):
        count = min(2, last - row)
        for tile in range(0, length, plan.tile):
            n = min(plan.tile, length - tile)
            blur_tile(sides, window, more, plan, plane, row, tile, n, scratch)
            add_losses(scratch.blurred, plan.pitch, n, window, count - 1, total)
            for r in range(count if len(ssim_map) > 0 else 0):
                at = (plane * plan.rows + row + r) * length + tile
                write_map(scratch.blurred, 4 * r * plan.pitch, plan.pitch, n, window, ssim_map, at)


def _forward(stamp):
    def forward(first, last, sides, window, more, plan, structure, exact, sums, errors, ssim_map):
        """Compute the tasks `first` to `last`, each one band of one plane.

        Write sums (planes, bands, channels) and, unless they are empty, errors (planes, bands, 2)
        and the map, a line of (planes, rows, columns·channels). `more` is None if one round is
        enough, `structure` is None to leave SSIM out, `exact` is None if the samples are floats."""
        if stamp == "":
            return
        scratch = new_scratch(sides, window, plan)
        total = np.zeros(plan.pitch)
        for task in range(first, last):
            plane, band = task // plan.bands, task % plan.bands
            low = band * plan.band
            high = min(low + plan.band, plan.rows)
            if structure is not None:
                clear_line(total, 0, len(total))
                losses_of_rows(
                    sides, window, more, plan, plane, low, high, scratch, total, ssim_map
                )
                for q in range(plan.channels):
                    sum_of_channel = 0.0
                    for j in range(q, plan.tile, plan.channels):
                        sum_of_channel += total[j]
                    sums[plane, band, q] = sum_of_channel
            if len(errors) > 0:
                bottom = plan.height if band == plan.bands - 1 else high
                both = errors_of_rows(sides, plan, plane, low, bottom, exact)
                errors[plane, band, 0], errors[plane, band, 1] = both

    return entry(forward)


forward = _forward(SOURCES)
