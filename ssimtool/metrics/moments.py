"""Sums over the posteriors of a data set, block by block, with NumPy and without torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float64, Num
from numpy import ndarray

BLOCK = 1 << 16  # values of mu in a block: they and their temporaries fit the caches
LONG_ROW = 1 << 12  # values of a row that is long enough for the loops of NumPy
# Most dimensions whose correlations are computed: beyond, their matrix dominates memory and time.
LARGEST_CORRELATION = 4096
# The logarithm of the largest number of either type; exp of a larger argument overflows.
FLOAT32_EXP_LIMIT, FLOAT64_EXP_LIMIT = 88.72, 709.78


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Sums over the rows of mu and logvar, (count, D). `merged` adds the sums of two blocks.

    Args:
        count: the number of rows.
        mean: the mean of mu, (D,).
        squares: the sum of (mu − mean)², (D,).
        products: the sum of (mu − mean)(mu − mean)ᵀ, (D, D); None if it was not requested.
        low, high: the smallest and the largest mu, (D,).
        kl: the sum of the KL divergence from the standard normal, in nats, (D,).
        variance: the sum of exp(logvar), (D,).
        logvar: the sum of logvar, (D,).
        logvar_squares: the sum of logvar², (D,).
        logvar_low, logvar_high: the smallest and the largest logvar, (D,).
        at_low, at_high: the number of values of logvar that equal its minimum, its maximum.
        beyond_float32, beyond_float64: the number of values of logvar whose exp overflows.
    """

    count: int
    mean: Float64[ndarray, " d"]
    squares: Float64[ndarray, " d"]
    products: Float64[ndarray, "d d"] | None
    low: Float64[ndarray, " d"]
    high: Float64[ndarray, " d"]
    kl: Float64[ndarray, " d"]
    variance: Float64[ndarray, " d"]
    logvar: Float64[ndarray, " d"]
    logvar_squares: Float64[ndarray, " d"]
    logvar_low: Float64[ndarray, " d"]
    logvar_high: Float64[ndarray, " d"]
    at_low: int
    at_high: int
    beyond_float32: int
    beyond_float64: int


def moments(
    mu: Num[ndarray, "n d"], logvar: Num[ndarray, "n d"], *, correlated: bool = False
) -> Moments:
    """Return the moments of some rows, computed in float64, block by block.

    Args:
        mu, logvar: (N, D), with at least one row.
        correlated: whether to compute the products of all pairs of dimensions.

    >>> sums = moments(np.array([[1.0], [3.0]]), np.zeros((2, 1)))
    >>> sums.mean.item(), sums.squares.item(), sums.kl.item()  # kl: (1 + 9)/2
    (2.0, 2.0, 5.0)
    """
    d = mu.shape[1]
    # The product of a block costs d² once, for any number of rows. With few rows it would dominate.
    rows = max(1, BLOCK // d, d // 4 if correlated else 1)
    return reduce(
        merged,
        (
            _of_block(mu[start : start + rows], logvar[start : start + rows], correlated)
            for start in range(0, len(mu), rows)
        ),
    )


def merged(a: Moments, b: Moments) -> Moments:
    """Return the moments of the rows of both blocks together.

    Source: Chan, Golub, LeVeque 1983, eq. 2.1, doi:10.1080/00031305.1983.10483115.

    >>> rows = np.arange(6.0).reshape(3, 2)
    >>> parts = [moments(rows[:1], rows[:1]), moments(rows[1:], rows[1:])]
    >>> merged(*parts).squares.tolist()  # columns 0, 2, 4 and 1, 3, 5
    [8.0, 8.0]
    """
    count = a.count + b.count
    delta = b.mean - a.mean
    weight = a.count * b.count / count
    products = None
    if a.products is not None and b.products is not None:
        products = np.outer(weight * delta, delta)
        products += a.products
        products += b.products
    low, high = a.logvar_low.min(), a.logvar_high.max()
    other_low, other_high = b.logvar_low.min(), b.logvar_high.max()
    return Moments(
        count=count,
        mean=a.mean + delta * (b.count / count),
        squares=a.squares + b.squares + weight * delta * delta,
        products=products,
        low=np.minimum(a.low, b.low),
        high=np.maximum(a.high, b.high),
        kl=a.kl + b.kl,
        variance=a.variance + b.variance,
        logvar=a.logvar + b.logvar,
        logvar_squares=a.logvar_squares + b.logvar_squares,
        logvar_low=np.minimum(a.logvar_low, b.logvar_low),
        logvar_high=np.maximum(a.logvar_high, b.logvar_high),
        at_low=a.at_low * int(low <= other_low) + b.at_low * int(other_low <= low),
        at_high=a.at_high * int(high >= other_high) + b.at_high * int(other_high >= high),
        beyond_float32=a.beyond_float32 + b.beyond_float32,
        beyond_float64=a.beyond_float64 + b.beyond_float64,
    )


def _of_block(mu: Num[ndarray, "n d"], logvar: Num[ndarray, "n d"], correlated: bool) -> Moments:
    mean_of, log_variance = mu.astype(np.float64, order="C"), logvar.astype(np.float64, order="C")
    n = len(mean_of)
    low, high = _extreme(mean_of, np.minimum), _extreme(mean_of, np.maximum)
    least, greatest = _extreme(log_variance, np.minimum), _extreme(log_variance, np.maximum)
    # The extremes show values that are not finite, and the sums show an overflow: no need to warn.
    with np.errstate(over="ignore", invalid="ignore"):
        terms = np.expm1(log_variance)
        variance = n + terms.sum(axis=0)
        terms -= log_variance
        kl = (terms.sum(axis=0) + _squares(mean_of)) / 2
        # Subtract the first row: then the mean of equal numbers is exact, and their variance is 0.
        first = mean_of[0].copy()
        mean_of -= first
        offset = mean_of.mean(axis=0)
        mean_of -= offset
        products = mean_of.T @ mean_of if correlated else None
        squares = _squares(mean_of) if products is None else products.diagonal().copy()
        sums, logvar_squares = log_variance.sum(axis=0), _squares(log_variance)
    top = greatest.max()
    return Moments(
        count=n,
        mean=first + offset,
        squares=squares,
        products=products,
        low=low,
        high=high,
        kl=kl,
        variance=variance,
        logvar=sums,
        logvar_squares=logvar_squares,
        logvar_low=least,
        logvar_high=greatest,
        at_low=int(np.count_nonzero(log_variance == least.min())),
        at_high=int(np.count_nonzero(log_variance == top)),
        beyond_float32=_beyond(log_variance, top, FLOAT32_EXP_LIMIT),
        beyond_float64=_beyond(log_variance, top, FLOAT64_EXP_LIMIT),
    )


def _squares(x: Float64[ndarray, "n d"]) -> Float64[ndarray, " d"]:
    sums: Float64[ndarray, " d"] = np.einsum("ij,ij->j", x, x)
    return sums


def _beyond(x: Float64[ndarray, "n d"], top: float, limit: float) -> int:
    return int(np.count_nonzero(x > limit)) if top > limit else 0


def _extreme(x: Float64[ndarray, "n d"], function: np.ufunc) -> Float64[ndarray, " d"]:
    """Return the smallest or the largest value of each column.

    Several rows are placed side by side first, because the loops of NumPy are many times slower
    over short rows.
    """
    n, d = x.shape
    side = max(1, min(n, LONG_ROW // d))
    whole = n - n % side
    folded = function.reduce(x[:whole].reshape(-1, side * d), axis=0).reshape(side, d)
    result: Float64[ndarray, " d"] = function.reduce(np.vstack([folded, x[whole:]]), axis=0)
    return result


def effective_dimensions(kl: Float64[ndarray, " d"]) -> float:
    """Return the exponential of the entropy of the shares of the dimensions in the KL divergence.

    exp(−Σ p ln p) with p = KL_d / Σ KL. It is D if all dimensions have the same KL, 1 if one has it
    all, and 0 if the KL is 0. It is the same in nats and in bits.

    >>> effective_dimensions(np.array([2.0, 2.0, 0.0, 0.0]))
    2.0
    """
    total = kl.sum()
    if not total > 0:
        return 0.0
    shares = kl[kl > 0] / total
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def total_correlation(products: Float64[ndarray, "d d"]) -> float:
    """Return the total correlation of the Gaussian that fits mu: −½ ln det R, in nats.

    R is the correlation matrix. For n samples of D independent dimensions the result is about
    D(D − 1)/(4n), not 0.

    Args:
        products: the sums of (mu − mean)(mu − mean)ᵀ, (D, D), with a diagonal above 0.

    Returns:
        0 or more; inf if one dimension is a linear function of others, to the precision of float64.

    Source: Watanabe 1960, doi:10.1147/rd.41.0066, for a Gaussian.

    >>> round(total_correlation(np.array([[1.0, 0.6], [0.6, 1.0]])), 6)  # -ln(1 - 0.36)/2
    0.223144
    """
    if len(products) < 2:
        return 0.0
    scale = np.sqrt(products.diagonal())
    correlation = products / scale[:, None] / scale
    np.fill_diagonal(correlation, 1)
    try:
        pivots = np.linalg.cholesky(correlation).diagonal()
    except np.linalg.LinAlgError:
        return float("inf")
    # The square of a pivot is the share of a variance that the dimensions before it do not explain.
    if pivots.min() ** 2 < 8 * len(products) * np.finfo(np.float64).eps:
        return float("inf")
    return max(0.0, -float(np.log(pivots).sum()))
