"""The arguments that `ssimtool.compare` and `ssimtool.compare_many` share, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.definitions import Border, Definition, find_definition
from ssimtool.plugins import find_metric, known_metrics, with_implied
from ssimtool.readers.align import Reading
from ssimtool.readers.images.colour import parse_colour
from ssimtool.settings import BackendName, Channels, CompareSettings, ImageLayout, Precision


def settings_of(
    metrics: str | Sequence[str],
    definition: str | Definition,
    border: Border | None,
    scales: int,
    device: str,
    backend: BackendName,
    precision: Precision,
) -> CompareSettings:
    """Return what is computed; the arguments are those of `compare`.

    Raises:
        ValueError: one is outside its range.
    """
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    for name in names:
        find_metric(name)
    if not names:
        raise ValueError(f"metrics is empty: expected some of {', '.join(known_metrics())}")
    if scales not in range(1, len(SCALE_WEIGHTS) + 1):
        raise ValueError(f"scales is {scales}: expected 1 to {len(SCALE_WEIGHTS)}")
    _check("backend", backend, get_args(BackendName))
    _check("precision", precision, get_args(Precision))
    return CompareSettings(
        metrics=with_implied(names),
        definition=find_definition(definition, border=border),
        scales=scales,
        device=device,
        backend=backend,
        precision=precision,
    )


def reading_of(
    channels: Channels,
    data_range: float | None,
    background: str,
    resize: bool,
    frame: int | None,
    layout: ImageLayout,
    max_pixels: int,
) -> Reading:
    """Return how images are read; the arguments are those of `compare`.

    Raises:
        ValueError: one is outside its range.
    """
    _check("channels", channels, get_args(Channels))
    _check("layout", layout, get_args(ImageLayout))
    if data_range is not None and not 1e-100 <= data_range <= 1e100:
        raise ValueError(f"data_range is {data_range}: expected a finite number above 0")
    return Reading(
        channels=channels,
        data_range=data_range,
        background="checker" if background == "checker" else parse_colour(background),
        resize=resize,
        frame=frame,
        max_pixels=max_pixels,
        layout=layout,
    )


def _check(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {what} {value!r}: expected one of {', '.join(choices)}")
