"""Use case of a latent space: compute active and collapsed dimensions of saved posteriors."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from ssimtool.metrics.moments import LARGEST_CORRELATION
from ssimtool.readers.arrays.latents import Latents, open_latents, rows
from ssimtool.records.batch import Bin
from ssimtool.records.latents import LatentReport
from ssimtool.scoring.failures import failure_of
from ssimtool.settings import LatentSettings
from ssimtool.vae.latents_record import failed_latents, latents_record
from ssimtool.vae.posterior import Posterior
from ssimtool.vae.requests import LatentsRequest

BINS = 120  # of the histogram of mu
OnRows = Callable[[int], object]
# Called with the numbers of samples and of values once the files are open. Yields a function that
# is called with the number of samples of each chunk.
Watch = Callable[[int, int], AbstractContextManager[OnRows]]


@dataclass(frozen=True)
class LatentsResult:
    """Record of a latent space, and the plot as a file if requested and without an error."""

    record: LatentReport
    plot: bytes | None = None


def _ignore(count: int) -> None:
    pass


def _unwatched(samples: int, values: int) -> AbstractContextManager[OnRows]:
    return nullcontext(_ignore)


def latents_of_files(
    request: LatentsRequest, *, watch: Watch = _unwatched, debug: bool = False
) -> LatentsResult:
    """Read the posteriors and return their description, or a record with the status `error`.

    Args:
        request: files and settings.
        watch: context that is entered once the files are open.
        debug: whether to raise errors instead of returning them.

    Raises:
        SsimtoolError, MemoryError: with `debug`.
    """
    try:
        latents = open_latents(request.paths, max_bytes=request.max_bytes)
        with watch(latents.samples, latents.size) as on_rows:
            record = evaluate_latents(latents, request.paths, request.settings, on_rows=on_rows)
        if request.plot is None:
            return LatentsResult(record)
        from ssimtool.reports.plot import drawn  # loads matplotlib

        bins, beyond = mu_histogram(latents, record)
        return LatentsResult(record, drawn(record, bins, beyond, kind=request.plot))
    except Exception as error:
        failure = failure_of(error)
        if debug or failure is None:
            raise
        return LatentsResult(failed_latents(request.paths, request.settings, failure))


def evaluate_latents(
    latents: Latents,
    paths: tuple[str, ...],
    settings: LatentSettings,
    *,
    on_rows: OnRows = _ignore,
) -> LatentReport:
    """Return the description of an opened latent space, read in chunks and summed in float64.

    Args:
        latents: opened and checked arrays.
        paths: the one or two paths as passed.
        settings: unit, thresholds and so on.
        on_rows: function that is called with the number of samples of each chunk.

    Raises:
        SsimtoolError: `non_finite`.
    """
    correlated = latents.samples > 1 and latents.dimensions <= LARGEST_CORRELATION
    posterior = Posterior(latents.mu.name, latents.logvar.name, correlated=correlated)
    for mu, logvar in zip(rows(latents.mu), rows(latents.logvar), strict=True):
        posterior.add(mu, logvar)
        latents.release()
        on_rows(len(mu))
    return latents_record(latents, paths, settings, posterior.moments())


def mu_histogram(latents: Latents, report: LatentReport) -> tuple[tuple[Bin, ...], int]:
    """Read the files again and return the histogram of mu over all dimensions, for a plot.

    Returns:
        bins of equal width, centred on 0, and the number of values beyond them.
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
    """Return the limit of the histogram: four deviations of the prior, or six of mu if wider."""
    if report.aggregate is None:
        raise ValueError("expected a report without an error")
    means, spreads = report.aggregate.mean, report.aggregate.mu_variance
    squares = [(m or 0) ** 2 + (v or 0) for m, v in zip(means, spreads, strict=True)]
    return max(4.0, 6 * math.sqrt(math.fsum(squares) / len(squares)))
