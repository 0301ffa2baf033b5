"""Terms of the loss of each sample: MSE and 1 - SSIM in bands of rows, and KL."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ssimtool.devices import Execution, numba_loads, settle, takes_fused
from ssimtool.errors import SsimtoolError
from ssimtool.metrics import public as metrics
from ssimtool.readers.arrays.vae import Arrays, Chunk
from ssimtool.readers.ranges import mapped
from ssimtool.readers.samples import Array
from ssimtool.scoring.bands import Band, bands
from ssimtool.scoring.transfer import alike, sent, widest_dtype
from ssimtool.settings import BackendName, LossSettings
from ssimtool.vae.spans import Span
from ssimtool.vae.units import STORED, units_of


@dataclass(frozen=True)
class Computing:
    """Settings without `auto`, and the device: decided once for all chunks."""

    settings: LossSettings
    device: torch.device
    band_samples: int  # approximate number of samples of recon and raw in one band

    @property
    def dtype(self) -> torch.dtype:
        """Type of the sums."""
        return widest_dtype(self.device)


def computing(arrays: Arrays, settings: LossSettings, *, band_samples: int) -> Computing:
    """Decide the device, the backend and the definition for these arrays.

    Raises:
        SsimtoolError: `too_small`, the window is larger than the images.
        UnavailableError: a device or a backend is not present.
    """
    window_size = settings.definition.window_size if settings.alpha else 1
    execution = settle(settings.device, settings.backend, window_size=window_size, once=True)
    definition = settings.definition.for_size(*arrays.image_shape[1:])
    backend = _backend(arrays.size, execution, window_size)
    settings = replace(settings, backend=backend, definition=definition)
    _check_size(arrays, settings)
    return Computing(settings, torch.device(execution.device), band_samples)


def _backend(size: int, execution: Execution, window_size: int) -> BackendName:
    """Return the backend for all chunks, chosen by the total number of values."""
    if execution.on_tensors != "auto":
        return execution.on_tensors
    pays = takes_fused(
        size, execution.device, window_size=window_size, fused_from=execution.fused_from
    )
    return "fused" if pays and numba_loads() else "torch"


def _check_size(arrays: Arrays, settings: LossSettings) -> None:
    smallest = metrics.smallest_side(settings.definition)
    _, height, width = arrays.image_shape
    if settings.alpha and min(height, width) < smallest:
        raise SsimtoolError(
            "too_small",
            f"{arrays.recon.name}: its images are {width}x{height} pixels, expected at least "
            f"{smallest}x{smallest} for a window of {settings.definition.window_size}; pass "
            "another --definition, a smaller --window-size or --alpha 0",
        )


def score(
    chunk: Chunk, arrays: Arrays, how: Computing, recon: Span, raw: Span
) -> dict[str, list[float]]:
    """Return each term of each sample; a term whose weight is 0 is absent.

    Args:
        chunk: samples to score.
        arrays: source of the samples, which releases the memory of finished bands.
        how: settings and device.
        recon, raw: ranges that are extended by the samples of the chunk.

    Raises:
        SsimtoolError: `non_finite`.
    """
    n, channels, height, width = chunk.recon.shape
    names = ("mse", "ssim_loss") if how.settings.alpha else ("mse",)
    sums = {name: torch.zeros(n, dtype=torch.float64) for name in names}
    counts = dict.fromkeys(names, 0)
    rows = how.band_samples // (n * channels * width)
    for band in bands(height, rows, how.settings.definition):
        x, y = chunk.raw[:, :, band.source], chunk.recon[:, :, band.source]
        recon.add(y[:, :, _core(band)])
        raw.add(x[:, :, _core(band)])
        for name, (mean, count) in _score_band(x, y, band, how).items():
            sums[name] += count * mean.cpu().to(torch.float64)
            counts[name] += count
        if band.core.stop < height:
            arrays.release()
    scores = {name: (total / counts[name]).tolist() for name, total in sums.items()}
    if how.settings.beta and chunk.mu is not None and chunk.logvar is not None:
        scores["kl"] = _kl(chunk.mu, chunk.logvar, how)
    return scores


def _kl(mu: Array, logvar: Array, how: Computing) -> list[float]:
    x, y = (sent(array, how.device).to(how.dtype) for array in (mu, logvar))
    parts = x.shape[1] if how.settings.kl_reduction == "mean" else 1
    scores: list[float] = (metrics.kl_divergence(x, y) / parts).tolist()
    return scores


def _core(band: Band) -> slice:
    """Return the rows of `band.source` that the band scores."""
    return slice(band.core.start - band.source.start, band.core.stop - band.source.start)


def _score_band(
    raw: Array, recon: Array, band: Band, how: Computing
) -> dict[str, tuple[Tensor, int]]:
    """Return the mean of each term over the band, (n,), and how many rows it covers."""
    settings, core = how.settings, _core(band)
    raw, recon, data_range, divisor = _scaled(raw, recon, settings)
    x, y = alike(sent(raw, how.device), sent(recon, how.device), data_range)
    error = metrics.mse(x[:, :, core], y[:, :, core], dtype=how.dtype, backend=settings.backend)
    error = error / float(divisor) ** 2
    terms = {"mse": (error, band.core.stop - band.core.start)}
    if settings.alpha:
        loss = _loss_of_band(x, y, data_range, band, how)
        terms["ssim_loss"] = (loss, band.kept.stop - band.kept.start)
    return terms


def _loss_of_band(x: Tensor, y: Tensor, data_range: float, band: Band, how: Computing) -> Tensor:
    whole = band.core == band.source  # then compute 1 - SSIM directly, without the map
    loss_or_map = (metrics.ssim_loss if whole else metrics.ssim_map)(
        x,
        y,
        data_range=data_range,
        definition=how.settings.definition,
        dtype=how.dtype,
        backend=how.settings.backend,
    )
    return loss_or_map if whole else 1 - loss_or_map[:, :, band.kept].mean(dim=(1, 2, 3))


def _scaled(raw: Array, recon: Array, settings: LossSettings) -> tuple[Array, Array, float, float]:
    """Return the arrays, the range of their samples, and the divisor of the samples.

    Two arrays that are only divided, by one number, are left as they are: SSIM does not depend on a
    common factor.
    """
    units = units_of(recon.dtype, raw.dtype, settings)
    (low, full), second = units
    if units[0] == second and not low:
        return raw, recon, settings.data_range or full, full
    recon, raw = (
        array if unit == STORED else mapped(array, unit)
        for array, unit in zip((recon, raw), units, strict=True)
    )
    return raw, recon, 1, 1
