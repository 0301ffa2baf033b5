"""`ssimtool explain`: why a number differs from another tool's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.output import reserved
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    pass


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
    format: Annotated[
        str, o.format_option("explain", "value is the SSIM of each definition.")
    ] = "table",
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
    style = Style(format, (), (), quiet, debug)
    with reserved(targets, inputs=(reference, distorted)) as files:
        from ssimtool.readers.align import Reading
        from ssimtool.readers.images.opening import set_up_pillow
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
        return show("explain", record, style, files[0] if files else None)
