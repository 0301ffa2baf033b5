"""`ssimtool explain`: why a number differs from another tool's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import announce, deliver
from ssimtool.output import reserved, wants_colour
from ssimtool.records.verdicts import EXIT_CODES
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.records.explanation import Explanation


def command(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE", help="The image that the other is held against, a file or -."
        ),
    ],
    distorted: Annotated[
        str, typer.Argument(metavar="DISTORTED", help="The image to judge, a file or -.")
    ],
    channels: o.ChannelsOption = "rgb",
    data_range: o.DataRangeOption = None,
    background: o.BackgroundOption = "checker",
    resize: o.ResizeOption = False,
    frame: o.FrameOption = None,
    layout: o.LayoutOption = "auto",
    max_pixels: o.MaxPixelsOption = 2**29,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    format: o.FormatOption = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Why does my SSIM differ? Every definition on one pair: what differs, who returns it."""
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    under = parsing.background(background)
    settings = CompareSettings(
        metrics=("ssim",),
        device=device,
        backend=backend,  # type: ignore[arg-type]  # one of its names: the option checks
    )
    targets = [output] if output is not None else []
    with reserved(targets, inputs=(reference, distorted)) as files:
        from ssimtool.readers.align import Reading
        from ssimtool.readers.images.opening import set_up_pillow
        from ssimtool.reports.text import MACHINE_FORMATS
        from ssimtool.scoring.explain import explain_once
        from ssimtool.scoring.images import CompareRequest

        set_up_pillow()
        request = CompareRequest(
            reference=reference,
            distorted=distorted,
            settings=settings,
            reading=Reading(
                channels=channels,  # type: ignore[arg-type]  # one of its names: the option checks
                data_range=data_range,
                background=under,
                resize=resize,
                frame=frame,
                max_pixels=max_pixels,
                layout=layout,  # type: ignore[arg-type]  # likewise
            ),
        )
        record = explain_once(request, debug=debug)
        announce(record, quiet=quiet)
        if record.error is None or format in MACHINE_FORMATS:
            deliver(_text(record, format, to_file=bool(files)), files[0] if files else None)
        return EXIT_CODES[record.status]


def _text(record: Explanation, format: str, *, to_file: bool) -> str:
    from ssimtool.reports.explanation import FORMATS, explanation_table

    if format in FORMATS:
        return FORMATS[format](record)
    width = shutil.get_terminal_size((80, 24)).columns
    return explanation_table(record, width=width, colour=wants_colour() and not to_file)
