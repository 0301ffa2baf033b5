"""Posteriors of a data set, accumulated chunk by chunk, and their summary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.metrics.moments import FLOAT64_EXP_LIMIT, Moments, effective_dimensions, merged
from ssimtool.metrics.moments import moments as moments_of
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.samples import Array
from ssimtool.records.latents import LatentSummary, per_nat
from ssimtool.settings import COLLAPSED, LatentSettings


@dataclass
class Posterior:
    """Moments of mu and logvar over all chunks added so far.

    Args:
        mu, logvar: names of the arrays, for error messages.
        correlated: whether the products of all pairs of dimensions are needed.
    """

    mu: str
    logvar: str
    correlated: bool = field(default=False, kw_only=True)
    _merged: Moments | None = field(default=None, init=False)

    def add(self, mu: Array, logvar: Array) -> None:
        """Add one chunk of mu and logvar, (n, D) each.

        Raises:
            SsimtoolError: `non_finite`, a value is NaN or infinite.
        """
        chunk = moments_of(mu, logvar, correlated=self.correlated)
        _check_values(chunk, self.mu, self.logvar)
        self._merged = chunk if self._merged is None else merged(self._merged, chunk)

    def moments(self) -> Moments:
        """Return the moments of all chunks.

        Raises:
            SsimtoolError: `non_finite`, a sum overflowed.
            ValueError: no chunk was added.
        """
        if self._merged is None:
            raise ValueError("expected at least one sample")
        _check_sums(self._merged, self.mu, self.logvar)
        return self._merged


def _check_values(chunk: Moments, mu: str, logvar: str) -> None:
    extremes = ((mu, chunk.low, chunk.high), (logvar, chunk.logvar_low, chunk.logvar_high))
    for name, low, high in extremes:
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise non_finite(name)


def _check_sums(moments: Moments, mu: str, logvar: str) -> None:
    if np.isfinite(moments.kl).all() and np.isfinite(moments.squares).all():
        return
    high = float(moments.logvar_high.max())
    if high > FLOAT64_EXP_LIMIT:
        raise SsimtoolError(
            "non_finite",
            f"{logvar}: has values up to {high:.6g}, for which exp(logvar) and the kl overflow "
            f"float64, expected a logvar below {FLOAT64_EXP_LIMIT}; check the encoder",
        )
    raise SsimtoolError(
        "non_finite",
        f"{mu}: the kl of these arrays is not finite, expected values with finite squares; check "
        "the program that wrote them",
    )


def kl_per_dimension(moments: Moments) -> Array:
    """Return the KL divergence of each dimension from the prior, (D,), in nats."""
    # near the prior, rounding may make a term negative
    kl: Array = np.maximum(moments.kl, 0) / moments.count
    return kl


def mu_variance(moments: Moments, ddof: int) -> Array | None:
    """Return Var(mu) of each dimension, (D,); None unless there are more samples than `ddof`."""
    return moments.squares / (moments.count - ddof) if moments.count > ddof else None


def summary_of(moments: Moments, settings: LatentSettings) -> LatentSummary:
    """Return how many dimensions are active, collapsed and effectively used."""
    unit, limit = per_nat(settings.unit), collapsed_threshold(settings)
    kl = kl_per_dimension(moments)
    spread = mu_variance(moments, settings.active_ddof)
    return LatentSummary(
        dimensions=len(kl),
        active_units=None if spread is None else int((spread > settings.active_threshold).sum()),
        active_threshold=settings.active_threshold,
        active_ddof=settings.active_ddof,
        collapsed_dimensions=int((kl * unit < limit).sum()),
        collapsed_threshold=limit,
        effective_dimensions=effective_dimensions(kl),
    )


def collapsed_threshold(settings: LatentSettings) -> float:
    """Return the KL below which a dimension has collapsed, in the unit of the settings."""
    if settings.collapsed_threshold is not None:
        return settings.collapsed_threshold
    return COLLAPSED * per_nat(settings.unit)
