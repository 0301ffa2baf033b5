"""Use case of a VAE: compute the loss of saved reconstructions, originals and posteriors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ssimtool.output import Reserved, write
from ssimtool.readers.arrays.vae import CHUNK, Arrays, chunks, open_arrays
from ssimtool.records.loss import LossReport, SampleScores
from ssimtool.reports.text import sample_header, sample_lines
from ssimtool.scoring.failures import failure_of
from ssimtool.settings import LossSettings
from ssimtool.vae.loss_record import Evaluation, failed_loss, loss_record
from ssimtool.vae.posterior import Posterior
from ssimtool.vae.requests import LossRequest
from ssimtool.vae.spans import Span

OnScores = Callable[[list[SampleScores]], object]
# Called with the numbers of samples and of values once the files are open. Yields a function that
# is called with the number of samples of each chunk.
Watch = Callable[[int, int], AbstractContextManager[Callable[[int], object]]]


def _unwatched(samples: int, values: int) -> AbstractContextManager[Callable[[int], object]]:
    return nullcontext(lambda count: None)


def loss_of_files(
    request: LossRequest,
    *,
    per_sample: Reserved | None = None,
    watch: Watch = _unwatched,
    debug: bool = False,
) -> LossReport:
    """Read the arrays and return their loss, or a record with the status `error`.

    Args:
        request: files and settings.
        per_sample: file for the terms of each sample, `.csv` or `.ndjson`.
        watch: context that is entered once the files are open, before torch is loaded.
        debug: whether to raise errors instead of returning them.

    Raises:
        SsimtoolError, MemoryError: with `debug`.
        OutputError: `per_sample` cannot be written.
        ValueError: a device is not present.
    """
    try:
        arrays = open_arrays(
            request.paths,
            latents=request.reads_latents,
            layout=request.layout,
            image_shape=request.image_shape,
            max_bytes=request.max_bytes,
        )
        with watch(arrays.samples, arrays.size) as done, _written(per_sample) as keep:

            def on_scores(scores: list[SampleScores]) -> None:
                keep(scores)
                done(len(scores))

            return evaluate_loss(arrays, request.paths, request.settings, on_scores=on_scores)
    except Exception as error:
        failure = failure_of(error)
        if debug or failure is None:
            raise
        return failed_loss(request.paths, request.settings, failure, latents=request.reads_latents)


@contextmanager
def _written(file: Reserved | None) -> Iterator[OnScores]:
    """Yield a function that writes scores to a file, which exists only once it is complete."""
    if file is None:
        yield lambda scores: None
        return
    suffix = file.target.suffix.lower()
    write(file, sample_header(suffix))
    yield lambda scores: write(file, sample_lines(scores, suffix))
    file.commit()


def evaluate_loss(
    arrays: Arrays, paths: tuple[str, ...], settings: LossSettings, *, on_scores: OnScores
) -> LossReport:
    """Return the loss of opened arrays and its parts, read in chunks and summed in float64.

    Args:
        arrays: opened and checked arrays.
        paths: paths as passed.
        settings: weights, definition, device and so on.
        on_scores: function that is called with the scores of each chunk, in order.

    Raises:
        SsimtoolError: `non_finite`, `too_small`.
        ValueError: a device is not present.
    """
    from ssimtool.vae.images import computing, score  # loads torch: errors of files come first

    how = computing(arrays, settings, band_samples=2 * CHUNK)
    recon, raw = Span(arrays.recon.name), Span(arrays.raw.name)
    posterior = _posterior_of(arrays)
    sums = {"mse": 0.0, "ssim_loss": 0.0, "kl": 0.0}
    for chunk in chunks(arrays):
        if posterior is not None and chunk.mu is not None and chunk.logvar is not None:
            posterior.add(chunk.mu, chunk.logvar)
        scores = score(chunk, arrays, how, recon, raw)
        arrays.release()
        for name, values in scores.items():
            sums[name] += math.fsum(values)
        on_scores(_rows(chunk.start, scores))
    evaluation = Evaluation(
        means={name: total / arrays.samples for name, total in sums.items()},
        recon=recon,
        raw=raw,
        moments=None if posterior is None else posterior.moments(),
        device=str(how.device),
    )
    return loss_record(arrays, paths, how.settings, evaluation)


def _posterior_of(arrays: Arrays) -> Posterior | None:
    if arrays.mu is None or arrays.logvar is None:
        return None
    return Posterior(arrays.mu.name, arrays.logvar.name)


def _rows(start: int, scores: dict[str, list[float]]) -> list[SampleScores]:
    nothing = [None] * len(scores["mse"])
    columns = (scores["mse"], scores.get("ssim_loss", nothing), scores.get("kl", nothing))
    return [SampleScores(start + i, *row) for i, row in enumerate(zip(*columns, strict=True))]
