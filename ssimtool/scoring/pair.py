"""The scores of one pair of images: its record and its SSIM map.

On the CPU the fused kernels compute on the arrays as they were read. Torch is not loaded, because
loading it takes longer than many a comparison.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssimtool import __version__
from ssimtool.catalog import Definition, Function, Metric
from ssimtool.devices import Execution, settle
from ssimtool.kernels.fused_metrics import FUSED_METRICS
from ssimtool.loading import LOADING
from ssimtool.plugins import find_metric, with_implied
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import status_of
from ssimtool.scoring import arrays
from ssimtool.scoring.checks import check_numbers, check_requested, check_size
from ssimtool.settings import CompareSettings, Computed

Functions = dict[Function, Metric]  # each function, and the first row computed from it
Values = dict[Function, list[float]]


def compare(
    pair: Pair, settings: CompareSettings, *, execution: Execution | None = None
) -> Comparison:
    """Score one pair.

    Args:
        pair: two images that were made comparable.
        settings: the metrics, the definition and the precision.
        execution: the device and the backend; None chooses them for this pair.

    Raises:
        SsimtoolError: `too_small`, smaller than the window; `non_finite`, a result is not finite.
        UnavailableError: a device or a backend is not present.
    """
    placement = execution or execution_of(settings)
    values, computed = _numbers(functions_of(pair, settings), pair, settings, placement)
    return record_of(pair, settings, values, computed)


def execution_of(
    settings: CompareSettings, *, alone: int | None = None, threads: int | None = None
) -> Execution:
    """Choose the device and the backend that the settings request, by `devices.settle`.

    Args:
        settings: the metrics, the device and the backend.
        alone: samples of one image, if the process compares only these two; None: of many pairs.
        threads: number for what computes on arrays; None: as many as the process may use.

    Raises:
        UnavailableError: a device or a backend is not present.
    """
    size = settings.definition.window_size
    alone = alone if _are_fused(settings) else None
    return settle(settings.device, settings.backend, window_size=size, alone=alone, threads=threads)


def _are_fused(settings: CompareSettings) -> bool:
    """Return whether one pass over the images computes every metric, without torch."""
    return all(find_metric(name).function in FUSED_METRICS for name in _metric_names(settings))


def _metric_names(settings: CompareSettings) -> tuple[str, ...]:
    return with_implied((*settings.metrics, *(t.metric for t in settings.thresholds)))


def functions_of(pair: Pair, settings: CompareSettings) -> Functions:
    """Return the functions to compute for a pair, with the first row of each.

    Raises:
        SsimtoolError: `too_small`; with a mask, `empty_mask` and `unsupported`.
    """
    rows = [find_metric(name) for name in _metric_names(settings)]
    functions = {row.function: row for row in reversed(rows)}
    check_requested(_metric_names(settings), pair, settings)
    return functions


def record_of(
    pair: Pair, settings: CompareSettings, values: Values, computed: Computed
) -> Comparison:
    """Return the record of a pair.

    Args:
        pair: the images that were compared.
        settings: the requested metrics and thresholds.
        values: numbers of each function: one per channel if it takes a definition, else one.
        computed: the device, the backend and the precision that they were computed with.

    Raises:
        SsimtoolError: `non_finite`, a result is not finite.
    """
    scores, per_channel = _metrics(_metric_names(settings), values)
    check_numbers(scores, pair)
    verdicts = tuple(t.judge(scores[t.metric]) for t in settings.thresholds)
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
        identical=scores.get("mse", 0) == 0 and _are_identical(pair),
        metrics=scores,
        per_channel=per_channel,
        definition=parts_of(_definition_of(settings, height, width)),
        scales=settings.scales_stated,
        colour=pair.colour,
        reading=pair.reading,
        mask=pair.region.mask,
        regions=pair.region.regions,
        counted=pair.counted,
        steps=pair.steps,
        thresholds=verdicts,
        device=computed.device,
        backend=computed.backend,
        precision=computed.precision,
        version=__version__,
        warnings=pair.warnings,
    )


def _definition_of(settings: CompareSettings, height: int, width: int) -> Definition:
    """Return the definition that was computed; MS-SSIM leaves out its downsampling."""
    takes = [find_metric(name).takes for name in _metric_names(settings)]
    if {"scales" in t for t in takes if "definition" in t} == {True}:
        return replace(settings.definition, downsample=1)
    return settings.definition.for_size(height, width)


def _are_identical(pair: Pair) -> bool:
    """Return whether all samples inside the mask are identical."""
    if pair.weight is None:
        return all(map(np.array_equal, pair.reference, pair.distorted))
    rows = zip(pair.reference, pair.distorted, pair.weight, strict=True)
    return all(np.array_equal(x[m > 0], y[m > 0]) for x, y, m in rows)


def map_of(pair: Pair, settings: CompareSettings, *, execution: Execution | None = None) -> Array:
    """Return the SSIM map, as large as the image: the mean over the channels.

    Args:
        pair, settings, execution: those of `compare`.

    Returns:
        (H, W), float32, −1 to 1; NaN outside the mask.

    Raises:
        SsimtoolError: `too_small`.
    """
    check_size(pair, settings.definition)
    placement = execution or execution_of(settings)
    if pair.weight is None and not placement.loads_torch:
        ssim_map = arrays.map_of(pair, settings, placement)
        if ssim_map is not None:
            return ssim_map
    with LOADING:
        from ssimtool.scoring import tensors

    return tensors.map_of(pair, settings, placement)


def load_torch_for(settings: CompareSettings) -> None:
    """Load torch before the first pair if the fused kernels do not compute every metric."""
    if not _are_fused(settings):
        from ssimtool.scoring import tensors  # noqa: F401  # loads torch


def _numbers(
    functions: Functions, pair: Pair, settings: CompareSettings, execution: Execution
) -> tuple[Values, Computed]:
    """Return the numbers of each function: one per channel if it takes a definition, else one."""
    fused = {f: row for f, row in functions.items() if f in FUSED_METRICS}
    if fused and pair.weight is None and not execution.loads_torch:
        scored = arrays.numbers_of(fused, pair, settings, execution)
        if scored is not None:
            values, computed = scored
            rest = {f: row for f, row in functions.items() if f not in fused}
            on_cpu = Execution(device="cpu", backend="torch")
            values |= _by_torch(rest, pair, settings, on_cpu)[0] if rest else {}
            return values, computed
        if arrays.are_read(pair.reference, pair.distorted):  # numbers beyond those of the kernels
            execution = replace(execution, backend="torch")
    return _by_torch(functions, pair, settings, execution)


def _by_torch(
    functions: Functions, pair: Pair, settings: CompareSettings, execution: Execution
) -> tuple[Values, Computed]:
    with LOADING:
        from ssimtool.scoring.tensors import numbers_of

    return numbers_of(functions, pair, settings, execution)


def _metrics(
    names: tuple[str, ...], values: Values
) -> tuple[dict[str, float], dict[str, tuple[float, ...]]]:
    """Return the score of each metric, and the scores by channel of each that has a definition."""
    scores: dict[str, float] = {}
    per_channel: dict[str, tuple[float, ...]] = {}
    for name in names:
        row = find_metric(name)
        numbers = values[row.function]
        mean = sum(numbers) / len(numbers)
        scores[name] = 1 - mean if row.complement else mean
        if "definition" in row.takes:
            per_channel[name] = tuple(1 - v if row.complement else v for v in numbers)
    return scores, per_channel
