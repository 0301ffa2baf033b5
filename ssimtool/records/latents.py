"""The records of a latent space, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ssimtool.records.verdicts import Failure, Status, Verdict

Unit = Literal["nats", "bits"]
UNITS: tuple[Unit, ...] = get_args(Unit)
Values = tuple[float | None, ...]
# Each reduction of the KL divergence in words: over the dimensions, over the samples, and with free
# bits a factor.
REDUCTIONS = {
    "sum-mean": ("sum over latent dimensions", "mean over batch", ""),
    "mean": ("mean over latent dimensions", "mean over batch", ""),
    "sum": ("sum over latent dimensions", "sum over batch", ", times the samples"),
}
# Numbers of a record that a threshold may name.
FIGURES = (
    "kl", "free_bits_kl", "active_units", "collapsed_dimensions", "effective_dimensions",
    "total_correlation", "logvar_min", "logvar_max",
)  # fmt: skip


def reduction_text(name: str, free_bits: float | None) -> str:
    """Return a reduction of the KL divergence in words.

    >>> reduction_text("sum-mean", None)
    'sum over latent dimensions, mean over batch'
    >>> reduction_text("sum", 0.5)
    'sum over latent dimensions of max(0.5, mean over batch), times the samples'
    """
    dimensions, batch, times = REDUCTIONS[name]
    if not free_bits:
        return f"{dimensions}, {batch}"
    return f"{dimensions} of max({free_bits:g}, mean over batch){times}"


@dataclass(frozen=True, kw_only=True)
class LatentSummary:
    """Main numbers of a latent space, for the record of a loss; KL in nats.

    A dimension is active if the variance of mu is above `active_threshold`; the variance divides by
    N − `active_ddof`. A dimension is collapsed if its KL is below `collapsed_threshold`.
    """

    dimensions: int
    active_units: int | None
    active_threshold: float
    active_ddof: int
    collapsed_dimensions: int
    collapsed_threshold: float
    effective_dimensions: float


@dataclass(frozen=True, kw_only=True)
class FreeBits:
    """The KL term with free bits: `dimensions` dimensions are below `minimum` and raised to it."""

    minimum: float
    kl: float
    dimensions: int
    reduction: str


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """Aggregate posterior of each dimension over all samples; the prior has mean 0, variance 1.

    `mean` is the mean of mu. `variance` = `mu_variance` + `posterior_variance`: Var(mu), which
    divides by N − `ddof` (None if that is not positive), plus the mean of exp(logvar).
    """

    mean: Values
    variance: Values
    mu_variance: Values
    posterior_variance: Values
    ddof: int


@dataclass(frozen=True, kw_only=True)
class LogvarValues:
    """Range of logvar, over all values and in each dimension.

    `at_min` and `at_max` count the values equal to the least and to the greatest, without constant
    dimensions. If they are many, the encoder clamps logvar (`clamped`). `beyond_float32` and
    `beyond_float64` count the values whose exponential overflows that type.
    """

    min: float
    max: float
    mean: float
    at_min: int
    at_max: int
    clamped: bool
    beyond_float32: int
    beyond_float64: int
    constant_dimensions: int
    min_per_dimension: Values
    max_per_dimension: Values


@dataclass(frozen=True, kw_only=True)
class LatentReport:
    """Record of a latent space; KL divergences and the total correlation are in `unit`.

    `active_units` is None with too few samples. `total_correlation` is that of the Gaussian fit to
    mu, over the `total_correlation_dimensions` that vary. It is None if it cannot be computed, and
    inf if a dimension is a function of others.
    """

    schema: str = "ssimtool.latents/1"
    status: Status
    mu: str
    logvar: str
    samples: int | None = None
    shape: tuple[int, ...] | None = None
    dimensions: int | None = None
    unit: Unit
    kl: float | None = None
    kl_reduction: str = reduction_text("sum-mean", None)
    kl_per_dimension: tuple[float, ...] = ()
    free_bits: FreeBits | None = None
    active_units: int | None = None
    active_threshold: float
    active_ddof: int
    collapsed_dimensions: int | None = None
    collapsed_threshold: float
    effective_dimensions: float | None = None
    aggregate: Aggregate | None = None
    total_correlation: float | None = None
    total_correlation_dimensions: int | None = None
    constant_dimensions: tuple[int, ...] = ()
    logvar_values: LogvarValues | None = None
    thresholds: tuple[Verdict, ...] = ()
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None

    @property
    def figures(self) -> dict[str, float | None]:
        """Numbers that a threshold may name; None for one that was not computed."""
        free, logvar = self.free_bits, self.logvar_values
        return {
            "kl": self.kl,
            "free_bits_kl": free.kl if free else None,
            "active_units": self.active_units,
            "collapsed_dimensions": self.collapsed_dimensions,
            "effective_dimensions": self.effective_dimensions,
            "total_correlation": self.total_correlation,
            "logvar_min": logvar.min if logvar else None,
            "logvar_max": logvar.max if logvar else None,
        }


def per_nat(unit: Unit) -> float:
    """Return the length of one nat in a unit.

    >>> per_nat("nats")
    1.0
    """
    return 1.0 if unit == "nats" else 1 / math.log(2)
