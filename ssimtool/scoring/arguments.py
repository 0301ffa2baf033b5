"""Checks of the arguments that the command line and Python share.

NumPy is loaded only after the checks pass: an error in a command line is reported without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, get_args

from ssimtool.catalog import SCALE_WEIGHTS, metric_key
from ssimtool.definitions import Definition
from ssimtool.errors import ArgumentError
from ssimtool.plugins import (
    find_metric,
    known_metric,
    known_metrics,
    unknown_metric,
    with_implied,
)
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.records.verdicts import Threshold
from ssimtool.settings import BackendName, Channels, CompareSettings, ImageLayout, Precision

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.settings import Background


def compare_settings(
    metrics: str | Sequence[str],
    definition: Definition,
    scales: int | None,
    region: RegionOfInterest,
    device: str,
    backend: BackendName,
    precision: Precision,
    *,
    thresholds: tuple[Threshold, ...] = (),
    implied: Iterable[str] = (),
) -> CompareSettings:
    """Return the settings that pairs are compared with.

    Args:
        metrics: names of metrics, or one name.
        definition: the definition of SSIM.
        scales: number of MS-SSIM scales; None: all.
        region: which pixels are compared.
        device, backend, precision: where and how precisely SSIM is computed.
        thresholds: checked on each pair; their metrics are computed too.
        implied: further metrics to compute, such as those of a threshold on a statistic or of a
            map.

    Raises:
        ArgumentError: an argument is outside its range, or a metric or the backend does not
            support the scales, the mask or the region.
    """
    names = tuple(map(metric_key, (metrics,) if isinstance(metrics, str) else metrics))
    for name in names:
        if known_metric(name) is None:
            raise ArgumentError(unknown_metric(name), argument="metric")
    if not names:
        raise ArgumentError(f"metrics is empty: expected some of {', '.join(known_metrics())}")
    _check_choice("backend", backend, get_args(BackendName))
    _check_choice("precision", precision, get_args(Precision))
    computed = with_implied((*names, *(t.metric for t in thresholds), *implied))
    _check_scales(scales, computed)
    _check_region(region, computed, backend)
    return CompareSettings(
        metrics=computed,
        definition=definition,
        scales=scales or len(SCALE_WEIGHTS),
        thresholds=thresholds,
        device=device,
        backend=backend,
        precision=precision,
    )


def reading_of(
    channels: Channels,
    data_range: float | None,
    value_range: tuple[float, float] | None,
    background: str,
    resize: bool,
    frame: int | None,
    layout: ImageLayout,
    max_pixels: int,
    max_bytes: int | None,
) -> Reading:
    """Return the options of reading images; the arguments are those of `compare`.

    Raises:
        ArgumentError: an argument is outside its range.
    """
    _check_choice("channels", channels, get_args(Channels))
    _check_choice("layout", layout, get_args(ImageLayout))
    if data_range is not None and not 1e-100 <= data_range <= 1e100:
        raise ArgumentError(
            f"data_range is {data_range}: expected a finite number above 0", argument="data_range"
        )
    check_value_range(value_range, data_range)
    colour = _background(background)
    from ssimtool.readers.align import Reading

    return Reading(
        channels=channels,
        data_range=data_range,
        value_range=None if value_range is None else (value_range[0], value_range[1]),
        background=colour,
        resize=resize,
        frame=frame,
        max_pixels=max_pixels,
        max_bytes=max_bytes,
        layout=layout,
    )


def check_value_range(value_range: Sequence[float] | None, data_range: float | None) -> None:
    """Check the samples that are black and white.

    Raises:
        ArgumentError: they are not two numbers in ascending order, or a data range is passed too.
    """
    if value_range is None:
        return
    if data_range is not None:
        raise ArgumentError(
            "data_range and value_range exclude each other: pass one of them",
            argument="value_range",
        )
    low, high = value_range
    if not (-1e100 <= low < high <= 1e100 and high - low >= 1e-100):
        raise ArgumentError(
            f"value_range is {low:g} {high:g}: expected two finite numbers, the lower first",
            argument="value_range",
        )


def _background(name: str) -> Background:
    if name == "checker":
        return "checker"
    from ssimtool.readers.images.colour import parse_colour

    try:
        return parse_colour(name)
    except ValueError:
        raise ArgumentError(
            f"{name!r} is neither checker nor an opaque colour such as white or #ff8800",
            argument="background",
        ) from None


def _check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ArgumentError(
            f"unknown {option} {value!r}: expected one of {', '.join(choices)}", argument=option
        )


def _check_scales(scales: int | None, metrics: Iterable[str]) -> None:
    if scales is None:
        return
    if scales not in range(1, len(SCALE_WEIGHTS) + 1):
        raise ArgumentError(
            f"scales is {scales}: expected 1 to {len(SCALE_WEIGHTS)}", argument="scales"
        )
    if not any("scales" in find_metric(name).takes for name in metrics):
        raise ArgumentError("only ms_ssim has scales: add it to the metrics", argument="scales")


def _check_region(region: RegionOfInterest, metrics: Iterable[str], backend: BackendName) -> None:
    if not region:
        return
    option = "mask" if region.mask is not None else "region"
    for name in metrics:
        if "weight" not in find_metric(name).takes:
            raise ArgumentError(f"{name} takes no {option}: leave one of them out", argument=option)
    if backend == "fused":
        raise ArgumentError(
            f"the fused backend takes no {option}: leave out the backend or the {option}",
            argument="backend",
        )
