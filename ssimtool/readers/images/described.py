"""Find the colour space that an image file describes by other means than an ICC profile."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from PIL import Image

from ssimtool.readers.files import Content
from ssimtool.readers.images.colour_description import (
    ADOBE_RGB,
    ColourDescription,
    is_srgb,
    of_cicp,
    of_gamma,
)
from ssimtool.readers.images.damage import DAMAGED
from ssimtool.readers.samples import Samples

# EXIF 2.32 and DCF 2.0: ColorSpace, and the index of the interoperability rules
EXIF_IFD, INTEROP_IFD, COLOR_SPACE, INTEROP_INDEX = 0x8769, 0xA005, 0xA001, 1
SRGB_SPACE, ADOBE_SPACE = 1, 2  # 2 is no value of the standard, but what some cameras write
ADOBE_INDEX = "R03"
WITH_EXIF = ("JPEG", "MPO", "WEBP", "AVIF")


def with_description(samples: Samples, image: Image.Image, data: Content) -> Samples:
    """Return samples with the colour space that their file describes.

    In PNG, cICP precedes iCCP, then sRGB, then gAMA and cHRM (W3C PNG, third edition, section
    4.3). In other formats an ICC profile precedes nclx (ISO/IEC 23000-22, section 7.3.6.4), and
    EXIF comes last.

    Args:
        samples: as they were decoded.
        image: the same image, opened by Pillow.
        data: the content of its file; empty for an image in memory.
    """
    colour = _of_png(image, data) if image.format == "PNG" else None
    if colour is not None and colour.source.startswith("cICP"):
        return replace(samples, colour=None if is_srgb(colour) else colour, profile=None)
    if samples.profile is not None:
        return samples
    if image.format == "AVIF":
        colour = _nclx(data)
    if colour is None and image.format in WITH_EXIF:
        colour = _of_exif(image)
    return samples if colour is None or is_srgb(colour) else replace(samples, colour=colour)


def _of_png(image: Image.Image, data: Content) -> ColourDescription | None:
    colour = _cicp(data)
    if colour is not None or image.info.get("srgb") is not None:
        return colour
    return of_gamma(image.info.get("gamma"), image.info.get("chromaticity"))


def _cicp(data: Content) -> ColourDescription | None:
    """Colour space of the cICP chunk, which Pillow does not read."""
    at = 8  # after the signature
    while at + 12 <= len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind in (b"PLTE", b"IDAT"):
            return None
        if kind == b"cICP" and size == 4:
            primaries, transfer, matrix, full = data[at + 8 : at + 12]
            # PNG holds RGB or grey: other matrices are invalid, and libpng ignores the chunk.
            return of_cicp("cICP", primaries, transfer, narrow=not full) if matrix == 0 else None
        at += 12 + size
    return None


def _of_exif(image: Image.Image) -> ColourDescription | None:
    try:
        exif = image.getexif()
        space = exif.get_ifd(EXIF_IFD).get(COLOR_SPACE) if exif else None
        index = exif.get_ifd(INTEROP_IFD).get(INTEROP_INDEX, "") if exif else ""
    except DAMAGED:  # unreadable EXIF says nothing
        return None
    if space == ADOBE_SPACE or (space != SRGB_SPACE and str(index).startswith(ADOBE_INDEX)):
        name, primaries, gamma = ADOBE_RGB
        return ColourDescription(f"EXIF {name}", primaries, gamma)
    return None


def _nclx(data: Content) -> ColourDescription | None:
    """Colour space of the primary item of a HEIF file (ISO/IEC 23008-12 and 14496-12)."""
    try:
        for kind, start, stop in _boxes(data, 0, len(data)):
            if kind == b"meta":
                return _of_meta(data, start + 4, stop)
    except (struct.error, IndexError):  # the decoder decides what is wrong
        pass
    return None


def _of_meta(data: Content, start: int, stop: int) -> ColourDescription | None:
    primary, properties = 0, list[tuple[bytes, int, int]]()
    used: dict[int, list[int]] = {}
    for kind, first, last in _boxes(data, start, stop):
        if kind == b"pitm":
            primary = struct.unpack(">I" if data[first] else ">H", data[first + 4 : last])[0]
        elif kind == b"iprp":
            for inner, begin, end in _boxes(data, first, last):
                if inner == b"ipco":
                    properties = list(_boxes(data, begin, end))
                elif inner == b"ipma":
                    used.update(_associations(data, begin))
    for index in used.get(primary, ()):
        kind, first, last = properties[index - 1]
        if kind == b"colr" and data[first : first + 4] == b"nclx":
            primaries, transfer = struct.unpack(">HH", data[first + 4 : first + 8])
            # The decoder has used the matrix and the range to make RGB.
            return of_cicp("nclx", primaries, transfer)
    return None


def _associations(data: Content, at: int) -> Iterator[tuple[int, list[int]]]:
    """Items of an ipma box, each with the indices of its properties, which begin at 1."""
    version, wide = data[at], data[at + 3] & 1
    (count,) = struct.unpack(">I", data[at + 4 : at + 8])
    at += 8
    for _ in range(count):
        size = 4 if version else 2
        item = int.from_bytes(data[at : at + size], "big")
        number = data[at + size]
        at += size + 1
        step = 2 if wide else 1
        ends = range(at, at + number * step, step)
        mask = 0x7FFF if wide else 0x7F  # the first bit says whether the property is essential
        yield item, [int.from_bytes(data[i : i + step], "big") & mask for i in ends]
        at += number * step


def _boxes(data: Content, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes between two positions: the kind, and where the content begins and ends."""
    while start + 8 <= stop:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", data[start + 8 : start + 16])
            head = 16
        end = start + size if size else stop
        if not start + head <= end <= stop:
            return
        yield kind, start + head, end
        start = end
