"""The way back: the gradients of 1 − SSIM and of the errors, from one recomputation.

With A, B as in `ssimtool.metrics.ssim`, p and q their denominators, M = μ_s + 1 and everything in
units of the data range, the loss e = A + B − A·B of one window has the slopes

    ∂e/∂E[s²] = −(1 − A)·B/(2q)             ∂e/∂E[d²] = (1 − A)·(1 − B/2)/q
    ∂e/∂μ_s = −(1 − B)·A·M/p − 2·μ_s·∂e/∂E[s²]
    ∂e/∂μ_d = (1 − B)·μ_d·(2 − A)/p − 2·μ_d·∂e/∂E[d²]

The adjoint of the blur carries them to the samples, and ∂/∂x = ∂/∂s + ∂/∂d, ∂/∂y = ∂/∂s − ∂/∂d.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.metrics.kernels.compiling import SOURCES, entry, plain, stage
from ssimtool.metrics.kernels.forward import LANES, blur_tile
from ssimtool.metrics.kernels.stages import blur_line, blur_two, source_index


class Slopes(NamedTuple):
    """What comes from above, and where the gradients go.

    `structure` (planes, channels) is the factor of each window's loss, `square` and `absolute`
    (planes,) those of each sample's (x − y)² and |x − y|. `first` and `second` are one line of
    memory each, laid out by planes and step; the second is written where `both` is not None, and
    the first is that of x where `sign` is 1, of y where it is −1."""

    structure: np.ndarray
    square: np.ndarray
    absolute: np.ndarray
    sign: float
    both: int | None
    first: np.ndarray
    first_planes: np.ndarray
    first_step: int
    second: np.ndarray
    second_planes: np.ndarray
    second_step: int


@stage
def slopes_of_windows(blurred, start, pitch, n, scale, c1, c2, sign, out, at, both):
    """The slopes of each window by E[s²], E[d²] and μ_s + sign·μ_d, into the lines 0, 1, 2 of
    `out`; into line 3 by μ_s − sign·μ_d unless `both` is None."""
    kind = blurred.dtype.type
    one, two, half, zero, square = kind(1), kind(2), kind(0.5), kind(0), scale * scale
    for j in range(n):
        mu_s = blurred[np.uint64(start + j)] * scale
        mu_d = blurred[np.uint64(start + pitch + j)] * scale
        raw_s = blurred[np.uint64(start + 2 * pitch + j)] * square - mu_s * mu_s
        raw_d = blurred[np.uint64(start + 3 * pitch + j)] * square - mu_d * mu_d
        sigma_s_sq = zero if raw_s < zero else raw_s
        sigma_d_sq = zero if raw_d < zero else raw_d
        m = mu_s + one
        mu_d_sq = mu_d * mu_d
        by_p = one / ((m * m + mu_d_sq) * half + c1)
        by_q = one / ((sigma_s_sq + sigma_d_sq) * half + c2)
        a, b = mu_d_sq * by_p, sigma_d_sq * by_q
        by_ss = -half * (one - a) * b * by_q
        by_dd = (one - a) * (one - half * b) * by_q
        by_ss = zero if raw_s < zero else by_ss
        by_dd = zero if raw_d < zero else by_dd
        by_s = -((one - b) * a * m * by_p) - two * mu_s * by_ss
        by_d = (one - b) * mu_d * (two - a) * by_p - two * mu_d * by_dd
        out[np.uint64(at + j)] = by_ss
        out[np.uint64(at + pitch + j)] = by_dd
        out[np.uint64(at + 2 * pitch + j)] = by_s + sign * by_d
        if both is not None:
            out[np.uint64(at + 3 * pitch + j)] = by_s - sign * by_d


@stage
def slopes_of_samples(
    x, y, from_x, from_y, n, slopes, start, pitch, line, mid, scale, sign, factors, square, absolute,
    out, at,
):
    """The gradient of one row of samples, by x (sign 1) or y (sign −1)."""
    kind = slopes.dtype.type
    zero, one, twice = kind(0), kind(1), kind(2) * scale * scale
    for j in range(n):
        a, b = kind(x[np.uint64(from_x + j)]), kind(y[np.uint64(from_y + j)])
        s, d = (a + b) - mid, (a - b) * sign
        by_ss, by_dd = slopes[np.uint64(start + j)], slopes[np.uint64(start + pitch + j)]
        mean = slopes[np.uint64(start + line * pitch + j)]
        up = one if d > zero else zero
        down = one if d < zero else zero
        out[np.uint64(at + j)] = (
            factors[np.uint64(j)] * (scale * mean + twice * (s * by_ss + d * by_dd))
            + square * d
            + absolute * (up - down)
        )


@plain
def fold_columns(lines, count, plan, outer, first, last):
    """Adds what stands in the columns beyond the edges to those that they repeat."""
    c = plan.channels
    for line in range(count):
        base = line * plan.pitch
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
    """The weights with which a row of pixels enters the windows from `row + margin − size + 1` on:
    those of the rows beyond the edges that repeat it are added to its own."""
    out[:] = weights
    if plan.border < 2:
        return
    for beyond in range(1, plan.margin + 1):
        for outer in (-beyond, plan.height - 1 + beyond):
            if source_index(outer, plan.height, plan.border) == row:
                for k in range(plan.size):
                    if 0 <= outer - row + k < plan.size:
                        out[outer - row + k] += weights[k]


@plain
def window_slopes(sides, window, plan, sign, both, plane, low, high, first, last, edge_x, edge_y,
                  lines, blurred, raw, slots):
    """The slopes of the windows that see the rows `low` to `high` and the columns `first` to
    `last`, blurred along the rows by the adjoint: a slot of lines for each row of windows.

    Returns where in a line the column `first` stands."""
    c, pitch, taps = plan.channels, plan.pitch, len(window.taps)
    count = 3 if both is None else 4
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
        blur_tile(sides, window, plan, plane, row, begin * c, n, edge_x, edge_y, lines, blurred)
        for r in range(min(2, bottom - row)):
            slopes_of_windows(blurred, 4 * r * pitch, pitch, long, window.scale, window.c1,
                              window.c2, sign, raw, at, both)
            for line in range(count):
                raw[line * pitch + at + n : line * pitch + at + long] = 0
            slot = slots[(row + r - top) * count * pitch :]
            whole = (count - 1) * pitch + ((end - outer) * c + LANES - 1) // LANES * LANES
            blur_line(raw, 0, whole, c, window.weights[:taps], window.taps, slot, None)
            if window.more is not None:
                for k in range(1, plan.reach // taps):
                    blur_line(raw, k * taps * c, whole, c, window.weights[k * taps :], window.taps,
                              slot, 0)
            if outer < first or end > last:
                fold_columns(slot, count, plan, outer, first, end)
    return (first - outer) * c


def _backward(stamp):
    def backward(first, last, sides, window, plan, slopes):
        """Tasks `first` to `last`, each some rows and columns of one plane: writes the gradients
        of its samples."""
        if stamp == "":
            return
        c, pitch, taps = plan.channels, plan.pitch, len(window.taps)
        kind = window.weights.dtype
        count = 3 if slopes.both is None else 4
        edge_x = np.empty((plan.reach + 1) * pitch + LANES, sides.x.dtype)
        edge_y = np.empty((plan.reach + 1) * pitch + LANES, sides.y.dtype)
        lines, blurred = np.zeros(9 * pitch + plan.reach * c, kind), np.zeros(9 * pitch, kind)
        raw = np.zeros(5 * pitch + plan.reach * c, kind)
        slots = np.zeros(((plan.band + plan.reach + 1) * count + 1) * pitch, kind)
        blurred_slopes = np.zeros((2 * count + 1) * pitch, kind)
        upper, lower = np.zeros(plan.reach, kind), np.zeros(plan.reach, kind)
        factors = np.zeros(pitch, kind)
        tiles = max(1, plan.width * c // plan.tile)
        for task in range(first, last):
            plane, part = task // (plan.bands * tiles), task % (plan.bands * tiles)
            band, tile = part // tiles, part % tiles
            low, high = band * plan.band, min((band + 1) * plan.band, plan.height)
            begin, end = tile * plan.width // tiles, (tile + 1) * plan.width // tiles
            n = (end - begin) * c
            raw[:] = 0
            slots[:] = 0
            for j in range(n):
                factors[j] = slopes.structure[plane, j % c]
            at = window_slopes(sides, window, plan, slopes.sign, slopes.both, plane, low, high,
                               begin, end, edge_x, edge_y, lines, blurred, raw, slots)
            step, offset = count * pitch, count * pitch
            whole = (count - 1) * pitch + (n + LANES - 1) // LANES * LANES
            for row in range(low, high, 2):
                fold_weights(row, window.weights, plan, upper)
                fold_weights(row + 1, window.weights, plan, lower)
                start = (row - low) * step + at
                blur_two(slots, start, whole, step, upper[:taps], lower[:taps], window.taps,
                         blurred_slopes, offset, None)
                if window.more is not None:
                    for k in range(taps, plan.reach, taps):
                        blur_two(slots, start + k * step, whole, step, upper[k:], lower[k:],
                                 window.taps, blurred_slopes, offset, 0)
                for r in range(min(2, high - row)):
                    from_x = sides.planes_x[plane] + (row + r) * sides.step_x + begin * c
                    from_y = sides.planes_y[plane] + (row + r) * sides.step_y + begin * c
                    into = slopes.first_planes[plane] + (row + r) * slopes.first_step + begin * c
                    slopes_of_samples(
                        sides.x, sides.y, from_x, from_y, n, blurred_slopes, r * offset, pitch, 2,
                        window.mid, window.scale, slopes.sign, factors, slopes.square[plane],
                        slopes.absolute[plane], slopes.first, into,
                    )
                    if slopes.both is not None:
                        into = (slopes.second_planes[plane] + (row + r) * slopes.second_step
                                + begin * c)
                        slopes_of_samples(
                            sides.x, sides.y, from_x, from_y, n, blurred_slopes, r * offset, pitch,
                            3, window.mid, window.scale, -slopes.sign, factors,
                            slopes.square[plane], slopes.absolute[plane], slopes.second, into,
                        )

    return entry(backward)


backward = _backward(SOURCES)
