"""Forward pass: 1 − SSIM and the errors of two images in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.instructions import LANES
from ssimtool.kernels.compiled.layout import add_samples, join, largest_sample
from ssimtool.kernels.compiled.moments import columns_of_tile, windows_of_row
from ssimtool.kernels.compiled.rows import set_centre, tile_of
from ssimtool.kernels.compiled.stages import (
    add_losses,
    clear_line,
    copy_line,
    errors_of_floats,
    errors_of_integers,
    move_losses,
    write_map,
)
from ssimtool.kernels.compiled.tasks import next_task
from ssimtool.kernels.compiled.vectors import SHARED, on_a_cache_line
from ssimtool.kernels.compiling import SOURCES, entry, plain


class Plan(NamedTuple):
    """Geometry of the images and of the work.

    A row holds width·channels samples with interleaved channels; planar images are planes of one
    channel. `rows` and `columns` are those of the map. `margin` is the number of pixels that the
    border adds on each side. A plane has `bands` bands of `band` rows. `tile` samples of a row are
    computed at a time, from rows that are read `chunk` at a time. `part` is the length
    of the longest parts of a split line (`layout`), `pitch` the length of a scratch line."""

    height: int
    width: int
    channels: int
    rows: int
    columns: int
    margin: int
    size: int
    border: int
    band: int
    bands: int
    tile: int
    group: int
    chunk: int
    row_pitch: int
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
    """Lines that one thread reuses.

    `line` holds s and d of a row, or a row of results, in the order of the samples, `centre` what
    they are distances from: x, y, s and d. All others are split lines: `rows` holds s and d of the
    rows of some windows, `lines` the moments of their columns, `blurred` those of windows."""

    line: np.ndarray
    centre: np.ndarray
    split_centre: np.ndarray
    rows: np.ndarray
    lines: np.ndarray
    blurred: np.ndarray


class Window(NamedTuple):
    """Weights, len(taps) of them, symmetric, and the constants of SSIM, all of one dtype.

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
def new_scratch(window, plan):
    """Return the scratch lines of one thread."""
    kind, pitch = window.weights.dtype, plan.pitch
    return Scratch(
        line=on_a_cache_line(4 * pitch, kind),
        centre=on_a_cache_line(4 * pitch, kind),
        split_centre=on_a_cache_line(2 * pitch, kind),
        rows=on_a_cache_line(2 * (plan.chunk + plan.size - 1) * plan.row_pitch, kind),
        lines=on_a_cache_line(4 * SHARED * pitch, kind),
        blurred=on_a_cache_line(8 * pitch, kind),
    )


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
def losses_of_rows(sides, window, plan, tile, first, last, start, n, scratch, lines, ssim_map):
    """Add 1 − SSIM of some rows of windows to a line, sample by sample of `n` from `start` on.

    `lines` are three: the sums, those of a few rows, and the largest squared distances of the means
    from their centre."""
    c, pitch, blurred, line = plan.channels, plan.pitch, scratch.blurred, scratch.line
    sums, losses, peaks = lines
    long, needed, centre = tile.positions * LANES, n + (plan.size - 1) * c, scratch.split_centre
    for row in range(first, last, SHARED):
        columns_of_tile(sides, window, plan, tile, row, row - first, last, start, needed, scratch)
        for r in range(0, min(SHARED, last - row), 2):
            count = min(2, last - row - r)
            for q in range(2):
                windows_of_row(window, plan, tile, r + q, scratch, 4 * q * pitch)
            add_losses(blurred, pitch, long, window, centre, count - 1, losses, peaks)
            for q in range(count if len(ssim_map) > 0 else 0):
                write_map(blurred, 4 * q * pitch, pitch, long, window, centre, line)
                join(line, 0, tile.part, line, pitch)
                for piece in range(min(plan.group, len(sides.planes_x) - tile.plane)):
                    at = ((tile.plane + piece) * plan.rows + row + r + q) * plan.columns * c
                    copy_line(line, pitch + piece * tile.part, n, ssim_map, at + start)
        move_losses(losses, long, sums)


@plain
def losses_of_band(sides, window, plan, plane, band, scratch, lines, sums, peaks, ssim_map):
    """Add 1 − SSIM of a band of windows to the sums of the channels of a plane, or of several.

    `peaks` is the largest squared distance of the local means from their centre."""
    first, last = band * plan.band, min((band + 1) * plan.band, plan.rows)
    c, bottom = plan.channels, min(last + plan.size, plan.height)
    length, beyond = plan.columns * c, (plan.size - 1) * c
    for start in range(0, length, plan.tile):
        n = min(plan.tile, length - start)
        tile = tile_of(plan, plane, n, n + beyond)
        left, right = start // c, min((start + n) // c + plan.size, plan.width)
        set_centre(sides, plan, tile, first, bottom, left, right, scratch)
        clear_line(lines[0], 0, tile.positions * LANES)
        clear_line(lines[2], 0, tile.positions * LANES)
        losses_of_rows(sides, window, plan, tile, first, last, start, n, scratch, lines, ssim_map)
        for piece in range(min(plan.group, len(sides.planes_x) - plane)):
            at, own = piece * tile.part, plane + piece
            add_samples(lines[0], at, at + n, tile.part, sums[own, band])
            peak = window.weights.dtype.type(peaks[own, band])
            peaks[own, band] = largest_sample(lines[2], at, at + n, tile.part, peak)


def _forward(stamp):
    def forward(queue, most, sides, window, plan, structure, exact, sums, peaks, errors, ssim_map):
        """Compute at most `most` tasks of the queue, each one band of `plan.group` planes.

        Write sums (planes, bands, channels), peaks (planes, bands) and, unless they are empty,
        errors (planes, bands, 2) and the map, a line of (planes, rows, columns·channels). A peak is
        the largest squared distance of the local means from their centre. `structure` is None to
        leave SSIM out, `exact` is None if the samples are floats."""
        if stamp == "":
            return
        scratch = new_scratch(window, plan)
        kind = window.weights.dtype
        lines = np.zeros(plan.pitch), np.zeros(plan.pitch, kind), np.zeros(plan.pitch, kind)
        for _ in range(most):
            task = next_task(queue)
            if task < 0:
                break
            plane, band = task // plan.bands * plan.group, task % plan.bands
            if structure is not None:
                losses_of_band(
                    sides, window, plan, plane, band, scratch, lines, sums, peaks, ssim_map
                )
            if len(errors) > 0:
                low, high = band * plan.band, min((band + 1) * plan.band, plan.rows)
                bottom = plan.height if band == plan.bands - 1 else high
                for own in range(plane, min(plane + plan.group, len(sides.planes_x))):
                    both = errors_of_rows(sides, plan, own, low, bottom, exact)
                    errors[own, band, 0], errors[own, band, 1] = both

    return entry(forward)


forward = _forward(SOURCES)
