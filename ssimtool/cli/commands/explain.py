"""`ssimtool explain`: why a number differs from another tool's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool import __version__
from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, attempt, present, show
from ssimtool.output import reserved
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
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
    scoring = CompareSettings(
        metrics=("ssim",),
        device=device,
        backend=backend,  # type: ignore[arg-type]  # one of its names: the option checks
        once=True,
    )
    paths = reference, distorted
    targets = [output] if output is not None else []
    with reserved(targets, inputs=paths) as files:
        from ssimtool.readers.align import Reading, recorded
        from ssimtool.records.explanation import Explanation

        how = Reading(
            channels=channels,  # type: ignore[arg-type]  # one of its names: the option checks
            data_range=data_range,
            background=under,
            resize=resize,
            frame=frame,
            max_pixels=max_pixels,
            layout=layout,  # type: ignore[arg-type]  # likewise
        )
        style = Style(format, (), (), quiet, debug)
        record = attempt(
            lambda: _explain(paths, how, scoring),
            lambda failure: Explanation(
                status="error",
                reference=reference,
                distorted=distorted,
                reading=recorded(how),
                version=__version__,
                error=failure,
            ),
            style,
        )
        return show("explain", record, style, files[0] if files else None)


def _explain(paths: tuple[str, str], how: Reading, scoring: CompareSettings) -> Explanation:
    from ssimtool.readers.align import read_pair
    from ssimtool.readers.images.opening import set_up_pillow

    set_up_pillow()
    pair = read_pair(*paths, how)
    from ssimtool.scoring.explain import explain

    present(scoring.device, scoring.backend)
    return explain(pair, scoring)
