"""What was found of a latent space, as plain values: fields as in `records`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ssimtool.records.verdicts import Failure, Status, Verdict

Unit = Literal["nats", "bits"]
UNITS: tuple[Unit, ...] = get_args(Unit)
Values = tuple[float | None, ...]
# Of `kl_reduction`: what the numbers of all samples and dimensions become, and how often that is
# taken.
REDUCTIONS = {
    "sum-mean": ("sum over latent dimensions", "mean over batch", ""),
    "mean": ("mean over latent dimensions", "mean over batch", ""),
    "sum": ("sum over latent dimensions", "sum over batch", ", times the samples"),
}
# The numbers of a record that a threshold may name.
FIGURES = (
    "kl", "free_bits_kl", "active_units", "collapsed_dimensions", "effective_dimensions",
    "total_correlation", "logvar_min", "logvar_max",
)  # fmt: skip


def reduction_told(name: str, free_bits: float | None) -> str:
    """A reduction of the KL divergence in words.

    >>> reduction_told("sum-mean", None)
    'sum over latent dimensions, mean over batch'
    >>> reduction_told("sum", 0.5)
    'sum over latent dimensions of max(0.5, mean over batch), times the samples'
    """
    dimensions, batch, times = REDUCTIONS[name]
    if not free_bits:
        return f"{dimensions}, {batch}"
    return f"{dimensions} of max({free_bits:g}, mean over batch){times}"


@dataclass(frozen=True, kw_only=True)
class LatentSummary:
    """The first numbers of a latent space, as they stand in the record of a loss; KL in nats.

    Active are the dimensions whose mu varies by more than `active_threshold` (a variance, divided
    by the samples less `active_ddof`), collapsed those whose KL is under `collapsed_threshold`.
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
    """The KL term with free bits: `dimensions` of them are under the `minimum`, and count as it."""

    minimum: float
    kl: float
    dimensions: int
    reduction: str


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """Of each dimension over all samples; the prior has mean 0 and variance 1.

    `mean` is that of mu; `variance` = `mu_variance` + `posterior_variance`, with Var(mu) divided by
    the samples less `ddof` (None where there are no more), and the mean of exp(logvar).
    """

    mean: Values
    variance: Values
    mu_variance: Values
    posterior_variance: Values
    ddof: int


@dataclass(frozen=True, kw_only=True)
class LogvarValues:
    """Of all logvar, and of each dimension.

    `at_min` and `at_max` say how many values are the least, the greatest of all, without dimensions
    that do not vary: where these are many, the encoder clamps them (`clamped`). `beyond_float32`
    and `beyond_float64`: of how many the exponential overflows.
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
    """The health of a latent space. What is a KL divergence or the like is in `unit`.

    `active_units` is None with too few samples, `total_correlation` (of the Gaussian that fits mu,
    over the `total_correlation_dimensions` that vary) where it cannot be told, and inf where a
    dimension is a function of others.
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
    kl_reduction: str = reduction_told("sum-mean", None)
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
        """The numbers that a threshold may name; None where there is none."""
        free, found = self.free_bits, self.logvar_values
        return {
            "kl": self.kl,
            "free_bits_kl": free.kl if free else None,
            "active_units": self.active_units,
            "collapsed_dimensions": self.collapsed_dimensions,
            "effective_dimensions": self.effective_dimensions,
            "total_correlation": self.total_correlation,
            "logvar_min": found.min if found else None,
            "logvar_max": found.max if found else None,
        }


def per_nat(unit: Unit) -> float:
    """How many of a unit one nat is.

    >>> per_nat("nats")
    1.0
    """
    return 1.0 if unit == "nats" else 1 / math.log(2)
