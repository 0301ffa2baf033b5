"""Read one image file into samples at its own depth: 8 bits stay 8, 16 bits stay 16."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import IO, Any, cast

from PIL import Image, UnidentifiedImageError

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.image import check_pixels, read_array_frames, read_array_image
from ssimtool.readers.files import NPY_MAGIC, Content, is_array_file, read_content, reading, shown
from ssimtool.readers.images.damage import decoding, unidentified
from ssimtool.readers.images.deep import is_deep, read_deep
from ssimtool.readers.images.described import with_description
from ssimtool.readers.images.fast import Decoder, as_samples, find_decoder
from ssimtool.readers.images.frames import (
    ONE_PICTURE,
    check_count,
    counted_frames,
    frame_of_pillow,
    image_frames,
    single_frame,
)
from ssimtool.readers.images.jpeg import read_jpeg
from ssimtool.readers.images.modes import from_pillow
from ssimtool.readers.images.opened import Opened as Opened
from ssimtool.readers.images.orientation import orientation_of, turned
from ssimtool.readers.images.others import of_frame, open_other, unread_page
from ssimtool.readers.images.png import set_transparent_colour
from ssimtool.readers.images.png_stream import check_frame_sizes, check_png
from ssimtool.readers.samples import Array, Samples
from ssimtool.settings import ImageLayout

VECTOR_FORMATS = ("EPS", "WMF")  # Pillow would start other programs to draw them


def set_up_pillow() -> None:
    """Disable Pillow's limit of pixels (`max_pixels` replaces it) and all printed warnings.

    Pillow and imagecodecs also warn by `logging`, which prints if nobody has set it up.
    """
    Image.MAX_IMAGE_PIXELS = None
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for logger in map(logging.getLogger, ("PIL", "imagecodecs")):
        if not logger.handlers:  # each run of a process sets it up
            logger.addHandler(logging.NullHandler())


def read_image(
    path: str,
    *,
    frame: int | None = None,
    max_pixels: int = 0,
    layout: ImageLayout = "auto",
) -> Samples:
    """Read one image from a file of any format that Pillow opens, or from a .npy array.

    Args:
        path: a file, or `-` for standard input.
        frame: number of the frame; None takes the first and warns if there are several.
        max_pixels: reject an image with more pixels before it is decoded; 0 is no limit.
        layout: layout of a .npy array with three axes or more.

    Returns:
        the samples, with the EXIF orientation applied and palettes resolved.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound image.
    """
    return open_image(path, frame=frame, max_pixels=max_pixels, layout=layout).decode(lambda: False)


def open_image(
    path: str,
    *,
    frame: int | None = None,
    max_pixels: int = 0,
    max_bytes: int | None = None,
    layout: ImageLayout = "auto",
    into: Array | None = None,
) -> Opened:
    """Open an image like `read_image`, without decoding its samples.

    Args:
        path, frame, max_pixels, layout: the arguments of `read_image`.
        max_bytes: reject a file or a pipe with more bytes before it is decoded, unless it is an
            array; 0 is no limit, None 4 GB or half the memory.
        into: memory for the samples. It is used if it has their shape and dtype and the decoder
            can write to it; the samples are then this array.

    Raises:
        SsimtoolError: the file does not exist, is not an image, or has too many pixels.
    """
    how: dict[str, Any] = {"layout": layout, "max_pixels": max_pixels}
    if is_array_file(path):
        with reading(path):
            size = os.path.getsize(path)
        return _open_array(path, None, size, frame, into, **how)
    data = read_content(path, max_bytes=max_bytes)
    if data[: len(NPY_MAGIC)] == NPY_MAGIC:  # from standard input or a pipe
        return _open_array(path, data[:], 2 * len(data), frame, None, **how)
    held = len(data) if isinstance(data, bytes) else 0  # a copy is mapped
    return _open_content(data, path, frame, max_pixels, into).beside(held)


def _open_array(
    path: str, data: bytes | None, memory: int, frame: int | None, into: Array | None, **how: Any
) -> Opened:
    frames = read_array_frames(path, data, **how) if frame is None else None
    return Opened(
        0,
        memory,
        False,
        lambda _: read_array_image(path, data, frame=frame, into=into, **how),
        frames,
    )


def _open_content(
    data: Content, path: str, frame: int | None, max_pixels: int, into: Array | None
) -> Opened:
    name = shown(path)
    with decoding(data, name):
        other = open_other(data, path, frame, max_pixels)
        if other is not None:
            return other
        image = _open(data, name)
        check_pixels(name, *image.size, max_pixels)
        count = counted_frames(image, data)
        if image.format == "PNG" and count > 1:
            check_frame_sizes(data, name)
    if image.format not in ONE_PICTURE:
        check_count(count, name, frame)
    fast = find_decoder(image, data, into)

    def decode(cancelled: Callable[[], bool]) -> Samples:
        with decoding(data, name), image:
            number, warnings = single_frame(image, count, name, frame)
            check_pixels(name, *image.size, max_pixels)
            array = fast(cancelled) if fast else None
            if array is None and image.format in ("JPEG", "MPO"):
                array = read_jpeg(image, data, name)
            if array is not None and array.shape[:2] == image.size[::-1]:
                # Pillow's own getexif would decode a whole PNG to look for EXIF at its end.
                orientation = orientation_of(image, Image.Image.getexif)
                samples = turned(as_samples(array, image, path), orientation, done=False)
            else:
                samples = _read_by_pillow(image, data, number, path)
            samples = with_description(samples, image, data)
        return of_frame(samples, number, warnings)

    frames = None
    if frame is None:
        read = partial(_read_frame, image, data, path, max_pixels)
        with decoding(data, name):
            frames = image_frames(image, count, _memory(image, None), read)
    pixels, memory = image.width * image.height, _memory(image, fast)
    return Opened(pixels, memory, fast is not None, decode, frames)


def _read_frame(
    image: Image.Image, data: Content, path: str, max_pixels: int, number: int
) -> Samples:
    """Read one frame of a stack; the image stays open for the next one."""
    name = shown(path)
    with decoding(data, name):
        image.seek(number)
        check_pixels(name, *image.size, max_pixels)
        # The checksums of a PNG were checked with its first frame.
        samples = _read_by_pillow(image, data, number, path, is_checked=number > 0)
        samples = with_description(samples, image, data)
    return of_frame(samples, 0, ())


def samples_of_pillow(
    image: Image.Image, path: str, *, frame: int | None = None, max_pixels: int = 0
) -> Samples:
    """Return a Pillow image as samples, with its EXIF orientation applied.

    An image with several frames is the one that it is at; the caller's image is not moved.

    Raises:
        SsimtoolError: the image cannot be decoded or has too many pixels; `unsupported`, it is at
            another frame than the requested one.
    """
    name = shown(path)
    warnings = frame_of_pillow(image, name, frame)
    check_pixels(name, *image.size, max_pixels)
    with decoding(b"", name):
        page = unread_page(image, path)
        if page is not None:
            return of_frame(page.read(), 0, warnings)
        image.load()
        samples = from_pillow(image, path)
        samples = turned(samples, orientation_of(image), done=False)
        samples = with_description(samples, image, b"")
    return of_frame(samples, 0, warnings)


def _memory(image: Image.Image, fast: Decoder | None) -> int:
    """Approximate bytes for decoding. Pillow holds 4 bytes a pixel, which are then copied."""
    # For 16 bits, Pillow's mode says 8, and their decoder holds the samples twice.
    deep = image.mode.startswith(("I", "F")) or image.format in ("PNG", "TIFF")
    samples = image.width * image.height * len(image.getbands()) * (2 if deep else 1)
    return samples if fast else 4 * image.width * image.height + 2 * samples


def _read_by_pillow(
    image: Image.Image, data: Content, number: int, path: str, *, is_checked: bool = False
) -> Samples:
    before = orientation_of(image)
    if image.format == "PNG" and not is_checked:
        check_png(data, shown(path))
    if image.format == "PNG":
        set_transparent_colour(image.info, data)
    image.load()
    after = orientation_of(image)
    deep = is_deep(image, data, shown(path))
    samples = read_deep(image, data, number, path) if deep else from_pillow(image, path)
    # Pillow turns a TIFF while loading and removes the tag; it leaves other formats unchanged.
    is_turned = before != after and not deep
    return turned(samples, after if after != 1 else before, done=is_turned)


def _open(data: Content, name: str) -> Image.Image:
    if not data:
        raise SsimtoolError(
            "not_an_image", f"{name}: is empty (0 bytes), expected an image; save or copy it again"
        )
    try:
        image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else cast(IO[bytes], data))
    except UnidentifiedImageError:
        raise unidentified(data, name) from None
    except Image.DecompressionBombError as error:
        raise SsimtoolError("too_large", f"{name}: {error}; reduce it first") from None
    if image.format in VECTOR_FORMATS:
        raise SsimtoolError(
            "unsupported",
            f"{name}: is {image.format}, which holds drawing commands, expected pixels; "
            "render it to PNG",
        )
    return image
