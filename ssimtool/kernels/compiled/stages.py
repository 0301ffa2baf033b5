"""The inner loops. Every array is one line of samples; what stands for two rows of windows at
once reads each sample once for both.

Indices are cast to unsigned, since Numba would let negative ones count from the end, at the cost
of the vector loop. `taps` is a tuple of which only the length matters: it is part of its type, so
the loops over the weights of a window unroll. LLVM does so up to `LONGEST` of them; larger windows
are blurred in several rounds, of which all but the first are `carried`: they add to what is there.
"""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.compiling import formula, plain, pointwise, stage, summing

LONGEST = 11  # weights in one round: with 13, LLVM gives up and the loop runs at a tenth


@stage
def blur_rows(sides, from_x, from_y, n, first, window, out, at, pitch, carried):
    """The vertical blur of s, d, s², d² for two neighbouring rows of windows, by the weights from
    `first` on.

    s = x + y − mid, d = x − y. Reads len(taps) + 1 rows of `n` samples; writes the lines 0 to 3 of
    `out` for the upper row and 4 to 7 for the lower, `pitch` apart.
    """
    kind, mid, step_x, step_y = out.dtype.type, window.mid, sides.step_x, sides.step_y
    last, zero = len(window.taps), kind(0)
    for j in range(n):
        i = np.uint64(at + j)
        s0 = d0 = ss0 = dd0 = s1 = d1 = ss1 = dd1 = zero
        if carried is not None:
            s0, d0 = out[i], out[np.uint64(at + pitch + j)]
            ss0, dd0 = out[np.uint64(at + 2 * pitch + j)], out[np.uint64(at + 3 * pitch + j)]
            s1, d1 = out[np.uint64(at + 4 * pitch + j)], out[np.uint64(at + 5 * pitch + j)]
            ss1, dd1 = out[np.uint64(at + 6 * pitch + j)], out[np.uint64(at + 7 * pitch + j)]
        a, b = kind(sides.x[np.uint64(from_x + j)]), kind(sides.y[np.uint64(from_y + j)])
        s, d, w = (a + b) - mid, a - b, window.weights[np.uint64(first)]
        s0, d0 = s0 + w * s, d0 + w * d
        ss0 += w * (s * s)
        dd0 += w * (d * d)
        for k in range(1, last):
            a = kind(sides.x[np.uint64(from_x + k * step_x + j)])
            b = kind(sides.y[np.uint64(from_y + k * step_y + j)])
            s, d, w = (a + b) - mid, a - b, window.weights[np.uint64(first + k)]
            ss, dd = s * s, d * d
            s0 += w * s
            d0 += w * d
            ss0 += w * ss
            dd0 += w * dd
            w = window.weights[np.uint64(first + k - 1)]
            s1 += w * s
            d1 += w * d
            ss1 += w * ss
            dd1 += w * dd
        a = kind(sides.x[np.uint64(from_x + last * step_x + j)])
        b = kind(sides.y[np.uint64(from_y + last * step_y + j)])
        s, d, w = (a + b) - mid, a - b, window.weights[np.uint64(first + last - 1)]
        s1, d1 = s1 + w * s, d1 + w * d
        ss1 += w * (s * s)
        dd1 += w * (d * d)
        out[i], out[np.uint64(at + pitch + j)] = s0, d0
        out[np.uint64(at + 2 * pitch + j)], out[np.uint64(at + 3 * pitch + j)] = ss0, dd0
        out[np.uint64(at + 4 * pitch + j)], out[np.uint64(at + 5 * pitch + j)] = s1, d1
        out[np.uint64(at + 6 * pitch + j)], out[np.uint64(at + 7 * pitch + j)] = ss1, dd1


@stage
def blur_line(line, n, step, first, window, out, at, carried):
    """out[at + j] = Σ_k weights[k] · line[j + k·step], by the weights from `first` on: the
    horizontal blur, and its adjoint too."""
    start = first * step
    zero = out.dtype.type(0)
    for j in range(n):
        total = zero
        if carried is not None:
            total = out[np.uint64(at + j)]
        for k in range(len(window.taps)):
            total += window.weights[np.uint64(first + k)] * line[np.uint64(start + j + k * step)]
        out[np.uint64(at + j)] = total


@stage
def blur_two(lines, start, n, step, upper, lower, first, taps, out, carried):
    """out[j] = Σ_k upper[k] · lines[start + j + k·step], and the same with `lower` one step on,
    into out[step + j]: the vertical adjoint for two neighbouring rows of pixels."""
    last = len(taps)
    zero = upper.dtype.type(0)
    for j in range(n):
        one = two = zero
        if carried is not None:
            one, two = out[np.uint64(j)], out[np.uint64(j + step)]
        one += upper[np.uint64(first)] * lines[np.uint64(start + j)]
        for k in range(1, last):
            value = lines[np.uint64(start + j + k * step)]
            one += upper[np.uint64(first + k)] * value
            two += lower[np.uint64(first + k - 1)] * value
        two += lower[np.uint64(first + last - 1)] * lines[np.uint64(start + j + last * step)]
        out[np.uint64(j)], out[np.uint64(j + step)] = one, two


@stage
def copy_line(line, start, n, out, at):
    """Copies n samples."""
    for j in range(n):
        out[np.uint64(at + j)] = line[np.uint64(start + j)]


@stage
def clear_line(line, start, n):
    """Sets n samples to 0."""
    for j in range(n):
        line[np.uint64(start + j)] = 0


@formula
def loss_of(blurred, at, pitch, window):
    """1 − ssim = A + B − A·B of one window, from the four blurred lines from `at` on."""
    kind = blurred.dtype.type
    half, zero = kind(0.5), kind(0)
    mu_s, mu_d = blurred[np.uint64(at)], blurred[np.uint64(at + pitch)]
    sigma_s_sq = blurred[np.uint64(at + 2 * pitch)] - mu_s * mu_s
    sigma_d_sq = blurred[np.uint64(at + 3 * pitch)] - mu_d * mu_d
    # Rounding can leave a variance of -1e-9 where there is none.
    sigma_s_sq = zero if sigma_s_sq < zero else sigma_s_sq
    sigma_d_sq = zero if sigma_d_sq < zero else sigma_d_sq
    mu_s, mu_d_sq = mu_s + window.mid, mu_d * mu_d
    p = (mu_s * mu_s + mu_d_sq) * half + window.c1
    q = (sigma_s_sq + sigma_d_sq) * half + window.c2
    # A = mu_d_sq / p and B = sigma_d_sq / q by one division: dividing is what takes long here.
    product = p * q
    # The difference is 0, or NaN where the product overflows, so that it shows.
    return (mu_d_sq * q + sigma_d_sq * (p - mu_d_sq)) / product + (product - product)


@pointwise
def add_losses(blurred, pitch, n, window, second, sums):
    """Adds 1 − ssim of two rows of windows to `sums`, sample by sample, in float64; that of the
    second row `second` times."""
    factor = blurred.dtype.type(second)
    for j in range(n):
        upper = loss_of(blurred, j, pitch, window)
        lower = loss_of(blurred, j + 4 * pitch, pitch, window)
        sums[np.uint64(j)] += np.float64(upper + factor * lower)


@pointwise
def write_map(blurred, start, pitch, n, window, out, at):
    """Writes ssim of one row of windows."""
    one = blurred.dtype.type(1)
    for j in range(n):
        out[np.uint64(at + j)] = one - loss_of(blurred, start + j, pitch, window)


@summing
def errors_of_integers(x, y, from_x, from_y, n):
    """Σ (x − y)² and Σ |x − y|, exactly."""
    square = absolute = np.int64(0)
    for j in range(n):
        d = np.int64(x[np.uint64(from_x + j)]) - np.int64(y[np.uint64(from_y + j)])
        square += d * d
        absolute += abs(d)
    return np.float64(square), np.float64(absolute)


@summing
def errors_of_floats(x, y, from_x, from_y, n):
    """Σ (x − y)² and Σ |x − y|, in float64."""
    square = absolute = 0.0
    for j in range(n):
        d = np.float64(x[np.uint64(from_x + j)]) - np.float64(y[np.uint64(from_y + j)])
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
