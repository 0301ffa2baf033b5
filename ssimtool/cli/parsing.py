"""Parsers and checks of options, with one-line errors."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import PurePath
from typing import get_args

import typer

from ssimtool.catalog import DEFINITIONS, Definition, find_definition, metric_key
from ssimtool.definitions import Border
from ssimtool.errors import UnavailableError, printable
from ssimtool.plugins import find_metric
from ssimtool.reports.formats import Command
from ssimtool.reports.outputs import Output, outputs_of
from ssimtool.reports.view import CsvStyle
from ssimtool.settings import CompareSettings, ImageShape, Precision

PRECISION_OF = {"float64": "double", "float32": "single"}
LEAST_MEMORY = 16 << 20  # bytes: a pair of images of a megapixel, with what is computed of them


def metric_names(values: list[str]) -> list[str]:
    """Return the names of metrics, each ours or a plug-in's, from texts such as `SSIM,psnr`."""
    names = [metric_key(name) for value in values for name in value.split(",")]
    for name in names:
        try:
            find_metric(name)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return names


def precision_name(value: str) -> str:
    """Return a precision; the name of its dtype is accepted too."""
    name = PRECISION_OF.get(value.lower(), value.lower())
    if name not in get_args(Precision):
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(get_args(Precision))}")
    return name


def requires(option: str, requirement: str, *, holds: bool) -> None:
    """Check that an option has an effect.

    Raises:
        typer.BadParameter: it has none without `requirement`.
    """
    if not holds:
        raise typer.BadParameter(f"has no effect without {requirement}", param_hint=option)


def requires_definition(settings: CompareSettings) -> None:
    """Check that some metric follows the definition, if that is not the default.

    Python does not check this: there a map can be requested after the comparison.

    Raises:
        typer.BadParameter: no metric does.
    """
    follows = any("definition" in find_metric(name).takes for name in settings.metrics)
    default = settings.definition == DEFINITIONS["wang2004"]
    requires("--definition or a part of it", "ssim or ms_ssim", holds=follows or default)


def positive(value: float | None) -> float | None:
    """Check that a number is above 0."""
    if value is not None and not 1e-100 <= value <= 1e100:
        raise typer.BadParameter(f"{value:g} is not a finite number above 0")
    return value


def weight(value: float | None) -> float | None:
    """Check that a number is 0 or more."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{value:g} is not a finite number, 0 or more")
    return value


def at_least(least: int, most: float = math.inf) -> Callable[[int | None], int | None]:
    """Return a check that an optional number is in a range.

    Typer checks `min` and `max` too, but its message depends on its release and may lack the value.
    """

    def check(value: int | None) -> int | None:
        if value is not None and not least <= value <= most:
            expected = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise typer.BadParameter(f"{value} is not {expected}")
        return value

    return check


def where_processes_share(value: bool) -> bool:
    """Check that processes can share memory here, if they are requested to."""
    if value and sys.platform == "win32":
        raise typer.BadParameter("is available on Linux and macOS only")
    return value


def device_name(value: str) -> str:
    """Check the syntax of a device; torch checks later whether it is present."""
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
    """Return the definition with its overrides.

    Raises:
        typer.BadParameter: a value is outside its range.
    """
    try:
        return find_definition(
            name, window_size=window_size, sigma=sigma, k1=k1, k2=k2, border=border
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def size_in_bytes(value: str, option: str | None = None) -> int:
    """Parse `2G`, `500M`, `64K` or a number of bytes; K is 1024.

    Args:
        value: the argument.
        option: the option in the message; None, if Typer knows it.

    Raises:
        typer.BadParameter: the value is not a size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", value.strip(), re.IGNORECASE)
    if match is None:
        raise typer.BadParameter(f"{value!r} is not a size such as 2G or 500M", param_hint=option)
    return math.ceil(float(match[1]) * 1024.0 ** " KMGT".index(match[2].upper() or " "))


def memory_in_bytes(value: str) -> int:
    """Parse the argument of `--memory`.

    Raises:
        typer.BadParameter: the value is not a size, or too small for a pair of images.
    """
    size = size_in_bytes(value, "--memory")
    if size < LEAST_MEMORY:
        unit = f"; did you mean {value}G?" if value.strip().isdigit() else ""
        raise typer.BadParameter(
            f"{value!r} is {size:,} bytes, expected 16M or more{unit}", param_hint="--memory"
        )
    return size


def image_shape(value: str | None) -> ImageShape | None:
    """Parse `C,H,W`; None stays None.

    Raises:
        typer.BadParameter: the value is not three numbers above 0.
    """
    if value is None:
        return None
    match = re.fullmatch(r"0*([1-9]\d*),0*([1-9]\d*),0*([1-9]\d*)", value.replace(" ", ""))
    if match is None:
        raise typer.BadParameter(
            f"{value!r} is not C,H,W: channels, height and width, as in 3,32,32",
            param_hint="--image-shape",
        )
    channels, height, width = map(int, match.groups())
    return channels, height, width


def outputs(command: Command, requested: str | None, paths: Sequence[str]) -> tuple[Output, ...]:
    """Return the outputs of a command and their formats; `-` is standard output.

    Raises:
        ArgumentError: a suffix selects no format of the command, or one format is requested for
            several outputs.
    """
    return outputs_of(command, requested, [None if path == "-" else path for path in paths])


def csv_style(outputs: Sequence[Output], *, wide: bool, safe: bool) -> CsvStyle:
    """Return the style of CSV; check that its options have an effect.

    Raises:
        typer.BadParameter: no output is CSV.
    """
    is_csv = any(output.format == "csv" for output in outputs)
    for option, passed in (("--wide", wide), ("--csv-safe", safe)):
        requires(option, "-f csv or -o FILE.csv", holds=is_csv or not passed)
    return CsvStyle(wide=wide, safe=safe)


def folder(value: str | None) -> str | None:
    """Check that --base names a folder, if it is passed.

    Raises:
        UnavailableError: it does not.
    """
    if value is not None and not os.path.isdir(value):
        raise UnavailableError(f"--base {printable(value)}: is not a folder; check the path")
    return value


def suffixed(value: str, suffixes: Collection[str]) -> str:
    """Check that a file name ends in one of the suffixes.

    Raises:
        typer.BadParameter: it does not.
    """
    if PurePath(value).suffix.lower() not in suffixes:
        raise typer.BadParameter(f"{value!r} does not end in {' or '.join(suffixes)}")
    return value


def suffix_in(*suffixes: str) -> Callable[[str | None], str | None]:
    """Return a check that an optional file name ends in one of the suffixes."""
    return lambda value: None if value is None else suffixed(value, suffixes)


def map_paths(value: list[str]) -> list[str]:
    """Check that each map ends in .png or .npy."""
    return [suffixed(path, (".png", ".npy")) for path in value]
