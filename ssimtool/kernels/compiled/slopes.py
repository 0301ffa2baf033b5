"""Slopes of 1 − SSIM by the moments of a window, and of all results by a sample.

With A, B as in `ssimtool.kernels.plain.ssim`, p and q their denominators, m the means as distances
from the centre and all values in units of the data range, the loss e = A + B − A·B of one window
has the slopes

    ∂e/∂E[s²] = −(1 − A)·B/(2q)             ∂e/∂E[d²] = (1 − A)·(1 − B/2)/q
    ∂e/∂m_s = −(1 − B)·A·μ_s/p − 2·m_s·∂e/∂E[s²]
    ∂e/∂m_d = (1 − B)·μ_d·(2 − A)/p − 2·m_d·∂e/∂E[d²]

The adjoint of the blur carries them to the samples, and ∂/∂x = ∂/∂s + ∂/∂d, ∂/∂y = ∂/∂s − ∂/∂d.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiling import formula, pointwise, stage


class Slopes(NamedTuple):
    """Incoming gradients, and the arrays into which the gradients are written.

    `structure` (planes, channels) is the factor of the loss of each window. `square` and `absolute`
    (planes,) are the factors of (x − y)² and |x − y| of each sample. `first` and `second` are one
    line of memory each, divided by planes and step. `second` is written only if `both` is not None.
    `first` is the gradient by x if `sign` is 1, and by y if it is −1."""

    structure: np.ndarray
    square: np.ndarray
    absolute: np.ndarray
    sign: np.floating
    both: int | None
    first: np.ndarray
    first_planes: np.ndarray
    first_step: int
    second: np.ndarray
    second_planes: np.ndarray
    second_step: int


class Totals(NamedTuple):
    """Sums of 1 − SSIM and of the errors, one of each area: (planes, areas, channels) and
    (planes, areas, 2), and the largest squared distances of the means from their centre, (planes,
    areas). If `errors` is empty, they are left out."""

    sums: np.ndarray
    peaks: np.ndarray
    errors: np.ndarray


class Weighed(NamedTuple):
    """Factors of the slopes of one plane.

    `factors` belong to the windows of each sample, `square` and `absolute` to each (x − y)² and
    |x − y|. `sign` is 1 for the gradient by x, −1 for that by y."""

    factors: np.ndarray
    square: np.floating
    absolute: np.floating
    sign: np.floating


@formula
def count_of(slopes):
    """Return the number of slopes of a window."""
    return 3 if slopes.both is None else 4


@pointwise
def slopes_of_windows(
    blurred, pitch, n, window, centre, inside, sign, both, out, at, owned, losses, peaks
):
    """Write the slopes of each window by E[s²], E[d²] and m_s + sign·m_d into the lines 0, 1, 2 of
    `out`, from `at` on; unless `both` is None, also the slope by m_s − sign·m_d into line 3.

    E[s²] and E[d²] are about the centre too, a split line of s and one of d. The slopes are 0 where
    `inside` is: there is no window. Where `inside` is `owned` or more, 1 − SSIM is added to
    `losses`. `peaks` keeps the largest squared distance of the means from their centre."""
    kind, scale = blurred.dtype.type, window.scale
    one, two, half, square = kind(1), kind(2), kind(0.5), scale * scale
    c1, c2, zero = window.c1_of_one, window.c2_of_one, kind(0)
    for j in range(n):
        mean_s, mean_d = blurred[np.uint64(j)], blurred[np.uint64(pitch + j)]
        distance, peak = mean_s * mean_s + mean_d * mean_d, peaks[np.uint64(j)]
        mu_s = (mean_s + centre[np.uint64(j)]) * scale
        mu_d = (mean_d + centre[np.uint64(pitch + j)]) * scale
        mean_s, mean_d = mean_s * scale, mean_d * scale
        sigma_s_sq = blurred[np.uint64(2 * pitch + j)] * square
        sigma_d_sq = blurred[np.uint64(3 * pitch + j)] * square
        mu_d_sq = mu_d * mu_d
        by_p = one / ((mu_s * mu_s + mu_d_sq) * half + c1)
        by_q = one / ((sigma_s_sq + sigma_d_sq) * half + c2)
        a, b = mu_d_sq * by_p, sigma_d_sq * by_q
        by_ss = -half * (one - a) * b * by_q
        by_dd = (one - a) * (one - half * b) * by_q
        by_s = -((one - b) * a * mu_s * by_p) - two * mean_s * by_ss
        by_d = (one - b) * mu_d * (two - a) * by_p - two * mean_d * by_dd
        of_window = inside[np.uint64(j)]
        is_window = of_window > zero
        losses[np.uint64(j)] += a + b - a * b if of_window >= owned else zero
        peaks[np.uint64(j)] = distance if is_window and distance > peak else peak
        out[np.uint64(at + j)] = by_ss if is_window else zero
        out[np.uint64(at + pitch + j)] = by_dd if is_window else zero
        out[np.uint64(at + 2 * pitch + j)] = by_s + sign * by_d if is_window else zero
        if both is not None:
            out[np.uint64(at + 3 * pitch + j)] = by_s - sign * by_d if is_window else zero


@stage
def slopes_of_samples(
    sides, from_x, from_y, n, slopes, start, line, pitch, window, centre, own, weighed, out, at
):
    """Write the gradient of a row of samples by x or y, from lines 0, 1 and `line` of slopes.

    The centre and the factors of the samples begin at `own`."""
    kind, scale = slopes.dtype.type, window.scale
    x, y, sign, factors = sides.x, sides.y, weighed.sign, weighed.factors
    square, absolute = weighed.square, weighed.absolute
    zero, one, twice = kind(0), kind(1), kind(2) * scale * scale
    for j in range(n):
        a, b = kind(x[np.uint64(from_x + j)]), kind(y[np.uint64(from_y + j)])
        s = (a - centre[np.uint64(own + j)]) + (b - centre[np.uint64(own + pitch + j)])
        d = (a - b) * sign
        from_centre = ((a - b) - centre[np.uint64(own + 3 * pitch + j)]) * sign
        by_ss, by_dd = slopes[np.uint64(start + j)], slopes[np.uint64(start + pitch + j)]
        mean = slopes[np.uint64(start + line * pitch + j)]
        up = one if d > zero else zero
        down = one if d < zero else zero
        out[np.uint64(at + j)] = (
            factors[np.uint64(own + j)] * (scale * mean + twice * (s * by_ss + from_centre * by_dd))
            + square * d
            + absolute * (up - down)
        )
