"""Decode JPEG files by libjpeg-turbo, and refuse those that it warns of.

If the data end too early or are damaged, libjpeg fills the rest with grey or shifts it, and warns.
Pillow and imagecodecs drop its warnings; simplejpeg raises them.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content
from ssimtool.readers.samples import Array

COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # of Pillow's modes
# Warnings that samples are missing or wrong (jerror.h of libjpeg). Others are harmless, such as an
# unknown revision of JFIF.
OF_THE_END = "Premature end"
OF_DAMAGE = ("Corrupt JPEG data", "Inconsistent progression")
# ITU-T T.81, table B.1, without arithmetic coding, lossless and hierarchical images, and DNL.
FRAMES = (0xC0, 0xC1, 0xC2)
TABLES = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)
SCAN, END = 0xDA, 0xD9
RESTARTS = (0xD0, 0xD7)
PIECE = 1 << 20  # bytes of a scan to search at once


def check_markers(data: Content) -> None:
    """Check that segments and scans follow each other up to the end marker.

    The image must be one baseline or progressive frame of 8 bits, with one or three components.

    Raises:
        ValueError: the file is not such an image.
    """
    at, frames = 2, 0
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker not in (*FRAMES, *TABLES, SCAN):
            raise ValueError(f"a marker {marker:#x}")
        if marker in FRAMES:
            frames += 1
            if frames > 1 or data[at + 4] != 8 or data[at + 9] not in (1, 3):
                raise ValueError("an unusual frame")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SCAN:
            at = _end_of_scan(np.frombuffer(data, np.uint8), at)
            if data[at + 1 : at + 2] == bytes([END]) and frames:
                return
    raise ValueError("no end")


def _end_of_scan(data: Array, at: int) -> int:
    """Position of the first marker from `at` on that ends the scan, or the end of the data.

    Within a scan, 0xFF 0x00 is an escaped byte 0xFF, and restart markers belong to the scan.
    """
    for start in range(at, len(data), PIECE):
        piece = data[start : start + PIECE + 1]
        places = np.flatnonzero(piece[:-1] == 0xFF)
        after = piece[places + 1]
        inside = (after == 0) | (after == 0xFF)
        inside |= (after >= RESTARTS[0]) & (after <= RESTARTS[1])
        if not inside.all():
            return start + int(places[inside.argmin()])
    return len(data)


def decode_jpeg(data: Content, mode: str, *, into: Array | None = None) -> Array:
    """Decode a JPEG file, up to its first end marker.

    Args:
        data: the content of the file.
        mode: Pillow's mode of the image: L, RGB or CMYK.
        into: memory to write to, (H, W, 3), uint8.

    Returns:
        the samples, (H, W, C), uint8. Of CMYK, those that the file stores.

    Raises:
        ValueError: the file is damaged, or of a kind that TurboJPEG does not read.
    """
    import simplejpeg

    samples = simplejpeg.decode_jpeg(data, colorspace=COLOURS[mode], buffer=into, strict=True)
    return np.asarray(samples)


def read_jpeg(image: Image.Image, data: Content, name: str) -> Array | None:
    """Decode the current frame of a JPEG or MPO file, or leave it to Pillow.

    Args:
        image: opened by Pillow, at its frame.
        data: the content of the file.
        name: the file in a message.

    Returns:
        the samples, (H, W, C), uint8. None if Pillow must decode them: CMYK, which some programs
        invert, frames of an MPO, and rare kinds that TurboJPEG does not read.

    Raises:
        SsimtoolError: `truncated` or `damaged`.
    """
    start = getattr(image, "offset", 0) if image.format == "MPO" else 0
    if image.mode not in COLOURS:
        return None
    try:
        samples = decode_jpeg(data[start:] if start else data, image.mode)
    except (ValueError, KeyError) as error:  # KeyError: of a rare subsampling
        raise_damage(str(error), name)
        return None
    return samples if image.format == "JPEG" and image.mode != "CMYK" else None


def raise_damage(warning: str, name: str) -> None:
    """Raise the error of a warning of libjpeg, if it means that samples are missing or wrong.

    Raises:
        SsimtoolError: `truncated` or `damaged`.
    """
    if warning.startswith(OF_THE_END):
        raise SsimtoolError(
            "truncated",
            f"{name}: ends before its image does ({warning}), expected a whole image; "
            "copy or save it again",
        )
    if warning.startswith(OF_DAMAGE):
        raise SsimtoolError(
            "damaged",
            f"{name}: is a damaged JPEG ({warning}), expected an intact image; "
            "copy or save it again",
        )
