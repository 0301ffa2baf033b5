"""The use case of a VAE: saved reconstructions, originals and posteriors to the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ssimtool import __version__
from ssimtool.errors import SsimtoolError
from ssimtool.metrics import public as metrics
from ssimtool.metrics.moments import Moments, merged, moments
from ssimtool.readers.arrays.vae import CHUNK, KEYS, Arrays, Chunk, chunks
from ssimtool.readers.samples import Array, range_of_type
from ssimtool.records.comparison import parts_of
from ssimtool.records.latents import reduction_told
from ssimtool.records.loss import Contributions, LossReport, SampleScores
from ssimtool.records.verdicts import status_of
from ssimtool.scoring.bands import Band, bands
from ssimtool.scoring.tensors import choose_device, sent, wide
from ssimtool.settings import BackendName, LatentSettings, LossSettings
from ssimtool.vae.diagnostics import Span, image_warnings, posterior_warnings
from ssimtool.vae.statistics import check_finite, check_sums, kl_of, summary_of


def evaluate_loss(
    arrays: Arrays,
    paths: tuple[str, ...],
    how: LossSettings,
    *,
    on_scores: Callable[[list[SampleScores]], None],
) -> LossReport:
    """The loss of saved arrays and its parts, in chunks, with the sums in float64.

    Args:
        arrays: opened and checked.
        paths: as they were given.
        how: the options of the command line.
        on_scores: is called with the samples of each chunk, in order.

    Raises:
        SsimtoolError: `non_finite`, `too_small`.
        ValueError: a device that is not present.
    """
    device = choose_device(how.device, how.backend)
    definition = how.definition.for_size(*arrays.image_shape[1:])
    how = replace(how, backend=_backend(arrays, how, device), definition=definition)
    _check_size(arrays, how)
    sums = {"mse": 0.0, "ssim_loss": 0.0, "kl": 0.0}
    spans = {name: Span() for name in ("recon", "raw")}
    latents: Moments | None = None
    for chunk in chunks(arrays):
        latents = _posterior(chunk, arrays, latents)
        scores = _score(chunk, arrays, how, device, spans)
        arrays.release()
        for name, values in scores.items():
            sums[name] += math.fsum(values)
        on_scores(_rows(chunk.start, scores))
    means = {name: total / arrays.samples for name, total in sums.items()}
    if latents is not None and arrays.mu and arrays.logvar:
        check_sums(latents, arrays.mu.name, arrays.logvar.name)
        means["kl"] = _kl(means["kl"], latents, how) if how.beta else 0.0
    report = _report(arrays, paths, how, means, _warnings(arrays, how, spans, latents), str(device))
    return (
        report
        if latents is None
        else replace(report, latents=summary_of(latents, LatentSettings()))
    )


def _posterior(chunk: Chunk, arrays: Arrays, before: Moments | None) -> Moments | None:
    """What is summed up of mu and logvar so far; None where they are not needed."""
    if chunk.mu is None or chunk.logvar is None or not arrays.mu or not arrays.logvar:
        return None
    found = moments(chunk.mu, chunk.logvar)
    check_finite(found, arrays.mu.name, arrays.logvar.name)
    return found if before is None else merged(before, found)


def _kl(mean: float, latents: Moments, how: LossSettings) -> float:
    """The term of the loss, from the mean over the samples of what each has.

    Free bits hold for the mean of a dimension over the batch: of them no sample has a share.
    """
    if how.free_bits:
        mean = math.fsum(np.maximum(kl_of(latents), how.free_bits))
        mean /= len(latents.mean) if how.kl_reduction == "mean" else 1
    return mean * latents.count if how.kl_reduction == "sum" else mean


def _backend(arrays: Arrays, how: LossSettings, device: torch.device) -> BackendName:
    """One backend for all chunks: by the size of the arrays, since the process computes no more."""
    if how.backend != "auto":
        return how.backend
    window_size = how.definition.window_size if how.alpha else 1
    worth_it = metrics.is_worth_it(arrays.size, device, window_size=window_size, once=True)
    return "fused" if worth_it else "torch"


def _check_size(arrays: Arrays, how: LossSettings) -> None:
    smallest = metrics.smallest_side(how.definition)
    _, height, width = arrays.image_shape
    if how.alpha and min(height, width) < smallest:
        raise SsimtoolError(
            "too_small",
            f"{arrays.recon.name}: its images are {width}x{height} pixels, expected at least "
            f"{smallest}x{smallest} for a window of {how.definition.window_size}; give another "
            "--definition, a smaller --window-size or --alpha 0",
        )


def _score(
    chunk: Chunk,
    arrays: Arrays,
    how: LossSettings,
    device: torch.device,
    spans: dict[str, Span],
) -> dict[str, list[float]]:
    """Each term of each sample; a term whose weight is 0 is not there."""
    n, channels, height, width = chunk.recon.shape
    sums = {"mse": torch.zeros(n, dtype=torch.float64)}
    if how.alpha:
        sums["ssim_loss"] = torch.zeros(n, dtype=torch.float64)
    counts = dict.fromkeys(sums, 0)
    for band in bands(height, 2 * CHUNK // (n * channels * width), how.definition):
        recon, raw = chunk.recon[:, :, band.source], chunk.raw[:, :, band.source]
        inside = slice(band.core.start - band.source.start, band.core.stop - band.source.start)
        spans["recon"].add(recon[:, :, inside], arrays.recon.name)
        spans["raw"].add(raw[:, :, inside], arrays.raw.name)
        for name, (mean, count) in _score_band(recon, raw, band, inside, how, device).items():
            sums[name] += count * mean.cpu().to(torch.float64)
            counts[name] += count
        if band.core.stop < height:
            arrays.release()
    scores = {name: (total / counts[name]).tolist() for name, total in sums.items()}
    if how.beta and chunk.mu is not None and chunk.logvar is not None:
        mu, logvar = (sent(a, device).to(wide(device)) for a in (chunk.mu, chunk.logvar))
        parts = mu.shape[1] if how.kl_reduction == "mean" else 1
        scores["kl"] = (metrics.kl_divergence(mu, logvar) / parts).tolist()
    return scores


def _score_band(
    recon: Array, raw: Array, band: Band, inside: slice, how: LossSettings, device: torch.device
) -> dict[str, tuple[Tensor, int]]:
    """The mean of each term over the band, (n,), and over how many rows."""
    recon, raw, data_range, divisor = _scaled(recon, raw, how.data_range)
    x, y = sent(raw, device), sent(recon, device)
    dtype = wide(device)
    error = metrics.mse(x[:, :, inside], y[:, :, inside], dtype=dtype, backend=how.backend)
    error = error / float(divisor) ** 2
    terms = {"mse": (error, band.core.stop - band.core.start)}
    if how.alpha:
        loss = _loss_of_band(x, y, data_range, band, how)
        terms["ssim_loss"] = (loss, band.kept.stop - band.kept.start)
    return terms


def _loss_of_band(x: Tensor, y: Tensor, data_range: float, band: Band, how: LossSettings) -> Tensor:
    whole = band.core == band.source  # then 1 - SSIM without a detour over the map
    found = (metrics.ssim_loss if whole else metrics.ssim_map)(
        x,
        y,
        data_range=data_range,
        definition=how.definition,
        dtype=wide(x.device),
        backend=how.backend,
    )
    return found if whole else 1 - found[:, :, band.kept].mean(dim=(1, 2, 3))


def _scaled(recon: Array, raw: Array, given: float | None) -> tuple[Array, Array, float, float]:
    """The arrays, the range of their samples, and what the samples are to be divided by.

    Two integer arrays of one type are not divided themselves: SSIM does not see a common factor.
    """
    if given is not None:
        return recon, raw, given, 1
    ranges = [range_of_type(a.dtype) for a in (recon, raw)]
    if ranges[0] == ranges[1]:
        full = ranges[0] or 1
        return recon, raw, full, full
    recon, raw = (
        a if r is None else a / np.float64(r) for a, r in zip((recon, raw), ranges, strict=True)
    )
    return recon, raw, 1, 1


def _rows(start: int, scores: dict[str, list[float]]) -> list[SampleScores]:
    nothing = [None] * len(scores["mse"])
    columns = (scores["mse"], scores.get("ssim_loss", nothing), scores.get("kl", nothing))
    return [SampleScores(start + i, *row) for i, row in enumerate(zip(*columns, strict=True))]


def _report(
    arrays: Arrays,
    paths: tuple[str, ...],
    how: LossSettings,
    means: dict[str, float],
    warned: tuple[str, ...],
    device: str,
) -> LossReport:
    added = Contributions(
        mse=means["mse"], ssim_loss=how.alpha * means["ssim_loss"], kl=how.beta * means["kl"]
    )
    loss = added.mse + added.ssim_loss + added.kl
    for name, mean in means.items():
        if not math.isfinite(mean):
            source = arrays.logvar if name == "kl" and arrays.logvar else arrays.recon
            raise SsimtoolError(
                "non_finite",
                f"{source.name}: the {name} of these arrays is not finite, expected numbers whose "
                "squares are, and a logvar below about 700; look at what wrote them",
            )
    names = dict(zip(KEYS, paths * 4 if len(paths) == 1 else paths, strict=False))
    report = LossReport(
        status="ok",
        recon=names["recon"],
        raw=names["raw"],
        mu=names["mu"] if arrays.mu else None,
        logvar=names["logvar"] if arrays.logvar else None,
        samples=arrays.samples,
        shape=arrays.recon.shape,
        latent_shape=arrays.mu.shape if arrays.mu else None,
        alpha=how.alpha,
        beta=how.beta,
        loss=loss,
        mse=means["mse"],
        ssim=1 - means["ssim_loss"] if how.alpha else None,
        ssim_loss=means["ssim_loss"] if how.alpha else None,
        kl=means["kl"] if how.beta else None,
        contributions=added,
        data_range=1 if how.data_range is None else how.data_range,
        definition=parts_of(how.definition),
        kl_reduction=reduction_told(how.kl_reduction, how.free_bits),
        free_bits=how.free_bits or None,
        steps=_steps(arrays, how),
        device=device,
        backend=how.backend,
        version=__version__,
        warnings=warned,
    )
    verdicts = tuple(t.judge(getattr(report, t.metric)) for t in how.thresholds)
    return replace(report, thresholds=verdicts, status=status_of(verdicts))


def _steps(arrays: Arrays, how: LossSettings) -> tuple[str, ...]:
    """How the arrays were read: their layout, and integers brought to [0, 1]."""
    last = arrays.layout == "nhwc" and len(arrays.recon.shape) == 4
    named = (("recon", arrays.recon), ("raw", arrays.raw))
    ranges = ((name, s.dtype, range_of_type(s.dtype)) for name, s in named)
    divided = (
        f"{name}: {dtype} divided by {full}"
        for name, dtype, full in ranges
        if full is not None and how.data_range is None
    )
    channels = ["recon, raw: channels last to first"] if last else []
    each = how.free_bits and how.per_sample
    free = ["kl of each sample: without free bits"] if each else []
    return (*channels, *divided, *free)


def _warnings(
    arrays: Arrays, how: LossSettings, spans: dict[str, Span], latents: Moments | None
) -> tuple[str, ...]:
    """What looks like a mistake and is not one for certain."""
    warned = image_warnings(arrays, how.data_range, spans)
    if arrays.mu and arrays.logvar and latents:
        warned += posterior_warnings(arrays.mu.name, arrays.logvar.name, latents)
    return tuple(dict.fromkeys(warned))
