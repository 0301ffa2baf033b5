"""Inner loops. Every array is one line of samples.

Indices are cast to unsigned. With signed indices, Numba would let negative ones count from the
end, and LLVM would not vectorise the loop.
"""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.compiling import formula, plain, pointwise, stage, summing


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
def loss_of(blurred, at, j, pitch, window, centre):
    """Return 1 − ssim = A + B − A·B of one window, from the four blurred lines from `at` on."""
    kind = blurred.dtype.type
    half = kind(0.5)
    mu_s = blurred[np.uint64(at + j)] + centre[np.uint64(j)]
    mu_d = blurred[np.uint64(at + pitch + j)] + centre[np.uint64(pitch + j)]
    sigma_s_sq = blurred[np.uint64(at + 2 * pitch + j)]
    sigma_d_sq = blurred[np.uint64(at + 3 * pitch + j)]
    mu_d_sq = mu_d * mu_d
    p = (mu_s * mu_s + mu_d_sq) * half + window.c1
    q = (sigma_s_sq + sigma_d_sq) * half + window.c2
    # One division for A = mu_d_sq / p and B = sigma_d_sq / q, because a division takes long.
    product = p * q
    # The difference is 0, or NaN if the product overflows, so that the caller sees it.
    return (mu_d_sq * q + sigma_d_sq * (p - mu_d_sq)) / product + (product - product)


@pointwise
def add_losses(blurred, pitch, n, window, centre, second, losses, peaks):
    """Add 1 − ssim of two rows of windows to `losses`, sample by sample.

    The second row is multiplied by `second`, 0 or 1. `peaks` keeps the largest squared distance of
    the means of the upper row from their centre; the lower row sees all but one of its rows."""
    factor = blurred.dtype.type(second)
    for j in range(n):
        upper = loss_of(blurred, 0, j, pitch, window, centre)
        lower = loss_of(blurred, 4 * pitch, j, pitch, window, centre)
        losses[np.uint64(j)] += upper + factor * lower
        s, d = blurred[np.uint64(j)], blurred[np.uint64(pitch + j)]
        square, peak = s * s + d * d, peaks[np.uint64(j)]
        peaks[np.uint64(j)] = square if square > peak else peak


@pointwise
def move_losses(losses, n, sums):
    """Add the losses of a few rows to `sums`, in float64, and clear them.

    It is a loop of its own: in one with float64, LLVM takes half as many samples at a time."""
    for j in range(n):
        sums[np.uint64(j)] += np.float64(losses[np.uint64(j)])
        losses[np.uint64(j)] = 0


@pointwise
def write_map(blurred, start, pitch, n, window, centre, out):
    """Write ssim of one row of windows."""
    one = blurred.dtype.type(1)
    for j in range(n):
        out[np.uint64(j)] = one - loss_of(blurred, start, j, pitch, window, centre)


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
