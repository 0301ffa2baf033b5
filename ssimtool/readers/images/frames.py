"""The frames of an image file: all that are compared, or one of them."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.frames import chosen_frame
from ssimtool.readers.samples import FrameStack, Samples

# The further frames of these formats belong to the first one: previews and gain maps of a
# photograph, layers of a drawing.
ONE_PICTURE = ("MPO", "PSD")
# Decoders of animations keep the canvas, and the one before it, with 4 bytes a pixel.
CANVAS_BYTES = 8


def image_frames(
    image: Image.Image, memory: int, read: Callable[[int], Samples]
) -> FrameStack | None:
    """Return the frames of a file that are compared; None if it holds one picture.

    Args:
        image: opened by Pillow.
        memory: approximate bytes for decoding one frame.
        read: returns the frame of a number.
    """
    count = _count(image)
    if count == 1 or image.format in ONE_PICTURE:
        return None
    canvas = CANVAS_BYTES * image.width * image.height
    return FrameStack(tuple(range(count)), memory + canvas, read)


def _count(image: Image.Image) -> int:
    count: int = getattr(image, "n_frames", 1)
    return count


def single_frame(image: Image.Image, name: str, frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Move an image to one frame; return its number, and warnings.

    Args:
        image: opened by Pillow.
        name: the name in messages.
        frame: the requested number; None takes the first.

    Raises:
        SsimtoolError: `unsupported`, there is no such frame.
    """
    number, warnings = chosen_frame(_count(image), name, frame)
    if number:
        image.seek(number)
    return number, warnings


def frame_of_pillow(image: Image.Image, name: str, frame: int | None) -> tuple[str, ...]:
    """Return warnings about the frame that the caller's image is at.

    Raises:
        SsimtoolError: `unsupported`, another frame is requested.
    """
    count, at = _count(image), image.tell()
    if count == 1:
        return chosen_frame(count, name, frame)[1]
    if frame is None and image.format in ONE_PICTURE:
        return ()
    if frame is None:
        return (f"{name}: has {count} frames, frame {at} is compared; pass its path for all",)
    if frame != at:
        raise SsimtoolError(
            "unsupported",
            f"{name}: is at frame {at}, expected frame {frame}; call seek({frame}), or pass its "
            "path",
        )
    return ()
