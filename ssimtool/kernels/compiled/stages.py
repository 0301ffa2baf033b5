"""Inner loops. Every array is one line of samples.

A loop for two rows of windows reads each sample only once for both.

Indices are cast to unsigned. With signed indices, Numba would let negative ones count from the
end, and LLVM would not vectorise the loop. Only the length of the tuple `taps` matters: it is part
of its type, so the loops over the weights of a window are unrolled. LLVM unrolls up to `LONGEST`
weights. Larger windows are blurred in several rounds. All rounds but the first are `carried`: they
add to the values in the output.
"""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.compiling import formula, plain, pointwise, stage, summing

LONGEST = (
    11  # weights in one round; with 13, LLVM does not unroll, and the loop is ten times slower
)


@stage
def blur_rows(sides, from_x, from_y, n, first, window, out, at, pitch, carried):
    """Blur s, d, s², d² vertically for two rows of windows, by the weights from `first` on.

    s = x + y − mid, d = x − y. The function reads len(taps) + 1 rows of `n` samples. It writes the
    lines 0 to 3 of `out` for the upper row and 4 to 7 for the lower, `pitch` apart.
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
    """Write out[at + j] = Σ_k weights[k] · line[j + k·step], with the weights from `first` on.

    This is the horizontal blur, and also its adjoint."""
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
    """Write out[j] = Σ_k upper[k] · lines[start + j + k·step], and the same with `lower`, one step
    later, into out[step + j].

    This is the vertical adjoint for two neighbouring rows of pixels."""
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
    """Copy n samples."""
    for j in range(n):
        out[np.uint64(at + j)] = line[np.uint64(start + j)]


@stage
def clear_line(line, start, n):
    """Set n samples to 0."""
    for j in range(n):
        line[np.uint64(start + j)] = 0


@formula
def loss_of(blurred, at, pitch, window):
    """Return 1 − ssim = A + B − A·B of one window, from the four blurred lines from `at` on."""
    kind = blurred.dtype.type
    half, zero = kind(0.5), kind(0)
    mu_s, mu_d = blurred[np.uint64(at)], blurred[np.uint64(at + pitch)]
    sigma_s_sq = blurred[np.uint64(at + 2 * pitch)] - mu_s * mu_s
    sigma_d_sq = blurred[np.uint64(at + 3 * pitch)] - mu_d * mu_d
    # Rounding can turn a variance of 0 into -1e-9.
    sigma_s_sq = zero if sigma_s_sq < zero else sigma_s_sq
    sigma_d_sq = zero if sigma_d_sq < zero else sigma_d_sq
    mu_s, mu_d_sq = mu_s + window.mid, mu_d * mu_d
    p = (mu_s * mu_s + mu_d_sq) * half + window.c1
    q = (sigma_s_sq + sigma_d_sq) * half + window.c2
    # One division for A = mu_d_sq / p and B = sigma_d_sq / q, because a division takes long.
    product = p * q
    # The difference is 0, or NaN if the product overflows, so that the caller sees it.
    return (mu_d_sq * q + sigma_d_sq * (p - mu_d_sq)) / product + (product - product)


@pointwise
def add_losses(blurred, pitch, n, window, second, sums):
    """Add 1 − ssim of two rows of windows to `sums`, sample by sample, in float64.

    The second row is multiplied by `second`, 0 or 1."""
    factor = blurred.dtype.type(second)
    for j in range(n):
        upper = loss_of(blurred, j, pitch, window)
        lower = loss_of(blurred, j + 4 * pitch, pitch, window)
        sums[np.uint64(j)] += np.float64(upper + factor * lower)


@pointwise
def write_map(blurred, start, pitch, n, window, out, at):
    """Write ssim of one row of windows."""
    one = blurred.dtype.type(1)
    for j in range(n):
        out[np.uint64(at + j)] = one - loss_of(blurred, start + j, pitch, window)


@summing
def errors_of_integers(x, y, from_x, from_y, n):
    """Return Σ (x − y)² and Σ |x − y|, exactly."""
    square = absolute = np.int64(0)
    for j in range(n):
        d = np.int64(x[np.uint64(from_x + j)]) - np.int64(y[np.uint64(from_y + j)])
        square += d * d
        absolute += abs(d)
    return np.float64(square), np.float64(absolute)


@summing
def errors_of_floats(x, y, from_x, from_y, n):
    """Return Σ (x − y)² and Σ |x − y|, in float64."""
    square = absolute = 0.0
    for j in range(n):
        d = np.float64(x[np.uint64(from_x + j)]) - np.float64(y[np.uint64(from_y + j)])
        square += d * d
        absolute += abs(d)
    return square, absolute


@plain
def source_index(i, length, border):
    """Return the position in the image of row or column `i` of the extended image; −1 for zeros.

    `border` is 0 (valid), 1 (zero), 2 (mirror), 3 (symmetric). Positions that only weights of 0
    reach are taken from the edge.
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
