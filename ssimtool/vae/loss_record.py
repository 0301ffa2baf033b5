"""Record of a loss, from the sums over all chunks or from an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ssimtool import __version__
from ssimtool.errors import SsimtoolError
from ssimtool.metrics.moments import Moments
from ssimtool.readers.arrays.vae import Arrays
from ssimtool.records.comparison import parts_of
from ssimtool.records.latents import reduction_text
from ssimtool.records.loss import Contributions, LossReport
from ssimtool.records.verdicts import Failure, judged, status_of
from ssimtool.settings import LatentSettings, LossSettings
from ssimtool.vae.diagnostics import image_warnings, posterior_warnings
from ssimtool.vae.posterior import kl_per_dimension, summary_of
from ssimtool.vae.spans import Span
from ssimtool.vae.units import unit_steps


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results accumulated over all chunks.

    Args:
        means: means of mse, ssim_loss and kl over the samples; 0 for a term whose weight is 0.
        recon, raw: the ranges of their samples.
        moments: moments of mu and logvar; None if they were not read.
        device: device that computed the terms.
    """

    means: Mapping[str, float]
    recon: Span
    raw: Span
    moments: Moments | None
    device: str


def loss_record(
    arrays: Arrays, paths: tuple[str, ...], settings: LossSettings, evaluation: Evaluation
) -> LossReport:
    """Return the record of a loss, with its thresholds judged.

    Raises:
        SsimtoolError: `non_finite`, a mean is not a number.
    """
    moments = evaluation.moments
    mse, ssim_loss = evaluation.means["mse"], evaluation.means["ssim_loss"]
    kl = _kl_term(evaluation.means["kl"], moments, settings)
    _check_means(arrays, {"mse": mse, "ssim_loss": ssim_loss, "kl": kl})
    parts = Contributions(mse=mse, ssim_loss=settings.alpha * ssim_loss, kl=settings.beta * kl)
    report = replace(
        _requested(paths, settings, latents=arrays.mu is not None),
        samples=arrays.samples,
        shape=arrays.recon.shape,
        latent_shape=arrays.mu.shape if arrays.mu else None,
        loss=parts.mse + parts.ssim_loss + parts.kl,
        mse=mse,
        ssim=1 - ssim_loss if settings.alpha else None,
        ssim_loss=ssim_loss if settings.alpha else None,
        kl=kl if settings.beta else None,
        contributions=parts,
        data_range=1 if settings.data_range is None else settings.data_range,
        latents=None if moments is None else summary_of(moments, LatentSettings()),
        steps=_steps(arrays, settings),
        device=evaluation.device,
        backend=settings.backend,
        warnings=_warnings(arrays, settings, evaluation),
    )
    verdicts = judged(settings.thresholds, report.figures)
    return replace(report, thresholds=verdicts, status=status_of(verdicts))


def failed_loss(
    paths: tuple[str, ...], settings: LossSettings, failure: Failure, *, latents: bool
) -> LossReport:
    """Return the record of a loss that could not be computed.

    Args:
        paths, settings: the request.
        failure: reason of the failure.
        latents: whether mu and logvar were requested.
    """
    return replace(_requested(paths, settings, latents=latents), error=failure)


def _requested(paths: tuple[str, ...], settings: LossSettings, *, latents: bool) -> LossReport:
    """Return the record of a request, without results."""
    named = (*(paths * 4 if len(paths) == 1 else paths), None, None)
    return LossReport(
        status="error",
        recon=named[0] or "",
        raw=named[1] or "",
        mu=named[2] if latents else None,
        logvar=named[3] if latents else None,
        alpha=settings.alpha,
        beta=settings.beta,
        definition=parts_of(settings.definition),
        kl_reduction=reduction_text(settings.kl_reduction, settings.free_bits),
        free_bits=settings.free_bits or None,
        version=__version__,
    )


def _kl_term(mean: float, moments: Moments | None, settings: LossSettings) -> float:
    """Return the KL term of the loss, from the mean of the KL of each sample.

    Free bits clamp the mean of a dimension over the batch, which is not a sum over samples.
    """
    if moments is None or not settings.beta:
        return 0.0
    if settings.free_bits:
        mean = math.fsum(np.maximum(kl_per_dimension(moments), settings.free_bits))
        mean /= len(moments.mean) if settings.kl_reduction == "mean" else 1
    return mean * moments.count if settings.kl_reduction == "sum" else mean


def _check_means(arrays: Arrays, means: Mapping[str, float]) -> None:
    for name, mean in means.items():
        if not math.isfinite(mean):
            source = arrays.logvar if name == "kl" and arrays.logvar else arrays.recon
            raise SsimtoolError(
                "non_finite",
                f"{source.name}: the {name} of these arrays is not finite, expected values with "
                "finite squares and a logvar below about 700; check the program that wrote them",
            )


def _steps(arrays: Arrays, settings: LossSettings) -> tuple[str, ...]:
    """Return how the arrays were read: their layout, and integers divided by their range."""
    last = arrays.layout == "nhwc" and (len(arrays.recon.shape) == 4 or arrays.flattened)
    rows = [f"recon, raw: rows to images of shape {arrays.flattened}"] if arrays.flattened else []
    channels = ["recon, raw: channels last to first"] if last else []
    each = settings.free_bits and settings.per_sample
    free = ["kl of each sample: without free bits"] if each else []
    return (*rows, *channels, *unit_steps(arrays, settings), *free)


def _warnings(arrays: Arrays, settings: LossSettings, evaluation: Evaluation) -> tuple[str, ...]:
    """Return the warnings about all arrays, each once."""
    warned = image_warnings(arrays, settings, evaluation.recon, evaluation.raw)
    if arrays.mu and arrays.logvar and evaluation.moments is not None:
        warned += posterior_warnings(arrays.mu.name, arrays.logvar.name, evaluation.moments)
    return tuple(dict.fromkeys(warned))
