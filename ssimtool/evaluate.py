"""The use case of one pair: two images made comparable, to a record and to a map."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from ssimtool import __version__, metrics
from ssimtool.bands import bands
from ssimtool.catalog import METRICS, Definition, with_implied
from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Array, Pair
from ssimtool.records import Comparison, parts_of, status_of
from ssimtool.settings import KernelName, Scoring

MAP_SAMPLES = 1 << 22  # of a band: what its map and the temporaries are made of


def choose_device(name: str, kernel: KernelName = "auto") -> torch.device:
    """The device by name; `auto` is the best that is present and has the kernel.

    Raises:
        ValueError: the device asked for is absent.
    """
    present = ["cpu"]
    if torch.cuda.is_available():
        present = ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count())), *present]
    if torch.backends.mps.is_available():
        present = ["mps", *present]
    if name == "auto":
        return torch.device("cpu" if kernel == "fused" else present[0])
    if name not in present:
        raise ValueError(f"the device {name} is not present: expected {', '.join(present)} or auto")
    return torch.device(name)


def check_kernel(name: KernelName, device: torch.device) -> None:
    """A kernel that can be had on the device.

    Raises:
        ValueError: it cannot.
    """
    metrics.check_kernel(name, device)


def wide(device: torch.device) -> torch.dtype:
    """What the command line computes in: float64, but float32 on MPS, which has no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def to_tensor(array: Array) -> Tensor:
    """A tensor over the memory of an array, which is only ever read, in the native byte order."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(array)


def compare(pair: Pair, how: Scoring) -> Comparison:
    """One pair, scored.

    Raises:
        SsimtoolError: `too_small`, smaller than the window; `non_finite`, a result beyond floats.
        ValueError: a device that is not present.
    """
    device = choose_device(how.device, how.kernel)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    asked = asked_of(how, pair)
    fused = _is_fused(x, y, how)
    values = _numbers(asked, x, y, pair, how, fused=fused)
    return record_of(pair, how, values, device, kernel="fused" if fused else "torch")


def asked_of(how: Scoring, pair: Pair) -> tuple[str, ...]:
    """The metrics that are computed, for a pair that is large enough for them.

    Raises:
        SsimtoolError: `too_small`.
    """
    asked = with_implied((*how.metrics, *(t.metric for t in how.thresholds)))
    if any("definition" in METRICS[name].takes for name in asked):
        _check_size(pair, how.definition)
    return asked


def record_of(
    pair: Pair,
    how: Scoring,
    values: Mapping[str, tuple[float, ...]],
    device: torch.device,
    *,
    kernel: str,
) -> Comparison:
    """The record of a pair.

    Args:
        pair: what was compared.
        how: what was asked for.
        values: by function, what it gave: a number per channel where it has a definition, else one.
        device: where they were computed.
        kernel: by which.

    Raises:
        SsimtoolError: `non_finite`, a result beyond floats.
    """
    found, per_channel = _derived(asked_of(how, pair), values)
    _check_numbers(found, pair)
    verdicts = tuple(t.judge(found[t.metric]) for t in how.thresholds)
    height, width, channels = pair.reference.shape
    return Comparison(
        status=status_of(verdicts),
        reference=pair.reference_path,
        distorted=pair.distorted_path,
        width=width,
        height=height,
        channels=channels,
        sample_type=pair.sample_type,
        data_range=pair.data_range,
        identical=found.get("mse", 0) == 0
        and all(map(np.array_equal, pair.reference, pair.distorted)),
        metrics=found,
        per_channel=per_channel,
        definition=parts_of(how.definition),
        colour=pair.colour,
        reading=pair.reading,
        steps=pair.steps,
        thresholds=verdicts,
        device=str(device),
        kernel=kernel,
        version=__version__,
        warnings=pair.warnings,
    )


def _is_fused(x: Tensor, y: Tensor, how: Scoring) -> bool:
    size = how.definition.window_size
    return metrics.is_fused(x, y, how.kernel, window_size=size, once=how.once)


def _numbers(
    asked: tuple[str, ...], x: Tensor, y: Tensor, pair: Pair, how: Scoring, *, fused: bool
) -> dict[str, tuple[float, ...]]:
    """What each function gives, which is called once."""
    scored = _fused_scores(asked, x, y, pair, how) if fused else {}
    for row in (METRICS[name] for name in asked):
        if row.function not in scored:
            scored[row.function] = score(row.function, row.takes, x, y, pair.data_range, how)
    numbers = iter(torch.cat(list(scored.values())).tolist())  # fetched from a device at once
    return {name: tuple(islice(numbers, len(found))) for name, found in scored.items()}


def _derived(
    asked: tuple[str, ...], values: Mapping[str, tuple[float, ...]]
) -> tuple[dict[str, float], dict[str, tuple[float, ...]]]:
    """Each metric, and each that has a definition by channel."""
    found: dict[str, float] = {}
    per_channel: dict[str, tuple[float, ...]] = {}
    for name in asked:
        row = METRICS[name]
        of_row = values[row.function]
        mean = sum(of_row) / len(of_row)
        found[name] = 1 - mean if row.complement else mean
        if "definition" in row.takes:
            per_channel[name] = tuple(1 - v for v in of_row) if row.complement else of_row
    return found, per_channel


def _fused_scores(
    asked: tuple[str, ...], x: Tensor, y: Tensor, pair: Pair, how: Scoring
) -> dict[str, Tensor]:
    """What one pass over both images gives, by the names of the functions that it stands for."""
    formula = metrics.formula_of(how.definition, pair.data_range)
    takes = ["definition" in METRICS[name].takes for name in asked]
    structure, errors = any(takes), not all(takes)
    found = metrics.one_pass(x, y, formula, wide(x.device), structure=structure, errors=errors)
    return {
        **({"ssim_loss": found.structure[0]} if structure else {}),
        **(_errors(found, pair.data_range) if errors else {}),
    }


def _errors(found: metrics.OnePass, data_range: float) -> dict[str, Tensor]:
    decibels = metrics.psnr_of(found.mse, data_range)
    return {"mse": found.mse, "mae": found.mae, "psnr": decibels}


def map_of(pair: Pair, how: Scoring) -> Array:
    """The SSIM map as large as the image, the mean over the channels.

    The definition's own map where it is that large, else with symmetric borders.

    Returns:
        (H, W), float32, −1 to 1.

    Raises:
        SsimtoolError: `too_small`.
    """
    definition = how.definition
    if definition.border == "valid":
        definition = replace(definition, border="symmetric")
    _check_size(pair, how.definition)
    device = choose_device(how.device, how.kernel)
    x, y = _batch(pair.reference, device), _batch(pair.distorted, device)
    fused = _is_fused(x, y, how)
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
                data_range=pair.data_range,
                definition=definition,
                dtype=wide(device),
                kernel="fused" if fused else "torch",
            )[0, :, band.kept]
            for p, q in parts
        ]
        total[band.core] = torch.cat(maps).mean(dim=0)
    result: Array = total.cpu().numpy()
    return result


def sent(array: Array, device: torch.device) -> Tensor:
    """A tensor on the device, in the type of the array: it is converted there."""
    tensor = to_tensor(array)
    if device.type == "cuda":  # from pinned memory the copy runs beside what comes next
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def _batch(image: Array, device: torch.device) -> Tensor:
    """(H, W, C) as (1, C, H, W), in the memory that it lies in."""
    return sent(image, device).permute(2, 0, 1)[None]


def _check_numbers(found: dict[str, float], pair: Pair) -> None:
    for name, value in found.items():
        infinite = value == math.inf and METRICS[name].range.startswith("up to inf")
        if not (math.isfinite(value) or infinite):
            raise SsimtoolError(
                "non_finite",
                f"{shown(pair.distorted_path)}: its {name} is not finite, expected samples and "
                "options whose squares are numbers; look at --data-range, --k1 and --k2",
            )


def _check_size(pair: Pair, definition: Definition) -> None:
    height, width, _ = pair.reference.shape
    smallest = metrics.smallest_side(definition)
    if min(height, width) < smallest:
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{smallest}x{smallest} for a window of {definition.window_size}; give larger images, "
            "another --definition or a smaller --window-size",
        )


def score(
    function: str,
    takes: tuple[str, ...],
    x: Tensor,
    y: Tensor,
    data_range: float,
    how: Scoring,
) -> Tensor:
    """A metric by plain torch: (C · N) numbers where it has a definition, those of the first
    channel first, else (N).

    Args:
        function: of `ssimtool.metrics`.
        takes: the keyword arguments of it that change the number.
        x, y: (N, C, H, W).
        data_range: of their samples.
        how: what else is asked for.
    """
    given = {"data_range": data_range, "definition": how.definition}
    arguments = {name: given[name] for name in takes}
    planes = range(x.shape[1]) if "definition" in takes else ()
    # Channel by channel also where the channels interleave: converted planes lie side by side.
    pairs = [(x[:, c : c + 1], y[:, c : c + 1]) for c in planes] or [(x, y)]
    metric = getattr(metrics, function)
    return torch.cat(
        [metric(a, b, dtype=wide(x.device), kernel="torch", **arguments) for a, b in pairs]
    )
