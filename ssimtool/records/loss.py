"""The record of the loss of saved reconstructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssimtool.records.latents import LatentSummary
from ssimtool.records.verdicts import Failure, Status, Verdict

TERMS = ("loss", "mse", "ssim", "ssim_loss", "kl")
OF_LATENTS = ("active_units", "collapsed_dimensions", "effective_dimensions")
FIGURES = (*TERMS, *OF_LATENTS)  # numbers of a record that a threshold may name


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """Contribution of each term to the loss."""

    mse: float
    ssim_loss: float
    kl: float


@dataclass(frozen=True, kw_only=True)
class LossReport:
    """Record of the loss of saved reconstructions: loss = mse + alpha·ssim_loss + beta·kl.

    A term whose weight is 0 is None, and its contribution is 0. `free_bits` is the minimum KL of
    each latent dimension, in nats; None if free bits were not requested.
    """

    schema: str = "ssimtool.loss/1"
    status: Status
    recon: str
    raw: str
    mu: str | None = None
    logvar: str | None = None
    samples: int | None = None
    shape: tuple[int, ...] | None = None
    latent_shape: tuple[int, ...] | None = None
    alpha: float
    beta: float
    loss: float | None = None
    mse: float | None = None
    ssim: float | None = None
    ssim_loss: float | None = None
    kl: float | None = None
    contributions: Contributions | None = None
    data_range: float | None = None
    definition: Mapping[str, Any] | None = None
    kl_reduction: str = "sum over latent dimensions, mean over batch"
    free_bits: float | None = None
    latents: LatentSummary | None = None
    steps: tuple[str, ...] = ()
    thresholds: tuple[Verdict, ...] = ()
    device: str | None = None
    backend: str | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None

    @property
    def figures(self) -> dict[str, float | None]:
        """Numbers that a threshold may name; None for one that was not computed."""
        terms = {name: getattr(self, name) for name in TERMS}
        return terms | {name: getattr(self.latents, name, None) for name in OF_LATENTS}


@dataclass(frozen=True)
class SampleScores:
    """Loss terms of one sample; a term whose weight is 0 is None."""

    index: int
    mse: float
    ssim_loss: float | None
    kl: float | None
