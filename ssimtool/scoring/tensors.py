"""A pair on torch: its numbers and its map, on whatever device; and what moves arrays there."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ssimtool.catalog import Definition, Function, Metric
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.kernels.fused_metrics import fused_parts
from ssimtool.kernels.plain.blocks import computing_dtype, has_float64, sendable
from ssimtool.metrics import public as metrics
from ssimtool.readers.samples import Array, Pair
from ssimtool.scoring.bands import bands
from ssimtool.scoring.numbers import call, fused_scores, of_pair
from ssimtool.settings import CompareSettings, Computed

MAP_SAMPLES = 1 << 22  # of a band: what its map and the temporaries are made of


def wide(device: torch.device) -> torch.dtype:
    """What the command line computes in: float64, but float32 on MPS, which has no other."""
    return torch.float64 if has_float64(device) else torch.float32


def to_tensor(array: Array) -> Tensor:
    """A tensor over the memory of an array, which is only ever read, in the native byte order."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if any(stride < 0 for stride in array.strides):  # of a flipped view: torch has none
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(array)


def numbers_of(
    functions: dict[Function, Metric],
    pair: Pair,
    how: CompareSettings,
    execution: Execution,
) -> tuple[dict[Function, list[float]], Computed]:
    """What the metrics of a pair are made of.

    Args:
        functions: the functions, and a row of each.
        pair: the images.
        how: the definition and the precision.
        execution: the device and the backend.

    Returns:
        the numbers of each function, one per channel where it takes a definition; and by what they
        were computed: `fused` where the fused pass gave any of them.

    Raises:
        SsimtoolError: `plugin`.
    """
    device = torch.device(execution.device)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    weight = _weight(pair, device)
    fused = weight is None and bool(fused_parts(functions)) and _is_fused(x, y, how, execution)
    scored = fused_scores(functions, x, y, pair.data_range, how, _dtype(x, y, how)) if fused else {}
    for function, row in functions.items():
        if function not in scored:
            try:
                scored[function] = score(row, x, y, pair.data_range, how, weight)
            except SsimtoolError as error:
                raise of_pair(error, pair) from error
    fetched = iter(torch.cat(list(scored.values())).tolist())  # from a device at once
    found = {name: list(islice(fetched, len(scores))) for name, scores in scored.items()}
    return found, computed_by(x, y, how, "fused" if fused else "torch")


def computed_by(x: Tensor, y: Tensor, how: CompareSettings, backend: str) -> Computed:
    """What stands in the record of how the numbers of two images were computed."""
    return Computed(str(x.device), backend, str(_dtype(x, y, how)).removeprefix("torch."))


def _is_fused(x: Tensor, y: Tensor, how: CompareSettings, execution: Execution) -> bool:
    size, least = how.definition.window_size, execution.fused_from
    return metrics.is_fused(x, y, execution.backend, window_size=size, fused_from=least)


def _dtype(x: Tensor, y: Tensor, how: CompareSettings) -> torch.dtype:
    """What SSIM is computed in."""
    return wide(x.device) if how.precision == "double" else computing_dtype(x, y)


def map_of(pair: Pair, how: CompareSettings, execution: Execution) -> Array:
    """The SSIM map as large as the image, the mean over the channels.

    The definition's own map where it is that large, else with symmetric borders; where it reduces
    the images first, each number of the map stands for the pixels that were averaged.

    Returns:
        (H, W), float32, −1 to 1; NaN where nothing counts.
    """
    height, width, _ = pair.reference.shape
    definition = how.definition.for_size(height, width)
    if definition.border == "valid":
        definition = replace(definition, border="symmetric")
    device = torch.device(execution.device)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    weight, factor = _weight(pair, device), definition.downsample or 1
    if weight is not None:
        ssim_map = _weighted_map(x, y, weight, definition, pair.data_range)
    else:
        fused = _is_fused(x, y, how, execution)
        if factor > 1:
            x, y = (metrics.reduced(image, factor, wide(device)) for image in (x, y))
            definition = replace(definition, downsample=1)
        ssim_map = _map(x, y, definition, pair.data_range, fused=fused)
    ssim_map = _enlarged(ssim_map, factor, height, width)
    if pair.weight is not None:
        ssim_map[pair.weight == 0] = np.nan
    return ssim_map


def _enlarged(ssim_map: Array, factor: int, height: int, width: int) -> Array:
    """Each number for the pixels that it stands for, and for what was left over beside them."""
    if factor > 1:
        ssim_map = ssim_map.repeat(factor, axis=0).repeat(factor, axis=1)
        left = height - ssim_map.shape[0], width - ssim_map.shape[1]
        ssim_map = np.pad(ssim_map, ((0, left[0]), (0, left[1])), mode="edge")
    return ssim_map


def _weighted_map(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float
) -> Array:
    """The mean over the channels of the map of one image, channel by channel, (H, W), float32."""
    total = torch.zeros((), device=x.device)
    for c in range(x.shape[1]):
        a, b = x[:, c : c + 1], y[:, c : c + 1]
        total = total + metrics.ssim_map(
            a,
            b,
            data_range=data_range,
            definition=definition,
            dtype=wide(x.device),
            backend="torch",
            weight=weight,
        )
    result: Array = (total[0, 0] / x.shape[1]).float().cpu().numpy()
    return result


def _map(x: Tensor, y: Tensor, definition: Definition, data_range: float, *, fused: bool) -> Array:
    """The mean over the channels of the map of one image, band by band, (H, W), float32."""
    device = x.device
    total = torch.empty(x.shape[2:], dtype=torch.float32, device=device)
    for band in bands(x.shape[2], max(1, MAP_SAMPLES // x[0, :, 0].numel()), definition):
        a, b = x[:, :, band.source], y[:, :, band.source]
        # Channel by channel where they are converted: the planes lie side by side then.
        parts = (
            [(a, b)] if fused else [(a[:, c : c + 1], b[:, c : c + 1]) for c in range(x.shape[1])]
        )
        maps = [
            metrics.ssim_map(
                p,
                q,
                data_range=data_range,
                definition=definition,
                dtype=wide(device),
                backend="fused" if fused else "torch",
            )[0, :, band.kept]
            for p, q in parts
        ]
        total[band.core] = torch.cat(maps).mean(dim=0)
    result: Array = total.cpu().numpy()
    return result


def sent(array: Array, device: torch.device) -> Tensor:
    """A tensor on the device, in the type of the array where the device has it: it is converted
    there."""
    tensor = sendable(to_tensor(array), device)
    if device.type == "cuda":  # from pinned memory the copy runs beside what comes next
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def _weight(pair: Pair, device: torch.device) -> Tensor | None:
    """(1, 1, H, W); None where all pixels count the same."""
    if pair.weight is None:
        return None
    return sent(np.ascontiguousarray(pair.weight), device)[None, None]


def _batch(image: Array, device: torch.device) -> Tensor:
    """(H, W, C) as (1, C, H, W), in the memory that it lies in."""
    return sent(image, device).permute(2, 0, 1)[None]


def score(
    row: Metric,
    x: Tensor,
    y: Tensor,
    data_range: float,
    how: CompareSettings,
    weight: Tensor | None = None,
) -> Tensor:
    """A metric by plain torch: (C · N) numbers where it has a definition, those of the first
    channel first, else (N).

    Args:
        row: of the catalogue or of a plug-in.
        x, y: (N, C, H, W).
        data_range: of their samples.
        how: what else is asked for.
        weight: how much each pixel counts, (N or 1, 1, H, W).

    Raises:
        SsimtoolError: `plugin`, without the file.
    """
    planes = range(x.shape[1]) if "definition" in row.takes else ()
    single = _dtype(x, y, how)
    arguments = {
        "data_range": data_range,
        "definition": how.definition,
        "scales": how.scales,
        "weight": weight,
        "dtype": single if planes else wide(x.device),  # errors keep all digits
        "backend": "torch",
    }
    # Channel by channel also where the channels interleave: converted planes lie side by side.
    pairs = [(x[:, c : c + 1], y[:, c : c + 1]) for c in planes] or [(x, y)]
    return torch.cat([call(row, a, b, dtype=single, arguments=arguments) for a, b in pairs])
