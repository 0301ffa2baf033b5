"""Record of a latent space, from the moments of its posteriors or from an error."""

from __future__ import annotations

import math
from dataclasses import replace

from ssimtool import __version__
from ssimtool.metrics.moments import Moments
from ssimtool.readers.arrays.latents import Latents
from ssimtool.records.latents import LatentReport, per_nat
from ssimtool.records.verdicts import Failure, judged, status_of
from ssimtool.settings import LatentSettings
from ssimtool.vae.diagnostics import posterior_warnings
from ssimtool.vae.posterior import collapsed_threshold, kl_per_dimension, summary_of
from ssimtool.vae.statistics import (
    aggregate_of,
    constant_of,
    free_bits_of,
    logvar_values_of,
    total_correlation_of,
)

NAMED = 8  # dimensions in one warning


def latents_record(
    latents: Latents, paths: tuple[str, ...], settings: LatentSettings, moments: Moments
) -> LatentReport:
    """Return the record of a latent space, with its thresholds judged."""
    unit = per_nat(settings.unit)
    kl = kl_per_dimension(moments) * unit
    summary = summary_of(moments, settings)
    correlation, dimensions, doubt = total_correlation_of(moments, latents.mu.name)
    record = replace(
        _requested(paths, settings),
        samples=latents.samples,
        shape=latents.mu.shape,
        dimensions=latents.dimensions,
        kl=math.fsum(kl),
        kl_per_dimension=tuple(kl.tolist()),
        free_bits=free_bits_of(kl, settings.free_bits),
        active_units=summary.active_units,
        collapsed_dimensions=summary.collapsed_dimensions,
        effective_dimensions=summary.effective_dimensions,
        aggregate=aggregate_of(moments, settings.active_ddof),
        total_correlation=None if correlation is None else correlation * unit,
        total_correlation_dimensions=dimensions,
        constant_dimensions=constant_of(moments),
        logvar_values=logvar_values_of(moments),
        warnings=(*_warnings(latents, moments, settings), *doubt),
    )
    verdicts = judged(settings.thresholds, record.figures)
    return replace(record, thresholds=verdicts, status=status_of(verdicts))


def failed_latents(
    paths: tuple[str, ...], settings: LatentSettings, failure: Failure
) -> LatentReport:
    """Return the record of a latent space that could not be described."""
    return replace(_requested(paths, settings), error=failure)


def _requested(paths: tuple[str, ...], settings: LatentSettings) -> LatentReport:
    """Return the record of a request, without results."""
    return LatentReport(
        status="error",
        mu=paths[0],
        logvar=paths[-1],
        unit=settings.unit,
        active_threshold=settings.active_threshold,
        active_ddof=settings.active_ddof,
        collapsed_threshold=collapsed_threshold(settings),
        version=__version__,
    )


def _warnings(latents: Latents, moments: Moments, settings: LatentSettings) -> list[str]:
    """Return the warnings about the shape of mu, and about the values of both arrays."""
    name, warned = latents.mu.name, []
    if len(latents.mu.shape) == 1:
        warned.append(
            f"{name}: has shape {latents.mu.shape}, taken as {latents.samples} samples of one "
            "dimension; if it is one sample, reshape it to (1, D)"
        )
    if moments.count == 1:
        warned.append(
            f"{name}: has 1 sample, but active units and total correlation need more; save the "
            "posterior of a data set"
        )
    elif moments.count <= settings.active_ddof:
        warned.append(
            f"{name}: has {moments.count} samples, but active units with --ddof "
            f"{settings.active_ddof} need more; pass a smaller --ddof"
        )
    return [
        *warned,
        *_constant_warnings(latents, moments),
        *posterior_warnings(name, latents.logvar.name, moments),
    ]


def _constant_warnings(latents: Latents, moments: Moments) -> list[str]:
    constant = constant_of(moments)
    if not constant:
        return []
    named = ", ".join(map(str, constant[:NAMED]))
    more = f" and {len(constant) - NAMED} more" if len(constant) > NAMED else ""
    noun, verb = ("dimension", "is") if len(constant) == 1 else ("dimensions", "are")
    return [
        f"{latents.mu.name}: {noun} {named}{more} of {latents.dimensions} {verb} constant, and "
        "left out of the total correlation"
    ]
