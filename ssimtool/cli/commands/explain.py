"""`ssimtool explain`: explain why a number differs from another tool's."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import frames as f
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, announce, note_compilation, show
from ssimtool.output import reserved
from ssimtool.scoring.arguments import reading_of
from ssimtool.settings import CompareSettings


def command(
    reference: o.ReferenceArgument,
    distorted: o.DistortedArgument,
    channels: r.ChannelsOption = "rgb",
    data_range: o.DataRangeOption = None,
    value_range: o.ValueRangeOption = None,
    background: r.BackgroundOption = "checker",
    resize: r.ResizeOption = False,
    frame: f.OneFrameOption = None,
    layout: r.LayoutOption = "auto",
    max_pixels: r.MaxPixelsOption = 2**29,
    max_bytes: o.MaxBytesOption = None,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    format: Annotated[str | None, o.format_option("explain")] = None,
    output: o.OutputOption = [],
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Explain why SSIM differs between tools: every definition on one pair.

    Examples:
      ssimtool explain ref.png out.png
      ssimtool explain a.png b.png -f json
      ssimtool explain ref.npy out.npy \
        --data-range 1
    """
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    settings = CompareSettings(metrics=("ssim",), device=device, backend=backend)
    reading = reading_of(
        channels, data_range, value_range, background, resize, frame, layout, max_pixels, max_bytes
    )
    style = Style(parsing.outputs("explain", format, output), (), (), quiet, debug)
    with reserved(style.files, inputs=(reference, distorted)) as files:
        from ssimtool.readers.images.opening import set_up_pillow
        from ssimtool.scoring.explain import explain_once
        from ssimtool.scoring.images import CompareRequest

        set_up_pillow()
        note_compilation(quiet=quiet)
        request = CompareRequest(
            reference=reference, distorted=distorted, settings=settings, reading=reading
        )
        record = explain_once(request, debug=debug)
        announce(record, quiet=quiet)
        return show("explain", record, style, files)
