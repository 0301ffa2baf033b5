"""Check that all markers of a JPEG file are in order.

If the data end too early, libjpeg fills the rest with grey and warns, but imagecodecs drops the
warning. If the segments and scans follow each other up to the end marker, libjpeg never reads past
the end.
"""

from __future__ import annotations

import numpy as np

from ssimtool.readers.files import Content
from ssimtool.readers.samples import Array

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
