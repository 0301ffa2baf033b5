"""The use case of a latent space: saved posteriors to what is active and what has collapsed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ssimtool import __version__
from ssimtool.metrics.moments import LARGEST_CORRELATION, Moments, merged, moments
from ssimtool.readers.arrays.latents import Latents, rows
from ssimtool.records.batch import Bin
from ssimtool.records.latents import LatentReport, per_nat
from ssimtool.records.verdicts import status_of
from ssimtool.settings import LatentSettings
from ssimtool.vae.diagnostics import posterior_warnings
from ssimtool.vae.statistics import (
    aggregate_of,
    check_finite,
    check_sums,
    constant_of,
    free_bits_of,
    kl_of,
    logvar_values_of,
    summary_of,
    total_correlation_of,
)

NAMED = 8  # dimensions in one warning
BINS = 120  # of the histogram of mu


def evaluate_latents(
    latents: Latents,
    paths: tuple[str, ...],
    how: LatentSettings,
    *,
    on_rows: Callable[[int], None] = lambda count: None,
) -> LatentReport:
    """The health of a latent space, read once, in chunks, with the sums in float64.

    Args:
        latents: opened and checked.
        paths: as they were given, one or two.
        how: the options of the command line.
        on_rows: is called with the number of samples of each chunk.

    Raises:
        SsimtoolError: `non_finite`.
    """
    found = _moments(latents, on_rows)
    scale = per_nat(how.unit)
    kl = kl_of(found) * scale
    summary = summary_of(found, how)
    correlation, dimensions, doubt = total_correlation_of(found, latents.mu.name)
    report = LatentReport(
        status="ok",
        mu=paths[0],
        logvar=paths[-1],
        samples=latents.samples,
        shape=latents.mu.shape,
        dimensions=latents.dimensions,
        unit=how.unit,
        kl=math.fsum(kl),
        kl_per_dimension=tuple(kl.tolist()),
        free_bits=free_bits_of(kl, how.free_bits),
        active_units=summary.active_units,
        active_threshold=summary.active_threshold,
        active_ddof=summary.active_ddof,
        collapsed_dimensions=summary.collapsed_dimensions,
        collapsed_threshold=summary.collapsed_threshold,
        effective_dimensions=summary.effective_dimensions,
        aggregate=aggregate_of(found, how.active_ddof),
        total_correlation=None if correlation is None else correlation * scale,
        total_correlation_dimensions=dimensions,
        constant_dimensions=constant_of(found),
        logvar_values=logvar_values_of(found),
        version=__version__,
        warnings=(*_warnings(latents, found, how), *doubt),
    )
    figures = report.figures
    # where there is no number, a threshold on it fails
    verdicts = tuple(
        t.judge(math.nan if (v := figures[t.metric]) is None else v) for t in how.thresholds
    )
    return replace(report, thresholds=verdicts, status=status_of(verdicts))


def _moments(latents: Latents, on_rows: Callable[[int], None]) -> Moments:
    correlated = latents.samples > 1 and latents.dimensions <= LARGEST_CORRELATION
    found: Moments | None = None
    for mu, logvar in zip(rows(latents.mu), rows(latents.logvar), strict=True):
        part = moments(mu, logvar, correlated=correlated)
        check_finite(part, latents.mu.name, latents.logvar.name)
        found = part if found is None else merged(found, part)
        latents.release()
        on_rows(len(mu))
    if found is None:
        raise ValueError("expected one sample at least")
    check_sums(found, latents.mu.name, latents.logvar.name)
    return found


def _warnings(latents: Latents, found: Moments, how: LatentSettings) -> list[str]:
    """What looks like a mistake and is not one for certain."""
    name, warned = latents.mu.name, []
    if len(latents.mu.shape) == 1:
        warned.append(
            f"{name}: has shape {latents.mu.shape}, taken as {latents.samples} samples of one "
            "dimension; if it is one sample, reshape it to (1, D)"
        )
    if found.count == 1:
        warned.append(
            f"{name}: holds 1 sample, and what varies over the samples (active units, total "
            "correlation) needs more; save the posterior of a data set"
        )
    elif found.count <= how.active_ddof:
        warned.append(
            f"{name}: holds {found.count} samples, and a variance with --ddof {how.active_ddof} "
            "(active units) needs more; give a smaller --ddof"
        )
    constant = constant_of(found)
    if constant:
        named = ", ".join(map(str, constant[:NAMED]))
        more = f" and {len(constant) - NAMED} more" if len(constant) > NAMED else ""
        one = len(constant) == 1
        warned.append(
            f"{name}: dimension{'' if one else 's'} {named}{more} of {latents.dimensions} "
            f"{'is' if one else 'are'} constant, and left out of the total correlation"
        )
    return [*warned, *posterior_warnings(name, latents.logvar.name, found)]


def mu_histogram(latents: Latents, report: LatentReport) -> tuple[tuple[Bin, ...], int]:
    """How the values of mu are distributed, all dimensions together: for a plot, read once more.

    Returns:
        bins of one width about 0, and how many values lie beyond them.
    """
    limit = _reach(report)
    counts = np.zeros(BINS, np.int64)
    for mu in rows(latents.mu):
        counts += np.histogram(mu.astype(np.float64), bins=BINS, range=(-limit, limit))[0]
        latents.release()
    edges = np.linspace(-limit, limit, BINS + 1).tolist()
    bins = tuple(map(Bin, edges, edges[1:], counts.tolist()))
    return bins, latents.size - int(counts.sum())


def _reach(report: LatentReport) -> float:
    """How far from 0 the histogram goes: four deviations of the prior, six of mu where it is
    wider."""
    if report.aggregate is None:
        raise ValueError("expected a report without an error")
    means, spreads = report.aggregate.mean, report.aggregate.mu_variance
    squares = [(m or 0) ** 2 + (v or 0) for m, v in zip(means, spreads, strict=True)]
    return max(4.0, 6 * math.sqrt(math.fsum(squares) / len(squares)))
