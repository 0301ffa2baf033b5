"""Statistics of a latent space, from the moments of its posteriors."""

from __future__ import annotations

import math

import numpy as np

from ssimtool.metrics.moments import LARGEST_CORRELATION, Moments, total_correlation
from ssimtool.readers.samples import Array
from ssimtool.records.latents import Aggregate, FreeBits, LogvarValues, Values, reduction_text
from ssimtool.vae.diagnostics import at_extremes, is_many
from ssimtool.vae.posterior import mu_variance


def free_bits_of(kl: Array, minimum: float | None) -> FreeBits | None:
    """Return the KL term with free bits, in the unit of `kl` and `minimum`."""
    if minimum is None:
        return None
    return FreeBits(
        minimum=minimum,
        kl=math.fsum(np.maximum(kl, minimum)),
        dimensions=int((kl < minimum).sum()),
        reduction=reduction_text("sum-mean", minimum),
    )


def aggregate_of(moments: Moments, ddof: int) -> Aggregate:
    """Return mean and variance of the aggregate posterior, to compare with the prior."""
    spread, posterior = mu_variance(moments, ddof), moments.variance / moments.count
    nothing: Values = (None,) * len(posterior)
    return Aggregate(
        mean=tuple(moments.mean.tolist()),
        variance=nothing if spread is None else tuple((spread + posterior).tolist()),
        mu_variance=nothing if spread is None else tuple(spread.tolist()),
        posterior_variance=tuple(posterior.tolist()),
        ddof=ddof,
    )


def total_correlation_of(moments: Moments, name: str) -> tuple[float | None, int, list[str]]:
    """Return the total correlation in nats, the number of dimensions that it covers, and warnings.

    The warnings explain a missing or infinite value.
    """
    varying = np.flatnonzero(moments.low < moments.high)
    d = len(varying)
    if moments.count < 2:
        return None, d, []
    if moments.products is None:
        return None, d, [
            f"{name}: has {len(moments.mean)} dimensions, but the total correlation is computed "
            f"only for up to {LARGEST_CORRELATION}; it is omitted"
        ]  # fmt: skip
    if d > moments.count - 1:
        return None, d, [
            f"{name}: has {moments.count} samples of {d} dimensions that vary, but the total "
            "correlation needs more samples than dimensions; it is omitted"
        ]  # fmt: skip
    total = total_correlation(moments.products[np.ix_(varying, varying)])
    if math.isinf(total):
        return total, d, [
            f"{name}: one dimension is a linear function of others, so the total correlation is "
            "infinite; check for copies of a dimension"
        ]  # fmt: skip
    return total, d, []


def constant_of(moments: Moments) -> tuple[int, ...]:
    """Return the dimensions in which mu is constant; none for a single sample."""
    if moments.count < 2:
        return ()
    return tuple(np.flatnonzero(moments.low == moments.high).tolist())


def logvar_values_of(moments: Moments) -> LogvarValues:
    """Return the range of logvar and how many values equal its minimum or maximum."""
    at_min, at_max = at_extremes(moments)
    fixed = moments.logvar_low == moments.logvar_high
    return LogvarValues(
        min=float(moments.logvar_low.min()),
        max=float(moments.logvar_high.max()),
        mean=float(moments.logvar.mean()) / moments.count,
        at_min=at_min,
        at_max=at_max,
        clamped=is_many(at_min, moments) or is_many(at_max, moments),
        beyond_float32=moments.beyond_float32,
        beyond_float64=moments.beyond_float64,
        constant_dimensions=int(fixed.sum()) if moments.count > 1 else 0,
        min_per_dimension=tuple(moments.logvar_low.tolist()),
        max_per_dimension=tuple(moments.logvar_high.tolist()),
    )
