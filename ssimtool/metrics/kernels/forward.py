"""The way forward: 1 − SSIM and the errors of two images in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.metrics.kernels.compiling import SOURCES, entry, plain
from ssimtool.metrics.kernels.stages import (
    accumulate,
    blur_line,
    blur_rows,
    errors_of_floats,
    errors_of_integers,
    losses,
    source_index,
)

LANES = 16  # samples that the widest vectors hold: lines are rounded up to it


class Plan(NamedTuple):
    """The geometry of the images and of the work. A row holds width·channels samples, the channels
    interleaved; planar images are planes of one channel. `rows` and `columns` are those of the
    map, `margin` is what the border adds on each side, `reach` the weights of the window with those
    of 0 behind them, `bands` of `band` rows make a plane, `tile` samples of a row are computed at
    a time, `pitch` is the length of a line of scratch."""

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
    """Two arrays of samples in one line of memory each, where their planes start and how far
    apart their rows are."""

    x: np.ndarray
    y: np.ndarray
    planes_x: np.ndarray
    planes_y: np.ndarray
    step_x: int
    step_y: int


class Window(NamedTuple):
    """The weights, in rounds of len(taps) of them, and the constants of SSIM, in one dtype.

    `more` is None where one round is all."""

    weights: np.ndarray
    taps: tuple
    more: int | None
    mid: float
    scale: float
    c1: float
    c2: float


@plain
def copy_rows(samples, start, step, top, count, first, n, plan, out):
    """`count` rows of the extended image from row `top` on, `n` samples of each."""
    for q in range(count):
        row = source_index(top + q, plan.height, plan.border)
        at = start + row * step + first
        to = out[q * plan.pitch : q * plan.pitch + n]
        if row >= 0:
            to[:] = samples[at : at + n]
        else:
            to[:] = 0


@plain
def extend_lines(lines, low, high, first, mid, plan):
    """Fills the columns `low` to `high` of the image, which lie beyond its edges, in eight lines
    that begin with column `first`."""
    c = plan.channels
    for column in range(low, high):
        source = source_index(column, plan.width, plan.border)
        at, to = (source - first) * c, (column - first) * c
        for line in range(8):
            for q in range(c):
                if source >= 0:
                    lines[to + q] = lines[at + q]
                else:
                    zeros = -mid if line & 3 == 0 else mid * mid if line & 3 == 2 else mid - mid
                    lines[to + q] = zeros
            at += plan.pitch
            to += plan.pitch


@plain
def blur_tile(sides, window, plan, plane, row, first, n, edge_x, edge_y, lines, blurred):
    """The blurred lines (4 for the windows of `row`, 4 for those of the next) of `n` samples of
    the map from `first` on, into `blurred`, `pitch` apart."""
    c, pitch = plan.channels, plan.pitch
    taps, rounds = len(window.taps), plan.reach // len(window.taps)
    low = first - plan.margin * c
    needed = n + (plan.reach - 1) * c
    start = max(low, 0)
    inside = min(low + needed, plan.width * c) - start
    left = start - low
    top = row - plan.margin
    long = (inside + LANES - 1) // LANES * LANES
    x, y, step_x, step_y = sides.x, sides.y, sides.step_x, sides.step_y
    from_x = sides.planes_x[plane] + top * step_x + start
    from_y = sides.planes_y[plane] + top * step_y + start
    if top < 0 or top + plan.reach >= plan.height:
        copy_rows(x, sides.planes_x[plane], step_x, top, plan.reach + 1, start, inside, plan, edge_x)
        copy_rows(y, sides.planes_y[plane], step_y, top, plan.reach + 1, start, inside, plan, edge_y)
        x, y, step_x, step_y, from_x, from_y = edge_x, edge_y, pitch, pitch, 0, 0
    elif max(from_x + plan.reach * step_x + long - len(x),
             from_y + plan.reach * step_y + long - len(y)) > 0:
        long = inside  # the last row of all: nothing lies behind it
    out = lines[left:]
    blur_rows(x, y, from_x, from_y, step_x, step_y, long, window.weights[:taps], window.taps,
              window.mid, out, pitch, None)
    if window.more is not None:
        for k in range(1, rounds):
            blur_rows(x, y, from_x + k * taps * step_x, from_y + k * taps * step_y, step_x, step_y,
                      long, window.weights[k * taps :], window.taps, window.mid, out, pitch, 0)
    column = low // c
    extend_lines(lines, column, 0, column, window.mid, plan)
    extend_lines(lines, plan.width, (low + needed) // c, column, window.mid, plan)
    whole = 7 * pitch + (n + LANES - 1) // LANES * LANES
    blur_line(lines, 0, whole, c, window.weights[:taps], window.taps, blurred, None)
    if window.more is not None:
        for k in range(1, rounds):
            blur_line(lines, k * taps * c, whole, c, window.weights[k * taps :], window.taps,
                      blurred, 0)


@plain
def errors_of_rows(sides, plan, plane, first, last, exact):
    """Σ (x − y)² and Σ |x − y| over some rows."""
    square = absolute = 0.0
    for row in range(first, last):
        from_x = sides.planes_x[plane] + row * sides.step_x
        from_y = sides.planes_y[plane] + row * sides.step_y
        n = plan.width * plan.channels
        if exact is None:
            more = errors_of_floats(sides.x, sides.y, from_x, from_y, n)
        else:
            more = errors_of_integers(sides.x, sides.y, from_x, from_y, n)
        square += more[0]
        absolute += more[1]
    return square, absolute


def _forward(stamp):
    def forward(first, last, sides, window, plan, structure, exact, sums, errors, ssim_map):
        """Tasks `first` to `last`, each one band of one plane. Adds to sums (planes, bands,
        channels), errors (planes, bands, 2) and, unless it is None, to the map, a line of
        (planes, rows, columns·channels). `structure` None leaves SSIM out; `exact` None says
        that the samples are floats."""
        if stamp == "":
            return
        c = plan.channels
        edge_x = np.empty((plan.reach + 1) * plan.pitch + LANES, sides.x.dtype)
        edge_y = np.empty((plan.reach + 1) * plan.pitch + LANES, sides.y.dtype)
        lines = np.zeros(9 * plan.pitch + plan.reach * c, window.weights.dtype)
        blurred = np.zeros(9 * plan.pitch, window.weights.dtype)
        loss = np.zeros(plan.pitch, window.weights.dtype)
        total = np.zeros(plan.pitch, np.float64)
        row_length = plan.columns * c
        for task in range(first, last):
            plane, band = task // plan.bands, task % plan.bands
            low = band * plan.band
            high = min(low + plan.band, plan.rows)
            total[:] = 0
            if structure is not None:
                for row in range(low, high, 2):
                    for tile in range(0, row_length, plan.tile):
                        n = min(plan.tile, row_length - tile)
                        long = (n + LANES - 1) // LANES * LANES
                        blur_tile(sides, window, plan, plane, row, tile, n, edge_x, edge_y,
                                  lines, blurred)
                        for r in range(min(2, high - row)):
                            losses(blurred, 4 * r * plan.pitch, plan.pitch, long, window.scale,
                                   window.c1, window.c2, loss)
                            accumulate(loss, n, total)
                            if ssim_map is not None:
                                at = (plane * plan.rows + row + r) * row_length + tile
                                for j in range(n):
                                    ssim_map[at + j] = 1 - loss[j]
            for q in range(len(total)):
                sums[plane, band, q % c] += total[q]
            bottom = plan.height if band == plan.bands - 1 else high
            square, absolute = errors_of_rows(sides, plan, plane, low, bottom, exact)
            errors[plane, band, 0] = square
            errors[plane, band, 1] = absolute

    return entry(forward)


forward = _forward(SOURCES)
