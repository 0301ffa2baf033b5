"""From the moments of posteriors to the numbers of a record."""

from __future__ import annotations

import math

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.metrics.moments import (
    FLOAT64_EXP_LIMIT,
    LARGEST_CORRELATION,
    Moments,
    effective_dimensions,
    total_correlation,
)
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.samples import Array
from ssimtool.records.latents import (
    Aggregate,
    FreeBits,
    LatentSummary,
    LogvarValues,
    Values,
    per_nat,
    reduction_told,
)
from ssimtool.settings import COLLAPSED, LatentSettings
from ssimtool.vae.diagnostics import at_extremes, is_many


def check_finite(found: Moments, mu: str, logvar: str) -> None:
    """What was read is finite.

    Raises:
        SsimtoolError: `non_finite`, with the name of what is not.
    """
    extremes = ((mu, found.low, found.high), (logvar, found.logvar_low, found.logvar_high))
    for name, low, high in extremes:
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise non_finite(name)


def check_sums(found: Moments, mu: str, logvar: str) -> None:
    """What was summed up is finite.

    Raises:
        SsimtoolError: `non_finite`, with the name of what overflows.
    """
    if np.isfinite(found.kl).all() and np.isfinite(found.squares).all():
        return
    high = float(found.logvar_high.max())
    if high > FLOAT64_EXP_LIMIT:
        raise SsimtoolError(
            "non_finite",
            f"{logvar}: rises to {high:.6g}, where exp(logvar) overflows float64, and so does the "
            f"kl; expected a logvar below {FLOAT64_EXP_LIMIT}; look at the encoder",
        )
    raise SsimtoolError(
        "non_finite",
        f"{mu}: the kl of these arrays is not finite, expected numbers whose squares are; look at "
        "what wrote them",
    )


def kl_of(found: Moments) -> Array:
    """The KL divergence of each dimension, in nats: the mean over the samples."""
    # near the prior a term may round to less than 0
    kl: Array = np.maximum(found.kl, 0) / found.count
    return kl


def summary_of(found: Moments, how: LatentSettings) -> LatentSummary:
    """The first numbers of a latent space."""
    limit = how.collapsed_threshold
    limit = COLLAPSED * per_nat(how.unit) if limit is None else limit
    kl = kl_of(found)
    spread = _variance(found, how.active_ddof)
    return LatentSummary(
        dimensions=len(kl),
        active_units=None if spread is None else int((spread > how.active_threshold).sum()),
        active_threshold=how.active_threshold,
        active_ddof=how.active_ddof,
        collapsed_dimensions=int((kl * per_nat(how.unit) < limit).sum()),
        collapsed_threshold=limit,
        effective_dimensions=effective_dimensions(kl),
    )


def _variance(found: Moments, ddof: int) -> Array | None:
    return found.squares / (found.count - ddof) if found.count > ddof else None


def free_bits_of(kl: Array, minimum: float | None) -> FreeBits | None:
    """The KL term with free bits, both in one unit."""
    if minimum is None:
        return None
    return FreeBits(
        minimum=minimum,
        kl=math.fsum(np.maximum(kl, minimum)),
        dimensions=int((kl < minimum).sum()),
        reduction=reduction_told("sum-mean", minimum),
    )


def aggregate_of(found: Moments, ddof: int) -> Aggregate:
    """The aggregate posterior, to hold against the prior."""
    spread, posterior = _variance(found, ddof), found.variance / found.count
    nothing: Values = (None,) * len(posterior)
    return Aggregate(
        mean=tuple(found.mean.tolist()),
        variance=nothing if spread is None else tuple((spread + posterior).tolist()),
        mu_variance=nothing if spread is None else tuple(spread.tolist()),
        posterior_variance=tuple(posterior.tolist()),
        ddof=ddof,
    )


def total_correlation_of(found: Moments, name: str) -> tuple[float | None, int, list[str]]:
    """The total correlation in nats, over how many dimensions, and why it is not a number."""
    varying = np.flatnonzero(found.low < found.high)
    d = len(varying)
    if found.count < 2:
        return None, d, []
    if found.products is None:
        return None, d, [
            f"{name}: has {len(found.mean)} dimensions, and the total correlation is computed of "
            f"up to {LARGEST_CORRELATION}; it is left out"
        ]  # fmt: skip
    if d > found.count - 1:
        return None, d, [
            f"{name}: has {found.count} samples of {d} dimensions that vary, and the total "
            f"correlation needs more samples than dimensions; it is left out"
        ]  # fmt: skip
    total = total_correlation(found.products[np.ix_(varying, varying)])
    if math.isinf(total):
        return total, d, [
            f"{name}: one dimension is a linear function of others, so that the total correlation "
            "is infinite; look for copies of a dimension"
        ]  # fmt: skip
    return total, d, []


def constant_of(found: Moments) -> tuple[int, ...]:
    """The dimensions whose mu does not vary; of one sample none can be told to."""
    return tuple(np.flatnonzero(found.low == found.high).tolist()) if found.count > 1 else ()


def logvar_values_of(found: Moments) -> LogvarValues:
    """The range of logvar, and what stands at its ends."""
    at_min, at_max = at_extremes(found)
    fixed = found.logvar_low == found.logvar_high
    return LogvarValues(
        min=float(found.logvar_low.min()),
        max=float(found.logvar_high.max()),
        mean=float(found.logvar.mean()) / found.count,
        at_min=at_min,
        at_max=at_max,
        clamped=is_many(at_min, found) or is_many(at_max, found),
        beyond_float32=found.beyond_float32,
        beyond_float64=found.beyond_float64,
        constant_dimensions=int(fixed.sum()) if found.count > 1 else 0,
        min_per_dimension=tuple(found.logvar_low.tolist()),
        max_per_dimension=tuple(found.logvar_high.tolist()),
    )
