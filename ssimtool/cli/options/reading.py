"""Options for reading images."""

from __future__ import annotations

from typing import Annotated

from ssimtool.cli.options.shared import computing
from ssimtool.cli.parsing import at_least
from ssimtool.settings import Channels, ImageLayout

ChannelsOption = Annotated[
    Channels,
    computing(metavar="NAME", help="Compare rgb (mean over the channels) or luma (BT.601)."),
]
BackgroundOption = Annotated[
    str,
    computing(
        metavar="COLOR", help="Set the background of transparent pixels: checker, white, #fff ..."
    ),
]
ResizeOption = Annotated[
    bool, computing("--resize", help="Resize the distorted image to the reference (Lanczos).")
]
LayoutOption = Annotated[
    ImageLayout,
    computing(
        metavar="NAME",
        hidden=True,
        help="Set the axes of .npy arrays: hwc, chw, thw (frames), or auto (by shape).",
    ),
]
MaxPixelsOption = Annotated[
    int,
    computing(
        metavar="N",
        callback=at_least(0),
        hidden=True,
        help="Refuse images with more pixels before decoding them; 0: no limit.",
    ),
]
