"""Beginnings of the formats that Pillow does not read, known before their readers are loaded."""

from __future__ import annotations

from ssimtool.readers.files import Content

CODESTREAM = b"\xff\x0a"  # JPEG XL, bare
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"  # ISO/IEC 18181-2
PAM, COLOUR_PFM = b"P7", b"PF"


def is_tiff(data: Content) -> bool:
    """Whether a file begins like a TIFF or a BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_jpeg_xl(data: Content) -> bool:
    """Whether a file begins like a JPEG XL, bare or in its container."""
    return data[:2] == CODESTREAM or data[: len(CONTAINER)] == CONTAINER


def is_netpbm(data: Content) -> bool:
    """Whether a file begins like a PAM or a colour PFM."""
    return data[:2] in (PAM, COLOUR_PFM) and data[2:3] in (b"\n", b"\r", b" ", b"\t")
