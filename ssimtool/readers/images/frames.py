"""The frames of an image file: all that are compared, or one of them."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.frames import chosen_frame
from ssimtool.readers.files import Content
from ssimtool.readers.samples import FrameStack, Samples

# The further frames of these formats belong to the first one: previews and gain maps of a
# photograph, layers of a drawing.
ONE_PICTURE = ("MPO", "PSD")
# Decoders of animations keep the canvas, and the one before it, with 4 bytes a pixel.
CANVAS_BYTES = 8
# Some kilobytes can hold a million frames; the frames of a file are counted to this number.
MOST_FRAMES = 1000
EXTENSION, IMAGE = 0x21, 0x2C  # blocks of a GIF


def check_count(count: int, name: str, frame: int | None) -> None:
    """Check that a file has no more frames than are counted, or that the requested one is counted.

    Raises:
        SsimtoolError: `frame_mismatch`.
    """
    if count > MOST_FRAMES and not (frame is not None and frame < MOST_FRAMES):
        raise SsimtoolError(
            "frame_mismatch",
            f"{name}: has more than {MOST_FRAMES:,} frames, expected at most as many; compare one "
            f"of them with --frame (0 to {MOST_FRAMES - 1})",
        )


def counted_frames(image: Image.Image, data: Content) -> int:
    """Return the number of frames of a file that Pillow opened, or one more than MOST_FRAMES.

    Pillow counts those of a GIF by going through all of them.
    """
    if image.format == "GIF" and gif_frames(data, MOST_FRAMES + 1) > MOST_FRAMES:
        return MOST_FRAMES + 1
    return min(_count(image), MOST_FRAMES + 1)


def gif_frames(data: Content, most: int) -> int:
    """Return the number of images of a GIF up to `most` (GIF89a, sections 18 to 27)."""

    def after_blocks(at: int) -> int:
        while at < len(data) and data[at]:
            at += data[at] + 1
        return at + 1

    def table_bytes(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    count, at = 0, 13 + (table_bytes(data[10]) if len(data) > 10 else 0)
    while at + 10 < len(data) and count < most:
        if data[at] == EXTENSION:
            at = after_blocks(at + 2)
        elif data[at] == IMAGE:
            count += 1
            at = after_blocks(at + 11 + table_bytes(data[at + 9]))
        else:
            at += 1
    return count


def image_frames(
    image: Image.Image, count: int, memory: int, read: Callable[[int], Samples]
) -> FrameStack | None:
    """Return the frames of a file that are compared; None if it holds one picture.

    Args:
        image: opened by Pillow.
        count: the number of its frames.
        memory: approximate bytes for decoding one frame.
        read: returns the frame of a number.
    """
    if count == 1 or image.format in ONE_PICTURE:
        return None
    canvas = CANVAS_BYTES * image.width * image.height
    return FrameStack(tuple(range(count)), memory + canvas, read)


def _count(image: Image.Image) -> int:
    count: int = getattr(image, "n_frames", 1)
    return count


def single_frame(
    image: Image.Image, count: int, name: str, frame: int | None
) -> tuple[int, tuple[str, ...]]:
    """Move an image to one frame; return its number, and warnings.

    Args:
        image: opened by Pillow.
        count: the number of its frames.
        name: the name in messages.
        frame: the requested number; None takes the first.

    Raises:
        SsimtoolError: `unsupported`, there is no such frame.
    """
    number, warnings = chosen_frame(count, name, frame)
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
