"""Open the formats that Pillow does not read, or reads wrongly: TIFF, JPEG XL, PAM, colour PFM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ssimtool.readers.arrays.frames import chosen_frame
from ssimtool.readers.arrays.image import check_pixels
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.files import Content, shown
from ssimtool.readers.foreign import HEIF_KIND, foreign_error, foreign_kind
from ssimtool.readers.images.beginnings import is_jpeg_xl, is_netpbm, is_tiff
from ssimtool.readers.images.damage import EXPECTED, decoding
from ssimtool.readers.images.frames import MOST_FRAMES, check_count
from ssimtool.readers.images.opened import Opened
from ssimtool.readers.samples import FrameStack, Samples

if TYPE_CHECKING:
    from ssimtool.readers.images.tiff_tags import Page


@dataclass(frozen=True)
class Frame:
    """One image of a file, not yet decoded.

    `memory` is the approximate number of bytes of the samples and of their decoder. `is_part` says
    whether it belongs to another one: a reduced copy, or a mask.
    """

    width: int
    height: int
    memory: int
    read: Callable[[], Samples]
    is_part: bool = False


def open_other(data: Content, path: str, frame: int | None, max_pixels: int) -> Opened | None:
    """Open a file of these formats; None leaves it to Pillow.

    Args:
        data: the content of the file.
        path, frame, max_pixels: the arguments of `read_image`.

    Raises:
        SsimtoolError: `unsupported`, a kind that is not read, or no image at all; `too_large`.
        ValueError: the header is damaged or cut off.
    """
    name, frames = shown(path), _frames(data, path)
    if frames is None:
        kind = foreign_kind(data)
        if kind and kind != HEIF_KIND:  # a plug-in of Pillow may read HEIF
            raise foreign_error(name, kind, EXPECTED)
        return None
    check_count(len(frames), name, frame)
    number, warnings = chosen_frame(len(frames), name, frame)
    chosen = frames[number]
    check_pixels(name, chosen.width, chosen.height, max_pixels)

    def decode(_: object) -> Samples:
        with decoding(data, name):
            samples = chosen.read()
        return of_frame(samples, number, warnings)

    stack = _stack(frames, data, name, max_pixels) if frame is None else None
    return Opened(chosen.width * chosen.height, chosen.memory, False, decode, stack)


def _stack(
    frames: tuple[Frame, ...], data: Content, name: str, max_pixels: int
) -> FrameStack | None:
    """Return the frames that are compared; None if there is one."""
    numbers = tuple(number for number, frame in enumerate(frames) if not frame.is_part)
    if len(numbers) < 2:
        return None

    def read(number: int) -> Samples:
        frame = frames[number]
        check_pixels(name, frame.width, frame.height, max_pixels)
        with decoding(data, name):
            return of_frame(frame.read(), 0, ())

    return FrameStack(numbers, max(frames[number].memory for number in numbers), read)


def of_frame(samples: Samples, number: int, warnings: tuple[str, ...]) -> Samples:
    """Return samples that state their frame.

    Raises:
        SsimtoolError: `non_finite`.
    """
    if samples.samples.dtype.kind == "f" and not np.isfinite(samples.samples).all():
        raise non_finite(shown(samples.path))
    chosen = (f"frame {number}",) if number else ()
    return replace(samples, steps=chosen + samples.steps, warnings=samples.warnings + warnings)


def _frames(data: Content, path: str) -> tuple[Frame, ...] | None:
    """Return the frames of a file of these formats; only the reader of its format is loaded."""
    if is_tiff(data):
        return _pages(data, path)
    if is_jpeg_xl(data):
        from ssimtool.readers.images.jpeg_xl import read_jpeg_xl, read_jpeg_xl_header

        image = read_jpeg_xl_header(data, path)
        memory = 2 * image.width * image.height * image.channels * image.bits // 8
        read = partial(read_jpeg_xl, data, image, path)
        return (Frame(image.width, image.height, memory, read),)
    if is_netpbm(data):
        from ssimtool.readers.images.netpbm import read_netpbm, read_netpbm_header

        header = read_netpbm_header(data)
        read = partial(read_netpbm, data, header, path)
        return (Frame(header.width, header.height, 2 * header.size, read),)
    return None


def _pages(data: Content, path: str) -> tuple[Frame, ...]:
    from ssimtool.readers.images.tiff_tags import read_pages

    pages = read_pages(data, MOST_FRAMES + 1)
    if not pages:
        raise ValueError("truncated: no page")
    return tuple(_of_page(data, page, number, path) for number, page in enumerate(pages))


def _of_page(data: Content, page: Page, number: int, path: str) -> Frame:
    from ssimtool.readers.images.tiff import read_page

    # The samples as stored, and as they are returned.
    memory = 2 * page.width * page.height * page.channels * (max(page.bits, default=8) + 7) // 8
    width, height = page.width, page.height
    if page.orientation >= 5:
        width, height = height, width
    read = partial(read_page, data, page, number, path)
    return Frame(width, height, memory, read, page.is_part)


def unread_page(image: Image.Image, path: str) -> Frame | None:
    """Return the page of a TIFF that Pillow has opened but not decoded, None for other images."""
    file = getattr(image, "fp", None)
    if image.format != "TIFF" or not getattr(image, "tile", None) or file is None:
        return None
    at = file.tell()
    file.seek(0)
    frames = _frames(file.read(), path)
    file.seek(at)
    return frames[image.tell()] if frames else None
