"""Options shared by the commands, each defined once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from ssimtool.catalog import DEFINITIONS, METRICS
from ssimtool.cli.parsing import (
    device_name,
    map_paths,
    metric_names,
    positive,
    precision_name,
    size_in_bytes,
)
from ssimtool.definitions import Border
from ssimtool.plugins import METRIC_NAMES
from ssimtool.records.thresholds import PAIR_VALUE
from ssimtool.reports.formats import Command, format_key, formats_for
from ssimtool.settings import DEFAULT_MAP_STYLE, BackendName, MapStyle, Precision

if TYPE_CHECKING:  # the choices are the rows of a table; Typer needs a Literal
    DefinitionName = str
else:
    DefinitionName = Literal[tuple(DEFINITIONS)]


def choices(names: Any, default: str) -> str:
    """Return the names of a Literal as a phrase, and which of them is the default.

    >>> choices(Literal["all", "failed", "worst"], "all")
    'all (default), failed or worst'
    """
    *first, last = (f"{n} (default)" if n == default else n for n in get_args(names))
    return f"{', '.join(first)} or {last}"


# One function per panel of the help. Only --help-all shows `hidden` options.
score = partial(typer.Option, rich_help_panel="Scores")
computing = partial(typer.Option, rich_help_panel="Computation")
drawing = partial(typer.Option, rich_help_panel="Map")
output = partial(typer.Option, rich_help_panel="Output")


def format_option(command: Command) -> Any:
    """Return the option `--format` of a command, with the formats of the registry as choices.

    Args:
        command: name of the command.
    """
    names = formats_for(command)

    def format_name(value: str) -> str:
        name = format_key(value)
        if name not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(names)}")
        return name

    return output(
        "--format",
        "-f",
        metavar="NAME",
        parser=format_name,
        autocompletion=lambda: list(names),
        help=f"Print {', '.join(names)}. Default: by the suffix of -o, else table.",
    )


ReferenceArgument = Annotated[
    str,
    typer.Argument(metavar="REFERENCE", help="Reference (original) image; - reads standard input."),
]
DistortedArgument = Annotated[
    str,
    typer.Argument(
        metavar="DISTORTED", help="Image to compare with the reference; - reads standard input."
    ),
]
DistortedArguments = Annotated[
    list[str],
    typer.Argument(
        metavar="DISTORTED...", help="Image to compare with the reference, or several; - is stdin."
    ),
]
MetricOption = Annotated[
    list[str],
    score(
        "--metric",
        "-m",
        metavar="NAME",
        callback=metric_names,  # not a Literal: plug-ins extend the catalogue
        autocompletion=lambda: list(METRIC_NAMES),
        help=f"Compute {', '.join(METRICS)}. Repeatable.",
    ),
]
DefinitionOption = Annotated[
    DefinitionName,
    score("--definition", metavar="NAME", help=f"Choose the SSIM: {', '.join(DEFINITIONS)}."),
]
WindowSizeOption = Annotated[
    int | None,
    score(metavar="N", hidden=True, help="Override the side of the window in pixels (odd)."),
]
SigmaOption = Annotated[
    float | None,
    score(metavar="S", hidden=True, help="Override the standard deviation of a Gaussian window."),
]
K1Option = Annotated[
    float | None, score(metavar="K", hidden=True, help="Override k1, where c1 = (k1 L)^2.")
]
K2Option = Annotated[
    float | None, score(metavar="K", hidden=True, help="Override k2, where c2 = (k2 L)^2.")
]
BorderOption = Annotated[
    Border | None,
    score(
        metavar="NAME",
        hidden=True,
        help="Override the border: valid (none), zero, mirror or symmetric.",
    ),
]
FailUnderOption = Annotated[
    list[str],
    score(
        metavar=PAIR_VALUE,
        help="Fail (exit 1) if METRIC (default: ssim) is below VALUE. Repeatable.",
    ),
]
FailOverOption = Annotated[
    list[str],
    score(
        metavar=PAIR_VALUE,
        help="Fail (exit 1) if METRIC (default: ssim) is above VALUE. Repeatable.",
    ),
]
DataRangeOption = Annotated[
    float | None,
    computing(
        metavar="L",
        callback=positive,
        help="Set the data range. Default: that of the type or bit depth; 1 for 0..1.",
    ),
]
ValueRangeOption = Annotated[
    tuple[float, float] | None,
    computing(
        metavar="LOW HIGH", help="Set the float samples that are black and white (tanh: -1 1)."
    ),
]
DeviceOption = Annotated[
    str,
    computing(
        metavar="NAME",
        callback=device_name,
        autocompletion=lambda: ["auto", "cpu", "cuda", "mps"],
        help="Compute on auto (the best present), cpu, cuda, cuda:N or mps.",
    ),
]
BackendOption = Annotated[
    BackendName,
    computing(
        metavar="NAME",
        hidden=True,
        help="Compute with fused (compiled for the CPU), torch, or auto (the faster).",
    ),
]
PrecisionOption = Annotated[
    Precision,
    computing(
        metavar="NAME",
        hidden=True,
        parser=precision_name,
        help="Compute SSIM in double, or single (faster; to 1e-6 of 1 - SSIM).",
    ),
]
MaxBytesOption = Annotated[
    int | None,
    computing(
        metavar="SIZE",
        hidden=True,
        parser=size_in_bytes,
        help="Refuse larger inputs (8G, 0: no limit). Default: 4G or half the memory.",
    ),
]
MapOption = Annotated[
    list[str],
    drawing(
        "--map",
        metavar="FILE",
        callback=map_paths,
        help="Write the SSIM map to FILE: .png, or .npy (float32). Repeatable.",
    ),
]
MapStyleOption = Annotated[
    MapStyle | None,
    drawing(
        metavar="NAME",
        help=f"Draw the .png as {choices(MapStyle, DEFAULT_MAP_STYLE)}.",
    ),
]
OutputOption = Annotated[
    list[str],
    output(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to FILE (atomically). Default: standard output. Repeatable.",
    ),
]
WideOption = Annotated[
    bool, output("--wide", help="Add all fields to CSV: how images were read and compared.")
]
CsvSafeOption = Annotated[
    bool,
    output(
        "--csv-safe",
        hidden=True,
        help="Put a quote before text in CSV that a spreadsheet would take for a formula.",
    ),
]
QuietOption = Annotated[bool, output("--quiet", "-q", help="Print no progress and no warnings.")]
DebugOption = Annotated[
    bool, output("--debug", hidden=True, help="Print the traceback of an error.")
]
