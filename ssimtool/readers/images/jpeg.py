"""JPEG files whose every marker is in order.

Where the data of one end too early, libjpeg fills with grey and says so in a warning that
imagecodecs does not pass on. In a file whose segments and scans follow each other up to the end
marker, it never reads past the end.
"""

from __future__ import annotations

import numpy as np

from ssimtool.readers.files import Content
from ssimtool.readers.samples import Array

# ITU-T T.81, table B.1. Not among them: arithmetic coding, lossless and hierarchical images, DNL.
FRAMES = (0xC0, 0xC1, 0xC2)
TABLES = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)
SCAN, END = 0xDA, 0xD9
RESTARTS = (0xD0, 0xD7)
PIECE = 1 << 20  # bytes of a scan that are looked at together


def check_markers(data: Content) -> None:
    """Whether segments and scans of one baseline or progressive frame of 8 bits, grey or of three
    components, follow each other up to the end marker.

    Raises:
        ValueError: they do not.
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
    """Where the first marker from `at` on stands that is no part of a scan: there, 0xFF 0x00 stands
    for a byte 0xFF, and restart markers belong to it. The end of the data where there is none."""
    for start in range(at, len(data), PIECE):
        piece = data[start : start + PIECE + 1]
        places = np.flatnonzero(piece[:-1] == 0xFF)
        after = piece[places + 1]
        inside = (after == 0) | (after == 0xFF)
        inside |= (after >= RESTARTS[0]) & (after <= RESTARTS[1])
        if not inside.all():
            return start + int(places[inside.argmin()])
    return len(data)
