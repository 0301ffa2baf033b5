"""Slopes of 1 − SSIM by the moments of a window, and of all results by a sample.

With A, B as in `ssimtool.kernels.plain.ssim`, p and q their denominators, M = μ_s + 1 and all
values in units of the data range, the loss e = A + B − A·B of one window has the slopes

    ∂e/∂E[s²] = −(1 − A)·B/(2q)             ∂e/∂E[d²] = (1 − A)·(1 − B/2)/q
    ∂e/∂μ_s = −(1 − B)·A·M/p − 2·μ_s·∂e/∂E[s²]
    ∂e/∂μ_d = (1 − B)·μ_d·(2 − A)/p − 2·μ_d·∂e/∂E[d²]

The adjoint of the blur carries them to the samples, and ∂/∂x = ∂/∂s + ∂/∂d, ∂/∂y = ∂/∂s − ∂/∂d.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiling import pointwise, stage


class Weighed(NamedTuple):
    """Factors of the slopes of one plane.

    `factors` belong to the windows of each sample, `square` and `absolute` to each (x − y)² and
    |x − y|. `sign` is 1 for the gradient by x, −1 for that by y."""

    factors: np.ndarray
    square: np.floating
    absolute: np.floating
    sign: np.floating


@pointwise
def slopes_of_windows(blurred, start, pitch, n, window, sign, both, out, at):
    """Write the slopes of each window by E[s²], E[d²] and μ_s + sign·μ_d into the lines 0, 1, 2 of
    `out`; unless `both` is None, also the slope by μ_s − sign·μ_d into line 3."""
    kind, scale = blurred.dtype.type, window.scale
    one, two, half, zero, square = kind(1), kind(2), kind(0.5), kind(0), scale * scale
    c1, c2 = window.c1_of_one, window.c2_of_one
    for j in range(n):
        mu_s, mu_d = blurred[np.uint64(start + j)], blurred[np.uint64(start + pitch + j)]
        raw_s = (blurred[np.uint64(start + 2 * pitch + j)] - mu_s * mu_s) * square
        raw_d = (blurred[np.uint64(start + 3 * pitch + j)] - mu_d * mu_d) * square
        mu_s, mu_d = mu_s * scale, mu_d * scale
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
    sides, from_x, from_y, n, slopes, start, line, pitch, window, weighed, out, at
):
    """Write the gradient of a row of samples by x or y, from lines 0, 1 and `line` of slopes."""
    kind, scale, mid = slopes.dtype.type, window.scale, window.mid
    x, y, sign, factors = sides.x, sides.y, weighed.sign, weighed.factors
    square, absolute = weighed.square, weighed.absolute
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
