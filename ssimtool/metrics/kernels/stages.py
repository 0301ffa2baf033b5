"""The inner loops. Every array is one line of samples; what stands for two rows of windows at
once reads each sample once for both.

Indices are cast to unsigned, since Numba would let negative ones count from the end, at the cost
of the vector loop. `taps` is a tuple of which only the length matters: it is part of its type, so
the loops over the weights of a window unroll. LLVM does so up to `LONGEST` of them; larger windows
are blurred in several rounds, of which all but the first are `carried`: they add to what is there.
"""

from __future__ import annotations

import numpy as np

from ssimtool.metrics.kernels.compiling import plain, stage, summing

LONGEST = 11  # weights in one round: with 13, LLVM gives up and the loop runs at a tenth


@stage
def blur_rows(x, y, start_x, start_y, step_x, step_y, n, weights, taps, mid, out, pitch, carried):
    """The vertical blur of s, d, s², d² for two neighbouring rows of windows.

    s = x + y − mid, d = x − y. Reads len(taps) + 1 rows of `n` samples, `step` apart; writes the
    lines 0 to 3 of `out` for the upper row and 4 to 7 for the lower, `pitch` apart.
    """
    kind = weights.dtype.type
    last = len(taps)
    zero = kind(0)
    for j in range(n):
        i = np.uint64(j)
        s0 = d0 = ss0 = dd0 = s1 = d1 = ss1 = dd1 = zero
        if carried is not None:
            s0, d0 = out[i], out[np.uint64(j + pitch)]
            ss0, dd0 = out[np.uint64(j + 2 * pitch)], out[np.uint64(j + 3 * pitch)]
            s1, d1 = out[np.uint64(j + 4 * pitch)], out[np.uint64(j + 5 * pitch)]
            ss1, dd1 = out[np.uint64(j + 6 * pitch)], out[np.uint64(j + 7 * pitch)]
        a, b = kind(x[np.uint64(start_x + j)]), kind(y[np.uint64(start_y + j)])
        s, d, w = (a + b) - mid, a - b, weights[0]
        s0 += w * s
        d0 += w * d
        ss0 += w * (s * s)
        dd0 += w * (d * d)
        for k in range(1, last):
            a = kind(x[np.uint64(start_x + k * step_x + j)])
            b = kind(y[np.uint64(start_y + k * step_y + j)])
            s, d = (a + b) - mid, a - b
            ss, dd = s * s, d * d
            w = weights[np.uint64(k)]
            s0 += w * s
            d0 += w * d
            ss0 += w * ss
            dd0 += w * dd
            w = weights[np.uint64(k - 1)]
            s1 += w * s
            d1 += w * d
            ss1 += w * ss
            dd1 += w * dd
        a = kind(x[np.uint64(start_x + last * step_x + j)])
        b = kind(y[np.uint64(start_y + last * step_y + j)])
        s, d, w = (a + b) - mid, a - b, weights[np.uint64(last - 1)]
        s1 += w * s
        d1 += w * d
        ss1 += w * (s * s)
        dd1 += w * (d * d)
        out[i], out[np.uint64(j + pitch)] = s0, d0
        out[np.uint64(j + 2 * pitch)], out[np.uint64(j + 3 * pitch)] = ss0, dd0
        out[np.uint64(j + 4 * pitch)], out[np.uint64(j + 5 * pitch)] = s1, d1
        out[np.uint64(j + 6 * pitch)], out[np.uint64(j + 7 * pitch)] = ss1, dd1


@stage
def blur_line(line, start, n, step, weights, taps, out, carried):
    """out[j] = Σ_k weights[k] · line[start + j + k·step]: the horizontal blur, its adjoint too."""
    zero = weights.dtype.type(0)
    for j in range(n):
        total = zero
        if carried is not None:
            total = out[np.uint64(j)]
        for k in range(len(taps)):
            total += weights[np.uint64(k)] * line[np.uint64(start + j + k * step)]
        out[np.uint64(j)] = total


@stage
def blur_two(lines, start, n, step, upper, lower, taps, out, offset, carried):
    """out[j] = Σ_k upper[k] · lines[start + j + k·step], and the same with `lower` one step on,
    from `offset` on: the vertical adjoint for two neighbouring rows of pixels."""
    last = len(taps)
    zero = upper.dtype.type(0)
    for j in range(n):
        first = second = zero
        if carried is not None:
            first, second = out[np.uint64(j)], out[np.uint64(j + offset)]
        first += upper[0] * lines[np.uint64(start + j)]
        for k in range(1, last):
            value = lines[np.uint64(start + j + k * step)]
            first += upper[np.uint64(k)] * value
            second += lower[np.uint64(k - 1)] * value
        second += lower[np.uint64(last - 1)] * lines[np.uint64(start + j + last * step)]
        out[np.uint64(j)], out[np.uint64(j + offset)] = first, second


@stage
def losses(blurred, start, pitch, n, scale, c1, c2, out):
    """1 − ssim = A + B − A·B from the four blurred lines; `scale` is 1 / data_range."""
    kind = blurred.dtype.type
    one, half, zero, square = kind(1), kind(0.5), kind(0), scale * scale
    for j in range(n):
        mu_s = blurred[np.uint64(start + j)] * scale
        mu_d = blurred[np.uint64(start + pitch + j)] * scale
        sigma_s_sq = blurred[np.uint64(start + 2 * pitch + j)] * square - mu_s * mu_s
        sigma_d_sq = blurred[np.uint64(start + 3 * pitch + j)] * square - mu_d * mu_d
        # Rounding can leave a variance of -1e-9 where there is none.
        sigma_s_sq = zero if sigma_s_sq < zero else sigma_s_sq
        sigma_d_sq = zero if sigma_d_sq < zero else sigma_d_sq
        mu_s += one
        mu_d_sq = mu_d * mu_d
        a = mu_d_sq / ((mu_s * mu_s + mu_d_sq) * half + c1)
        b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) * half + c2)
        out[np.uint64(j)] = a + (b - a * b)


@stage
def accumulate(line, n, sums):
    """Adds a line to `sums`, sample by sample, in float64."""
    for j in range(n):
        sums[np.uint64(j)] += np.float64(line[np.uint64(j)])


@summing
def errors_of_integers(x, y, start_x, start_y, n):
    """Σ (x − y)² and Σ |x − y|, exactly."""
    square = absolute = np.int64(0)
    for j in range(n):
        d = np.int64(x[np.uint64(start_x + j)]) - np.int64(y[np.uint64(start_y + j)])
        square += d * d
        absolute += abs(d)
    return np.float64(square), np.float64(absolute)


@summing
def errors_of_floats(x, y, start_x, start_y, n):
    """Σ (x − y)² and Σ |x − y|, in float64."""
    square = absolute = 0.0
    for j in range(n):
        d = np.float64(x[np.uint64(start_x + j)]) - np.float64(y[np.uint64(start_y + j)])
        square += d * d
        absolute += abs(d)
    return square, absolute


@plain
def source_index(i, length, border):
    """Where row or column `i` of an extended image lies in the image; −1 stands for zeros.

    `border` is 0 (valid), 1 (zero), 2 (mirror), 3 (symmetric). What only weights of 0 reach is
    taken from the edge.
    """
    if border == 1 and (i < 0 or i >= length):
        return -1
    if border >= 2:
        again = border - 2  # whether the edge is repeated
        if i < 0:
            i = -i - again
        elif i >= length:
            i = 2 * length - 2 - i + again
    return min(max(i, 0), length - 1)
