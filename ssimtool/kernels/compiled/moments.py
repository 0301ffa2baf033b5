"""Local means and variances of s = x + y and d = x − y, as accurate as float32 allows.

E[v²] − E[v]² loses the digits of a variance that is small beside the squared mean. Each stage
therefore measures from a sample inside the window, its middle, and adds variances only:

    down the columns   v = s − s of the middle row            mean and variance of each column
    along the row      v = a column's mean − the middle one's
                       variance = Σ w (variance of a column + v²) − (Σ w v)²

If the middle has the weight w, E[v²] is at most 1/w times the variance, whatever the samples. So
rounding costs a few units in the last place, also for samples far from 0 and beside sharp edges.
The column means are kept as distances from a constant, the centre, which is a sample nearby.
"""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.compiled.stages import copy_line
from ssimtool.kernels.compiled.vectors import LANES
from ssimtool.kernels.compiling import plain, stage

SAMPLED = 5  # positions whose median is the centre: an outlier is not


@stage
def blur_rows(
    sides, from_x, from_y, middle_x, middle_y, n, first, window, centre, out, at, pitch, carried,
    ends,
):  # fmt: skip
    """Compute the moments of the columns for two rows of windows, by the weights from `first` on.

    The function reads len(taps) + 1 rows of `n` samples, and the middle row of the upper windows.
    It writes the lines 0 to 3 of `out` for the upper row and 4 to 7 for the lower, `pitch` apart:
    means of s and d, then their variances. Until the last round, which `ends`, they hold the
    moments about the middle row.
    """
    kind, step_x, step_y = out.dtype.type, sides.step_x, sides.step_y
    last, zero = len(window.taps), kind(0)
    for j in range(n):
        i = np.uint64(at + j)
        ma, mb = kind(sides.x[np.uint64(middle_x + j)]), kind(sides.y[np.uint64(middle_y + j)])
        md = ma - mb
        s0 = d0 = ss0 = dd0 = s1 = d1 = ss1 = dd1 = zero
        if carried is not None:
            s0, d0 = out[i], out[np.uint64(at + pitch + j)]
            ss0, dd0 = out[np.uint64(at + 2 * pitch + j)], out[np.uint64(at + 3 * pitch + j)]
            s1, d1 = out[np.uint64(at + 4 * pitch + j)], out[np.uint64(at + 5 * pitch + j)]
            ss1, dd1 = out[np.uint64(at + 6 * pitch + j)], out[np.uint64(at + 7 * pitch + j)]
        a, b = kind(sides.x[np.uint64(from_x + j)]), kind(sides.y[np.uint64(from_y + j)])
        s, d, w = (a - ma) + (b - mb), (a - b) - md, window.weights[np.uint64(first)]
        s0, d0, ss0, dd0 = s0 + w * s, d0 + w * d, ss0 + w * (s * s), dd0 + w * (d * d)
        for k in range(1, last):
            a = kind(sides.x[np.uint64(from_x + k * step_x + j)])
            b = kind(sides.y[np.uint64(from_y + k * step_y + j)])
            s, d, w = (a - ma) + (b - mb), (a - b) - md, window.weights[np.uint64(first + k)]
            ss, dd = s * s, d * d
            s0, d0, ss0, dd0 = s0 + w * s, d0 + w * d, ss0 + w * ss, dd0 + w * dd
            w = window.weights[np.uint64(first + k - 1)]
            s1, d1, ss1, dd1 = s1 + w * s, d1 + w * d, ss1 + w * ss, dd1 + w * dd
        a = kind(sides.x[np.uint64(from_x + last * step_x + j)])
        b = kind(sides.y[np.uint64(from_y + last * step_y + j)])
        s, d, w = (a - ma) + (b - mb), (a - b) - md, window.weights[np.uint64(first + last - 1)]
        s1, d1, ss1, dd1 = s1 + w * s, d1 + w * d, ss1 + w * (s * s), dd1 + w * (d * d)
        if ends is not None:
            ss0, dd0, ss1, dd1 = ss0 - s0 * s0, dd0 - d0 * d0, ss1 - s1 * s1, dd1 - d1 * d1
            s = (ma - centre[np.uint64(j)]) + (mb - centre[np.uint64(pitch + j)])
            d = md - centre[np.uint64(3 * pitch + j)]
            s0, d0, s1, d1 = s + s0, d + d0, s + s1, d + d1
        out[i], out[np.uint64(at + pitch + j)] = s0, d0
        out[np.uint64(at + 2 * pitch + j)], out[np.uint64(at + 3 * pitch + j)] = ss0, dd0
        out[np.uint64(at + 4 * pitch + j)], out[np.uint64(at + 5 * pitch + j)] = s1, d1
        out[np.uint64(at + 6 * pitch + j)], out[np.uint64(at + 7 * pitch + j)] = ss1, dd1


@stage
def combine_columns(lines, start, n, step, middle, gap, window, out, at):
    """Write the moments of windows from those of their columns, for a window of one round.

    A mean of `lines` stands `gap` samples before its variance, in `out` as well. The weights are
    symmetric, and `middle` columns lie on each side of the middle one."""
    zero = out.dtype.type(0)
    centre = start + middle * step
    for j in range(n):
        own = lines[np.uint64(centre + j)]
        mean = zero
        square = window.weights[np.uint64(middle)] * lines[np.uint64(centre + gap + j)]
        for k in range(len(window.taps) // 2):
            left, right = start + k * step, centre + (middle - k) * step
            w = window.weights[np.uint64(k)]
            a, b = lines[np.uint64(left + j)] - own, lines[np.uint64(right + j)] - own
            both = lines[np.uint64(left + gap + j)] + lines[np.uint64(right + gap + j)]
            mean += w * (a + b)
            square += w * (b * b + (a * a + both))
        out[np.uint64(at + j)] = own + mean
        out[np.uint64(at + gap + j)] = square - mean * mean


@stage
def combine_more(lines, n, step, middle, gap, first, window, out, at, carried, ends):
    """Compute one round of what `combine_columns` does, for windows of several rounds."""
    zero = out.dtype.type(0)
    centre, start = middle * step, first * step
    for j in range(n):
        own = lines[np.uint64(centre + j)]
        mean = square = zero
        if carried is not None:
            mean, square = out[np.uint64(at + j)], out[np.uint64(at + gap + j)]
        for k in range(len(window.taps)):
            w = window.weights[np.uint64(first + k)]
            a = lines[np.uint64(start + k * step + j)] - own
            mean += w * a
            square += w * (a * a + lines[np.uint64(start + k * step + gap + j)])
        if ends is not None:
            square, mean = square - mean * mean, own + mean
        out[np.uint64(at + j)], out[np.uint64(at + gap + j)] = mean, square


@plain
def moments_down(sides, from_x, from_y, n, window, more, plan, scratch, at):
    """Compute the moments of the columns of two rows of windows, in as many rounds as it takes."""
    taps, pitch, middle = len(window.taps), plan.pitch, plan.size // 2
    middle_x, middle_y = from_x + middle * sides.step_x, from_y + middle * sides.step_y
    rest = window, scratch.centre, scratch.lines, at, pitch
    if more is None:
        blur_rows(sides, from_x, from_y, middle_x, middle_y, n, 0, *rest, None, 0)
        return
    blur_rows(sides, from_x, from_y, middle_x, middle_y, n, 0, *rest, None, None)
    for k in range(taps, plan.reach, taps):
        x, y = from_x + k * sides.step_x, from_y + k * sides.step_y
        if k + taps < plan.reach:
            blur_rows(sides, x, y, middle_x, middle_y, n, k, *rest, 0, None)
        else:
            blur_rows(sides, x, y, middle_x, middle_y, n, k, *rest, 0, 0)


@plain
def moments_along(lines, start, n, window, more, plan, out):
    """Compute the moments of one row of windows, s and d, from the lines from `start` on."""
    n = plan.pitch + (n + LANES - 1) // LANES * LANES
    c, gap, middle, taps = plan.channels, 2 * plan.pitch, plan.size // 2, len(window.taps)
    if more is None:
        combine_columns(lines, start, n, c, middle, gap, window, out, start)
        return
    own = lines[start:]
    combine_more(own, n, c, middle, gap, 0, window, out, start, None, None)
    for k in range(taps, plan.reach, taps):
        if k + taps < plan.reach:
            combine_more(own, n, c, middle, gap, k, window, out, start, 0, None)
        else:
            combine_more(own, n, c, middle, gap, k, window, out, start, 0, 0)


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
def set_centre(sides, plan, plane, top, bottom, left, right, centre):
    """Write the centre of some rows and columns of a plane: lines for x, y, s and d.

    The rows are `top` to `bottom`, the columns `left` to `right`. The centre of each channel is the
    median of a few samples, so that it is exact in the computing dtype."""
    c, pitch, kind = plan.channels, plan.pitch, centre.dtype.type
    x, y, d = np.zeros(SAMPLED, kind), np.zeros(SAMPLED, kind), np.zeros(SAMPLED, kind)
    for q in range(c):
        for i in range(SAMPLED):
            row = top + (bottom - top) * (i + 1) // (SAMPLED + 1)
            column = left + (right - left) * (2 * i % SAMPLED + 1) // (SAMPLED + 1)
            at = column * c + q
            x[i] = sides.x[sides.planes_x[plane] + row * sides.step_x + at]
            y[i] = sides.y[sides.planes_y[plane] + row * sides.step_y + at]
            d[i] = x[i] - y[i]
        centre[q], centre[pitch + q] = median_of(x, SAMPLED), median_of(y, SAMPLED)
        centre[2 * pitch + q] = centre[q] + centre[pitch + q]
        centre[3 * pitch + q] = median_of(d, SAMPLED)
    for line in range(4):
        start, known = line * pitch, c
        while known < pitch:  # repeat the channels along the line, twice as many each time
            more = min(known, pitch - known)
            copy_line(centre, start, more, centre, start + known)
            known += more
