"""The options that say how images are read, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ssimtool.cli.options.shared import computing
from ssimtool.cli.parsing import background_of
from ssimtool.settings import Channels, ImageLayout

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading

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
FrameOption = Annotated[
    int | None,
    computing(
        metavar="N",
        min=0,
        hidden=True,
        help="Read this frame of a multi-frame file. Default: 0, with a warning.",
    ),
]
LayoutOption = Annotated[
    ImageLayout,
    computing(
        metavar="NAME",
        hidden=True,
        help="Set the axes of 3-D .npy arrays: hwc, chw, or auto (by shape).",
    ),
]
MaxPixelsOption = Annotated[
    int,
    computing(
        metavar="N",
        min=0,
        hidden=True,
        help="Refuse images with more pixels before decoding them; 0: no limit.",
    ),
]


def reading_of(
    channels: Channels,
    data_range: float | None,
    background: str,
    resize: bool,
    frame: int | None,
    layout: ImageLayout,
    max_pixels: int,
) -> Reading:
    """How a pair is read, from the values of the options.

    Raises:
        typer.BadParameter: no such background.
    """
    under = background_of(background)
    from ssimtool.readers.align import Reading  # loads NumPy: not for a wrong command line

    return Reading(
        channels=channels,
        data_range=data_range,
        background=under,
        resize=resize,
        frame=frame,
        layout=layout,
        max_pixels=max_pixels,
    )
