"""Open the formats that Pillow does not read, or reads wrongly: TIFF, JPEG XL, PAM, colour PFM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.image import check_pixels
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.files import Content, shown
from ssimtool.readers.foreign import HEIF_KIND, foreign_error, foreign_kind
from ssimtool.readers.images.damage import EXPECTED, decoding
from ssimtool.readers.images.jpeg_xl import is_jpeg_xl, read_jpeg_xl, read_jpeg_xl_header
from ssimtool.readers.images.netpbm import is_netpbm, read_netpbm, read_netpbm_header
from ssimtool.readers.images.opened import Opened
from ssimtool.readers.images.tiff import read_page
from ssimtool.readers.images.tiff_tags import Page, is_tiff, read_pages
from ssimtool.readers.samples import Samples


@dataclass(frozen=True)
class Frame:
    """One image of a file, not yet decoded.

    `memory` is the approximate number of bytes of the samples and of their decoder.
    """

    width: int
    height: int
    memory: int
    read: Callable[[], Samples]


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
    number, warnings = choose_frame(len(frames), name, frame)
    chosen = frames[number]
    check_pixels(name, chosen.width, chosen.height, max_pixels)

    def decode(_: object) -> Samples:
        with decoding(data, name):
            samples = chosen.read()
        return of_frame(samples, number, warnings)

    return Opened(chosen.width * chosen.height, chosen.memory, False, decode)


def choose_frame(count: int, name: str, frame: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the number of the frame to read, and warnings.

    Args:
        count: the number of frames in the file.
        name: the name of the file in messages.
        frame: the requested number; None takes the first and warns if there are several.

    Raises:
        SsimtoolError: `unsupported`, there is no such frame.
    """
    if count == 1:
        return 0, (f"{name}: has one frame, --frame {frame} is ignored",) if frame else ()
    if frame is None:
        return 0, (f"{name}: has {count} frames, frame 0 is compared; choose one with --frame",)
    if frame >= count:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has {count} frames and no frame {frame}, expected 0 to {count - 1}; "
            "change --frame",
        )
    return frame, ()


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
    if is_tiff(data):
        pages = read_pages(data)
        if not pages:
            raise ValueError("truncated: no page")
        return tuple(_of_page(data, page, number, path) for number, page in enumerate(pages))
    if is_jpeg_xl(data):
        image = read_jpeg_xl_header(data, path)
        read = partial(read_jpeg_xl, data, image, path)
        memory = 2 * image.width * image.height * image.channels * image.bits // 8
        return (Frame(image.width, image.height, memory, read),)
    if is_netpbm(data):
        header = read_netpbm_header(data)
        read = partial(read_netpbm, data, header, path)
        return (Frame(header.width, header.height, 2 * header.size, read),)
    return None


def _of_page(data: Content, page: Page, number: int, path: str) -> Frame:
    # The samples as stored, and as they are returned.
    memory = 2 * page.width * page.height * page.channels * (max(page.bits, default=8) + 7) // 8
    width, height = page.width, page.height
    if page.orientation >= 5:
        width, height = height, width
    return Frame(width, height, memory, partial(read_page, data, page, number, path))


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
