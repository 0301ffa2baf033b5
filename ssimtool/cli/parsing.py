"""What the options parse to, with one line on what is wrong with them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import PurePath
from typing import TYPE_CHECKING

import typer

from ssimtool.catalog import Definition, find_definition
from ssimtool.definitions import Border
from ssimtool.plugins import METRIC_NAMES, find_metric, unknown_metric
from ssimtool.records.batch import Statistics
from ssimtool.records.verdicts import Op, StatisticThreshold, Threshold

if TYPE_CHECKING:
    from ssimtool.readers.images.colour import Background

PAIR_VALUE, STATISTIC_VALUE = "[METRIC=]VALUE", "[STAT:][METRIC=]VALUE"
NAMED_VALUE = "FIGURE=VALUE"
# Of all pairs, that a threshold may name.
STATISTICS = tuple(f.name for f in fields(Statistics) if f.name != "std")


def metric_name(value: str) -> str:
    """A check that a metric is there, ours or a plug-in's."""
    try:
        find_metric(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return value


def positive(value: float | None) -> float | None:
    """A check that a number is above 0."""
    if value is not None and not 1e-100 <= value <= 1e100:
        raise typer.BadParameter(f"{value:g} is not a finite number above 0")
    return value


def weight(value: float | None) -> float | None:
    """A check that a number is 0 or more."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value:g} is not a finite number, 0 or more")
    return value


def device_name(value: str) -> str:
    """A check of how a device is written; whether it is there is asked of torch, later."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise typer.BadParameter(f"{value!r} is not one of auto, cpu, cuda, cuda:N, mps")
    return value


def chosen_definition(
    name: str,
    window_size: int | None,
    sigma: float | None,
    k1: float | None,
    k2: float | None,
    border: Border | None,
) -> Definition:
    """The definition with its overrides.

    Raises:
        typer.BadParameter: a part outside its range.
    """
    try:
        return find_definition(
            name, window_size=window_size, sigma=sigma, k1=k1, k2=k2, border=border
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def thresholds(
    under: list[str], over: list[str], *, metrics: Collection[str], default: str | None = "ssim"
) -> tuple[Threshold, ...]:
    """`[METRIC=]VALUE` of both options, in the order under, over; `default` None: METRIC=VALUE.

    Raises:
        typer.BadParameter: one cannot be parsed.
    """
    options = _by_op(under, over)
    return tuple(_threshold(op, text, metrics, default) for op, text in options)


def batch_thresholds(
    under: list[str], over: list[str], *, metrics: Collection[str]
) -> tuple[tuple[Threshold, ...], tuple[StatisticThreshold, ...]]:
    """`[STAT:][METRIC=]VALUE` of both options: for each pair, and on statistics of all.

    Raises:
        typer.BadParameter: one cannot be parsed.
    """
    found = [_parsed(op, text, metrics, STATISTIC_VALUE) for op, text in _by_op(under, over)]
    return (
        tuple(Threshold(metric, op, value) for stat, metric, op, value in found if not stat),
        tuple(StatisticThreshold(*parts) for parts in found if parts[0]),
    )


def _by_op(under: list[str], over: list[str]) -> list[tuple[Op, str]]:
    return [("under", text) for text in under] + [("over", text) for text in over]


def _threshold(op: Op, text: str, metrics: Collection[str], default: str | None) -> Threshold:
    form = PAIR_VALUE if default else NAMED_VALUE
    statistic, name, _, value = _parsed(op, text, metrics, form, default)
    if statistic:
        raise typer.BadParameter(
            f"{text!r} asks for a statistic, and one pair has none: leave it out",
            param_hint=f"--fail-{op}",
        )
    return Threshold(name, op, value)


def _parsed(
    op: Op, text: str, metrics: Collection[str], form: str, default: str | None = "ssim"
) -> tuple[str, str, Op, float]:
    """The statistic, empty for none, the metric, `default` if left out, and the value."""
    option = f"--fail-{op}"
    head, _, number = text.rpartition("=")
    if not head and ":" in number:
        head, number = number.split(":", 1)
        head += ":"
    statistic, colon, name = head.rpartition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise typer.BadParameter(f"{text!r} is not {form}", param_hint=option)
    if colon and statistic not in STATISTICS:
        raise typer.BadParameter(
            f"{text!r}: {statistic!r} is not one of {', '.join(STATISTICS)}", param_hint=option
        )
    name = name or default or ""
    if not name:
        raise typer.BadParameter(
            f"{text!r} is not {form}: say which of {', '.join(metrics)}", param_hint=option
        )
    if name not in metrics:
        ours = metrics is METRIC_NAMES
        why = unknown_metric(name) if ours else f"{name!r} is not one of {', '.join(metrics)}"
        raise typer.BadParameter(f"{text!r}: {why}", param_hint=option)
    return statistic, name, op, value


def size_in_bytes(value: str) -> int:
    """`2G`, `500M`, `64K` or a number of bytes; K is 1024.

    Raises:
        typer.BadParameter: it is not.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", value.strip(), re.IGNORECASE)
    size = 0
    if found:
        size = int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))
    if not size:
        raise typer.BadParameter(
            f"{value!r} is not a size such as 2G or 500M", param_hint="--memory"
        )
    return size


def to_stdout(value: str | None) -> str | None:
    """`-` is standard output, as no file is."""
    return None if value == "-" else value


def suffixed(value: str, suffixes: Collection[str]) -> str:
    """A check that the suffix of a file says what to write.

    Raises:
        typer.BadParameter: it does not.
    """
    if PurePath(value).suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{value!r} does not end in {' or '.join(suffixes)}")
    return value


def map_paths(value: list[str]) -> list[str]:
    """A check that the suffix of each map says what to write."""
    return [suffixed(path, (".png", ".npy")) for path in value]


def background_of(value: str) -> Background:
    """A background: `checker`, or a colour by name or as #rgb, #rrggbb, rgb(r, g, b).

    Raises:
        typer.BadParameter: no such colour, or one with an alpha of its own.
    """
    if value == "checker":
        return "checker"
    from ssimtool.readers.images.colour import parse_colour

    try:
        return parse_colour(value)
    except ValueError:
        raise typer.BadParameter(
            f"{value!r} is neither checker nor an opaque colour such as white or #ff8800",
            param_hint="--background",
        ) from None
