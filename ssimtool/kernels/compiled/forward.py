"""Forward pass: 1 − SSIM and the errors of two images in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.moments import moments_along, moments_down, set_centre
from ssimtool.kernels.compiled.stages import (
    add_losses,
    clear_line,
    copy_line,
    errors_of_floats,
    errors_of_integers,
    source_index,
    write_map,
)
from ssimtool.kernels.compiled.vectors import LANES, on_a_cache_line
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
    centre: np.ndarray


class Window(NamedTuple):
    """Weights, in rounds of len(taps), and the constants of SSIM, all of one dtype.

    `scale` is the reciprocal of the data range. `c1` and `c2` belong to the data range, `c1_of_one`
    and `c2_of_one` to a data range of 1."""

    weights: np.ndarray
    taps: tuple
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
    blurred, centre = on_a_cache_line(9 * plan.pitch, kind), on_a_cache_line(4 * plan.pitch, kind)
    return Scratch(edges, lines, blurred, centre)


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
def extend_lines(lines, first, last, centre, plan):
    """Fill the columns beyond the edges of the image, in eight lines with the columns `first` to
    `last`."""
    c = plan.channels
    left, right = max(-first, 0), max(last - plan.width, 0)
    for k in range(left + right):
        column = first + k if k < left else plan.width + k - left
        source = source_index(column, plan.width, plan.border)
        at, to = (source - first) * c, (column - first) * c
        for line in range(8):
            means = line & 3 < 2  # of zeros, which have no variance
            for q in range(c):
                zero = -centre[(2 + (line & 1)) * plan.pitch + q] if means else centre.dtype.type(0)
                lines[to + q] = lines[at + q] if source >= 0 else zero
            at += plan.pitch
            to += plan.pitch


@plain
def blur_tile(sides, window, more, plan, plane, row, first, n, scratch):
    """Write the moments of `n` samples of the map from `first` on into `scratch.blurred`.

    There are 4 lines for the windows of `row` and 4 for those of the next row, `pitch` apart: means
    of s and d as distances from `scratch.centre`, then their variances."""
    c, lines = plan.channels, scratch.lines
    top, low = row - plan.margin, first - plan.margin * c
    needed = n + (plan.reach - 1) * c
    start = max(low, 0)
    at, inside = start - low, min(low + needed, plan.width * c) - start
    x, y = sides.planes_x[plane] + start, sides.planes_y[plane] + start
    long = (inside + LANES - 1) // LANES * LANES
    if top < 0 or top + plan.reach >= plan.height:
        copy_rows(sides.x, x, sides.step_x, top, inside, plan, scratch.edges.x)
        copy_rows(sides.y, y, sides.step_y, top, inside, plan, scratch.edges.y)
        moments_down(scratch.edges, 0, 0, long, window, more, plan, scratch, at)
    else:
        x, y = x + top * sides.step_x, y + top * sides.step_y
        end_x, end_y = x + plan.reach * sides.step_x, y + plan.reach * sides.step_y
        if end_x + long > len(sides.x) or end_y + long > len(sides.y):
            long = inside  # the last row: the memory ends after it
        moments_down(sides, x, y, long, window, more, plan, scratch, at)
    extend_lines(lines, low // c, (low + needed) // c, scratch.centre, plan)
    for line in (0, 4):
        moments_along(lines, line * plan.pitch, n, window, more, plan, scratch.blurred)


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
def losses_of_rows(sides, window, more, plan, plane, first, last, scratch, sums, ssim_map):
    """Add 1 − SSIM of some rows of windows to `sums`, sample by sample of a tile.

    `sums` are two lines; the second keeps the largest squared distance from the centre."""
    c, pitch, centre, blurred = plan.channels, plan.pitch, scratch.centre, scratch.blurred
    length, bottom = plan.columns * c, min(last + plan.size, plan.height)
    for tile in range(0, length, plan.tile):
        n = min(plan.tile, length - tile)
        right = min((tile + n) // c + plan.size, plan.width)
        set_centre(sides, plan, plane, first, bottom, tile // c, right, centre)
        for row in range(first, last, 2):
            count = min(2, last - row)
            blur_tile(sides, window, more, plan, plane, row, tile, n, scratch)
            add_losses(blurred, pitch, n, window, centre, count - 1, *sums)
            for r in range(count if len(ssim_map) > 0 else 0):
                at = (plane * plan.rows + row + r) * length + tile
                write_map(blurred, 4 * r * pitch, pitch, n, window, centre, ssim_map, at)


def _forward(stamp):
    def forward(
        first, last, sides, window, more, plan, structure, exact, sums, peaks, errors, ssim_map
    ):
        """Compute the tasks `first` to `last`, each one band of one plane.

        Write sums (planes, bands, channels), peaks (planes, bands) and, unless they are empty,
        errors (planes, bands, 2) and the map, a line of (planes, rows, columns·channels). A peak is
        the largest squared distance of the local means from their centre. `more` is None if one
        round is enough, `structure` is None to leave SSIM out, `exact` is None if the samples are
        floats."""
        if stamp == "":
            return
        scratch = new_scratch(sides, window, plan)
        total, farthest = np.zeros(plan.pitch), np.zeros(plan.pitch, window.weights.dtype)
        for task in range(first, last):
            plane, band = task // plan.bands, task % plan.bands
            low = band * plan.band
            high = min(low + plan.band, plan.rows)
            if structure is not None:
                clear_line(total, 0, len(total))
                clear_line(farthest, 0, len(farthest))
                both_lines = total, farthest
                losses_of_rows(
                    sides, window, more, plan, plane, low, high, scratch, both_lines, ssim_map
                )
                peaks[plane, band] = farthest.max()
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
