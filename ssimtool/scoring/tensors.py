"""Scores and SSIM map of a pair by torch, on any device."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ssimtool.catalog import Definition, Function, Metric
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.kernels.fused_metrics import fused_parts
from ssimtool.kernels.plain.blocks import computing_dtype
from ssimtool.metrics import public as metrics
from ssimtool.readers.samples import Array, Pair
from ssimtool.scoring.bands import bands
from ssimtool.scoring.map_size import MAP_SAMPLES, definition_of_map, enlarged
from ssimtool.scoring.numbers import call, fused_scores, of_pair
from ssimtool.scoring.transfer import alike, sent, widest_dtype
from ssimtool.settings import CompareSettings, Computed


def numbers_of(
    functions: dict[Function, Metric],
    pair: Pair,
    settings: CompareSettings,
    execution: Execution,
) -> tuple[dict[Function, list[float]], Computed]:
    """Compute the numbers that the metrics of a pair are derived from.

    Args:
        functions: the functions, each with a row of it.
        pair: the images.
        settings: the definition and the precision.
        execution: the device and the backend.

    Returns:
        the numbers of each function, one per channel if it takes a definition, else one; and the
        device, the backend and the precision that they were computed with. The backend is `fused`
        if the fused pass computed any of them.

    Raises:
        SsimtoolError: `plugin`, the function of a plug-in failed.
    """
    device = torch.device(execution.device)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    weight = _weight(pair, device)
    fused = weight is None and bool(fused_parts(functions)) and _is_fused(x, y, settings, execution)
    scored: dict[Function, Tensor] = {}
    computed = computed_by(x)
    if fused:
        dtype = _dtype(x, y, settings)
        scored, precision = fused_scores(functions, x, y, pair.data_range, settings, dtype)
        computed = Computed("cpu", "fused", precision)
    for function, row in functions.items():
        if function not in scored:
            try:
                scored[function] = score(row, x, y, pair.data_range, settings, weight)
            except SsimtoolError as error:
                raise of_pair(error, pair) from error
    fetched = iter(torch.cat(list(scored.values())).tolist())  # one transfer from the device
    numbers = {name: list(islice(fetched, len(scores))) for name, scores in scored.items()}
    return numbers, computed


def computed_by(x: Tensor) -> Computed:
    """Return what to record for images that torch computes: float64 if the device has it."""
    precision = str(widest_dtype(x.device)).removeprefix("torch.")
    return Computed(str(x.device), "torch", precision)


def _is_fused(x: Tensor, y: Tensor, settings: CompareSettings, execution: Execution) -> bool:
    size, least = settings.definition.window_size, execution.fused_from
    return metrics.is_fused(x, y, execution.on_tensors, window_size=size, fused_from=least)


def _dtype(x: Tensor, y: Tensor, settings: CompareSettings) -> torch.dtype:
    """Return the requested dtype of SSIM by the fused kernels."""
    return widest_dtype(x.device) if settings.precision == "double" else computing_dtype(x, y)


def map_of(pair: Pair, settings: CompareSettings, execution: Execution) -> Array:
    """Return the SSIM map, as large as the image: the mean over the channels.

    A definition with valid windows is computed with symmetric padding instead, because its own map
    is smaller than the image. If the definition downsamples the images, each number of the map is
    repeated for the pixels that were averaged.

    Returns:
        (H, W), float32, −1 to 1; NaN outside the mask.
    """
    height, width, _ = pair.reference.shape
    definition = definition_of_map(settings.definition, height, width)
    device = torch.device(execution.device)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    x, y = alike(x, y, pair.data_range)
    weight, factor = _weight(pair, device), definition.downsample or 1
    if weight is not None:
        ssim_map = _weighted_map(x, y, weight, definition, pair.data_range)
    else:
        fused = _is_fused(x, y, settings, execution)
        if factor > 1:
            x, y = (metrics.reduced(image, factor, widest_dtype(device)) for image in (x, y))
            definition = replace(definition, downsample=1)
        ssim_map = _map(x, y, definition, pair.data_range, fused=fused)
    ssim_map = enlarged(ssim_map, factor, height, width)
    if pair.weight is not None:
        ssim_map[pair.weight == 0] = np.nan
    return ssim_map


def _weighted_map(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float
) -> Array:
    """Return the mean map over the channels, computed channel by channel: (H, W), float32."""
    total = torch.zeros((), device=x.device)
    for c in range(x.shape[1]):
        a, b = x[:, c : c + 1], y[:, c : c + 1]
        total = total + metrics.ssim_map(
            a,
            b,
            data_range=data_range,
            definition=definition,
            dtype=widest_dtype(x.device),
            backend="torch",
            weight=weight,
        )
    result: Array = (total[0, 0] / x.shape[1]).float().cpu().numpy()
    return result


def _map(x: Tensor, y: Tensor, definition: Definition, data_range: float, *, fused: bool) -> Array:
    """Return the mean map over the channels, computed band by band: (H, W), float32."""
    device = x.device
    total = torch.empty(x.shape[2:], dtype=torch.float32, device=device)
    for band in bands(x.shape[2], max(1, MAP_SAMPLES // x[0, :, 0].numel()), definition):
        a, b = x[:, :, band.source], y[:, :, band.source]
        # Torch converts the samples: channel by channel, so that each plane is contiguous.
        parts = (
            [(a, b)] if fused else [(a[:, c : c + 1], b[:, c : c + 1]) for c in range(x.shape[1])]
        )
        maps = [
            metrics.ssim_map(
                p,
                q,
                data_range=data_range,
                definition=definition,
                dtype=widest_dtype(device),
                backend="fused" if fused else "torch",
            )[0, :, band.kept]
            for p, q in parts
        ]
        total[band.core] = torch.cat(maps).mean(dim=0)
    result: Array = total.cpu().numpy()
    return result


def _weight(pair: Pair, device: torch.device) -> Tensor | None:
    """Return the weights of the pixels, (1, 1, H, W); None without a mask."""
    if pair.weight is None:
        return None
    return sent(np.ascontiguousarray(pair.weight), device)[None, None]


def _batch(image: Array, device: torch.device) -> Tensor:
    """Return an image (H, W, C) as a view (1, C, H, W), in its memory layout."""
    return sent(image, device).permute(2, 0, 1)[None]


def score(
    row: Metric,
    x: Tensor,
    y: Tensor,
    data_range: float,
    settings: CompareSettings,
    weight: Tensor | None = None,
) -> Tensor:
    """Compute a metric by the torch backend.

    Args:
        row: the metric, of the catalogue or of a plug-in.
        x, y: the reference and the distorted images, (N, C, H, W).
        data_range: dynamic range of the samples.
        settings: the definition and the scales; all is computed in float64 if the device has it.
        weight: weight of each pixel, (N or 1, 1, H, W).

    Returns:
        (C · N) numbers if the metric has a definition, those of the first channel first; else (N).

    Raises:
        SsimtoolError: `plugin`; the message does not name the file.
    """
    x, y = alike(x, y, data_range)
    planes = range(x.shape[1]) if "definition" in row.takes else ()
    dtype = widest_dtype(x.device)
    arguments = {
        "data_range": data_range,
        "definition": settings.definition,
        "scales": settings.scales,
        "weight": weight,
        "dtype": dtype,
        "backend": "torch",
    }
    # Channel by channel also if the channels are interleaved: each converted plane is contiguous.
    pairs = [(x[:, c : c + 1], y[:, c : c + 1]) for c in planes] or [(x, y)]
    return torch.cat([call(row, a, b, dtype=dtype, arguments=arguments) for a, b in pairs])
