"""What is summed up of the posteriors of a data set, piece by piece: on NumPy, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float64, Num
from numpy import ndarray

BLOCK = 1 << 16  # values of mu at a time: they and their temporaries stay in the caches
WIDE = 1 << 12  # values of a row that is long enough for the loops of NumPy
# of a correlation: beyond, its matrix takes more memory and time than the rest by far
LARGEST_CORRELATION = 4096
# exp of more overflows: ln of the largest number of either type
FLOAT32_EXP_LIMIT, FLOAT64_EXP_LIMIT = 88.72, 709.78


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Of mu and logvar, (count, D), over their rows: what two pieces have can be merged.

    Args:
        count: how many rows.
        mean: of mu, (D,).
        squares: the sum of (mu − mean)², (D,).
        products: the sum of (mu − mean)(mu − mean)ᵀ, (D, D); None where it is not asked for.
        low, high: the least and the greatest mu, (D,).
        kl: the sum of the KL divergence from the standard normal, in nats, (D,).
        variance: the sum of exp(logvar), (D,).
        logvar: the sum of logvar, (D,).
        logvar_squares: the sum of logvar², (D,).
        logvar_low, logvar_high: the least and the greatest logvar, (D,).
        at_low, at_high: how many values of logvar are the least, the greatest of all.
        beyond_float32, beyond_float64: of how many the exponential overflows.
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
    """The moments of some rows, in float64, block by block.

    Args:
        mu, logvar: (N, D), one row at least.
        correlated: whether the products of all pairs of dimensions are needed.

    >>> found = moments(np.array([[1.0], [3.0]]), np.zeros((2, 1)))
    >>> found.mean.item(), found.squares.item(), found.kl.item()  # kl: (1 + 9)/2
    (2.0, 2.0, 5.0)
    """
    d = mu.shape[1]
    # the product of a block costs d² once, whatever its rows: with few of them this would decide
    rows = max(1, BLOCK // d, d // 4 if correlated else 1)
    return reduce(
        merged,
        (
            _of_block(mu[start : start + rows], logvar[start : start + rows], correlated)
            for start in range(0, len(mu), rows)
        ),
    )


def merged(a: Moments, b: Moments) -> Moments:
    """The moments of the rows of both.

    Source: Chan, Golub, LeVeque 1983, eq. 2.1, doi:10.1080/00031305.1983.10483115.

    >>> rows = np.arange(6.0).reshape(3, 2)
    >>> parts = [moments(rows[:1], rows[:1]), moments(rows[1:], rows[1:])]
    >>> merged(*parts).squares.tolist()  # of 0, 2, 4 and of 1, 3, 5
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
    # what is not finite shows in the extremes, and what overflows in the sums: no need to warn
    with np.errstate(over="ignore", invalid="ignore"):
        terms = np.expm1(log_variance)
        variance = n + terms.sum(axis=0)
        terms -= log_variance
        kl = (terms.sum(axis=0) + _squares(mean_of)) / 2
        # from a row of them: the mean of equal numbers is that number, and their variance 0
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
    found: Float64[ndarray, " d"] = np.einsum("ij,ij->j", x, x)
    return found


def _beyond(x: Float64[ndarray, "n d"], top: float, limit: float) -> int:
    return int(np.count_nonzero(x > limit)) if top > limit else 0


def _extreme(x: Float64[ndarray, "n d"], which: np.ufunc) -> Float64[ndarray, " d"]:
    """The least or the greatest of each column. Several rows are laid side by side first: the
    loops of NumPy over a short row are many times slower."""
    n, d = x.shape
    side = max(1, min(n, WIDE // d))
    whole = n - n % side
    found = which.reduce(x[:whole].reshape(-1, side * d), axis=0).reshape(side, d)
    result: Float64[ndarray, " d"] = which.reduce(np.vstack([found, x[whole:]]), axis=0)
    return result


def effective_dimensions(kl: Float64[ndarray, " d"]) -> float:
    """The exponential of the entropy of the shares that dimensions have in the KL divergence.

    exp(−Σ p ln p) with p = KL_d / Σ KL: D where all have the same, 1 where one has all, 0 where
    there is none. It is the same in nats and in bits.

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
    """The total correlation of the Gaussian that fits mu: −½ ln det R, in nats.

    R is the correlation matrix. Of n samples of D independent dimensions about D(D − 1)/(4n) is
    found, not 0.

    Args:
        products: the sums of (mu − mean)(mu − mean)ᵀ, (D, D), with a diagonal above 0.

    Returns:
        0 or more; inf where one dimension is, to the precision of float64, a linear function of
        others.

    Source: Watanabe 1960, doi:10.1147/rd.41.0066, of a Gaussian.

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
    # the square of a pivot is the share of a variance that those before do not explain
    if pivots.min() ** 2 < 8 * len(products) * np.finfo(np.float64).eps:
        return float("inf")
    return max(0.0, -float(np.log(pivots).sum()))
