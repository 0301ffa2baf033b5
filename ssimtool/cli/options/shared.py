"""The options that mean the same for every command, each in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS, DEFINITIONS, METRICS
from ssimtool.cli.parsing import device_name, map_path, metric_names, one_of, positive, to_stdout
from ssimtool.plugins import METRIC_NAMES

FORMAT_NAMES = ("table", "json", "ndjson", "csv", "markdown", "value")
MAP_STYLES = ("gray", "heat", "overlay", "panel")
LAYOUTS = ("auto", "hwc", "chw")
BACKENDS = ("auto", "fused", "torch")
PRECISIONS = ("double", "single")
BORDERS = ("valid", "zero", "mirror", "symmetric")

SCORES = "Scores"
COMPUTING = "How it is computed"
MAPS = "Map"
OUTPUT = "Output"

MetricOption = Annotated[
    list[str],
    typer.Option(
        "--metric",
        "-m",
        metavar="NAME",
        help=f"{', '.join(METRICS)}; repeatable. ssim and ssim_loss come together, and so do "
        "ms_ssim and its loss. "
        f"Default: {' '.join(DEFAULT_METRICS)}.",
        callback=metric_names,
        autocompletion=lambda: list(METRIC_NAMES),
        rich_help_panel=SCORES,
        show_default=False,
    ),
]
DefinitionOption = Annotated[
    str,
    typer.Option(
        "--definition",
        metavar="NAME",
        help=f"Which SSIM: {', '.join(DEFINITIONS)}.",
        callback=one_of(DEFINITIONS),
        autocompletion=lambda: list(DEFINITIONS),
        rich_help_panel=SCORES,
    ),
]
WindowSizeOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Override the side of the window in pixels, odd.",
        rich_help_panel=SCORES,
    ),
]
SigmaOption = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        help="Override the standard deviation of the Gaussian window.",
        rich_help_panel=SCORES,
    ),
]
K1Option = Annotated[
    float | None,
    typer.Option(
        metavar="K",
        help="Override k1, with c1 = (k1 L)^2.",
        rich_help_panel=SCORES,
    ),
]
K2Option = Annotated[
    float | None,
    typer.Option(
        metavar="K",
        help="Override k2, with c2 = (k2 L)^2.",
        rich_help_panel=SCORES,
    ),
]
BorderOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Override the border: valid (windows inside the image alone), zero, mirror (the edge "
        "not repeated) or symmetric (the edge repeated).",
        callback=lambda value: value if value is None else one_of(BORDERS)(value),
        autocompletion=lambda: list(BORDERS),
        rich_help_panel=SCORES,
    ),
]
FailUnderOption = Annotated[
    list[str],
    typer.Option(
        metavar="[METRIC=]VALUE",
        help="Exit with 1 where a number of the record (ssim if left out) is under the value; "
        "repeatable.",
        rich_help_panel=SCORES,
        show_default=False,
    ),
]
FailOverOption = Annotated[
    list[str],
    typer.Option(
        metavar="[METRIC=]VALUE",
        help="Exit with 1 where a number of the record is over the value; repeatable.",
        rich_help_panel=SCORES,
        show_default=False,
    ),
]
DataRangeOption = Annotated[
    float | None,
    typer.Option(
        metavar="L",
        help="The dynamic range of the samples. Default: that of the integer type or bit depth, "
        "1 for floats in 0..1; other floats need it.",
        callback=positive,
        rich_help_panel=COMPUTING,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, cpu, cuda, cuda:N or mps; auto is the best that is present.",
        callback=device_name,
        rich_help_panel=COMPUTING,
    ),
]
BackendOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, fused (one pass over the samples, on the CPU) or torch; auto is what is faster "
        "for the size of the input.",
        callback=one_of(BACKENDS),
        autocompletion=lambda: list(BACKENDS),
        rich_help_panel=COMPUTING,
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Of SSIM: double (float64), or single (float32), which is faster and right to some "
        "1e-6 of 1 - SSIM; float64 samples are computed in float64 by either.",
        callback=one_of(PRECISIONS),
        autocompletion=lambda: list(PRECISIONS),
        rich_help_panel=COMPUTING,
    ),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help=f"{', '.join(FORMAT_NAMES)}; value is the bare numbers in the order of -m, or the "
        "loss.",
        callback=one_of(FORMAT_NAMES),
        autocompletion=lambda: list(FORMAT_NAMES),
        rich_help_panel=OUTPUT,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write there instead of standard output (-), whole or not at all.",
        callback=to_stdout,
        rich_help_panel=OUTPUT,
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No progress and no warnings on standard error.",
        rich_help_panel=OUTPUT,
    ),
]
DebugOption = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=OUTPUT),
]
ChannelsOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="rgb: the mean over the channels; luma: the BT.601 luma alone.",
        callback=one_of(("rgb", "luma")),
        rich_help_panel=COMPUTING,
    ),
]
BackgroundOption = Annotated[
    str,
    typer.Option(
        metavar="COLOR",
        help="What transparent pixels are laid on: checker, or a colour such as white, #fff.",
        rich_help_panel=COMPUTING,
    ),
]
ResizeOption = Annotated[
    bool,
    typer.Option(
        "--resize",
        help="Resample the distorted image to the reference's size (Lanczos).",
        rich_help_panel=COMPUTING,
    ),
]
FrameOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Which frame of a multi-frame file. Default: 0, with a warning.",
        rich_help_panel=COMPUTING,
    ),
]
LayoutOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Of .npy arrays with three axes: hwc, chw, or auto by their shape.",
        callback=one_of(LAYOUTS),
        rich_help_panel=COMPUTING,
    ),
]
MaxPixelsOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Larger images are refused before they are decoded; 0: no limit.",
        rich_help_panel=COMPUTING,
    ),
]
MapOption = Annotated[
    list[str],
    typer.Option(
        "--map",
        metavar="FILE",
        help="Write the SSIM map, as large as the image, transparent where nothing counts: .png, "
        "or .npy (float32, NaN there); repeatable.",
        callback=map_path,
        rich_help_panel=MAPS,
        show_default=False,
    ),
]
MapStyleOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Of a .png: gray is 255 SSIM; heat is 1 - SSIM in colour; overlay lays the heat over "
        "the reference; panel shows all side by side.",
        callback=one_of(MAP_STYLES),
        autocompletion=lambda: list(MAP_STYLES),
        rich_help_panel=MAPS,
    ),
]
