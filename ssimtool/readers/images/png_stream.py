"""Check that the chunks and the compressed samples of a PNG file are whole.

Pillow ignores missing rows and the checksum of the samples, and imagecodecs drops what libpng warns
of.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from isal import isal_zlib

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content
from ssimtool.readers.images.png import BLOCK, FIRST_CHUNK
from ssimtool.readers.samples import Array

SAMPLES_OF_A_PIXEL = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type (W3C PNG, section 11.2.1)
# Adam7 (W3C PNG, section 8.1): the first column and row of each pass, and the steps between them
PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
WHOLE = ((0, 0, 1, 1),)
FILTERS = 5


CONTROL_END = 28  # bytes of a frame's control chunk to the end of its size and place
PIECE = 2**20  # bytes of a chunk to check at a time


@dataclass(frozen=True)
class _Frame:
    """Compressed samples of one image: where its rows begin among them, and where it lies."""

    rows: Array
    parts: tuple[tuple[int, int], ...]


def check_png(data: Content, name: str) -> None:
    """Check all chunks of a PNG file, and the compressed samples of all its frames.

    Raises:
        SsimtoolError: `truncated`, chunks or samples are missing; `damaged`, a checksum or a filter
            is wrong, or there are more samples than the header says.
    """
    view = memoryview(data)
    for frame in list(_frames(view, name)):  # all checksums come first
        try:
            _check(view, frame, name)
        except isal_zlib.error as error:  # type: ignore[misc]  # as in png.py
            raise _damaged(name, f"its samples cannot be inflated ({error})") from None


def check_frame_sizes(data: Content, name: str) -> None:
    """Check that each frame of an animated PNG lies inside the image (W3C PNG, section 11.3.5).

    Pillow allocates whatever a frame announces, up to 2^62 pixels.

    Raises:
        SsimtoolError: `damaged`.
    """
    width, height = struct.unpack(">II", data[16:24])
    at = FIRST_CHUNK
    while at + CONTROL_END <= len(data):
        if data[at + 4 : at + 8] == b"fcTL":
            w, h, x, y = struct.unpack(">IIII", data[at + 12 : at + CONTROL_END])
            if not (w and h and x + w <= width and y + h <= height):
                raise _damaged(name, f"a frame of {w}x{h} pixels in an image of {width}x{height}")
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _frames(view: memoryview, name: str) -> Iterator[_Frame]:
    """Images of the file: that of the IDAT chunks, and those of the fdAT chunks of an animation."""
    size, parts, rows_of = (0, 0), list[tuple[int, int]](), partial(_rows, 8, 0, False)
    for kind, start, stop in _chunks(view, name):
        if kind == b"IHDR":
            width, height, depth, colour, *_, interlaced = struct.unpack(
                ">IIBBBBB", view[start:stop]
            )
            if colour not in SAMPLES_OF_A_PIXEL:
                raise _damaged(name, f"its colour type is {colour}")
            rows_of, size = partial(_rows, depth, colour, interlaced == 1), (width, height)
        elif kind == b"IDAT":
            parts.append((start, stop))
        elif kind == b"fdAT":  # begins with a number
            parts.append((start + 4, stop))
        elif kind in (b"fcTL", b"IEND"):
            if parts:
                yield _Frame(rows_of(*size), tuple(parts))
                parts.clear()
            if kind == b"fcTL":
                size = struct.unpack(">II", view[start + 4 : start + 12])


def _chunks(view: memoryview, name: str) -> Iterator[tuple[bytes, int, int]]:
    """Chunks up to IEND: the kind, and where the content begins and ends."""
    at, kind = FIRST_CHUNK, b""
    while kind != b"IEND":
        kind = bytes(view[at + 4 : at + 8])
        start, stop = at + 8, at + 8 + int.from_bytes(view[at : at + 4], "big")
        if stop + 4 > len(view):
            raise _truncated(name, f"{len(view)} bytes")
        checksum = isal_zlib.crc32(kind)
        for first in range(start, stop, PIECE):
            checksum = isal_zlib.crc32(view[first : min(first + PIECE, stop)], checksum)
        if checksum != int.from_bytes(view[stop : stop + 4], "big"):
            raise _damaged(name, f"the checksum of its chunk {kind.decode('ascii', 'replace')!r}")
        yield kind, start, stop
        at = stop + 4


def _check(view: memoryview, frame: _Frame, name: str) -> None:
    """Inflate the samples of an image, a block at a time, and look at the filter of each row."""
    inflater, at, end = isal_zlib.decompressobj(), 0, int(frame.rows[-1])
    for start, stop in frame.parts:
        more: bytes | memoryview = view[start:stop]
        if inflater.eof and more:
            raise _damaged(name, "data after its samples")
        while not inflater.eof:
            block = inflater.decompress(more, BLOCK)
            first, last = np.searchsorted(frame.rows[:-1], (at, at + len(block)))
            filters = np.frombuffer(block, np.uint8)[frame.rows[first:last] - at]
            at += len(block)
            if at > end or (filters >= FILTERS).any():
                raise _damaged(
                    name, "more samples than its header says" if at > end else "a filter"
                )
            more = inflater.unconsumed_tail
            if not more and len(block) < BLOCK:
                break
        if inflater.unused_data:
            raise _damaged(name, "data after its samples")
    if at < end:
        missing = len(frame.rows) - np.searchsorted(frame.rows, at, side="right")
        raise _truncated(name, f"{missing} of {len(frame.rows) - 1} rows are missing")
    if not inflater.eof:
        raise _truncated(name, "the checksum of its samples is missing")


def _rows(depth: int, colour: int, interlaced: bool, width: int, height: int) -> Array:
    """Positions of the rows of an image among its inflated bytes, and of their end."""
    bits = depth * SAMPLES_OF_A_PIXEL[colour]
    lengths = [np.zeros(1, np.int64)]
    for column, row, across, down in PASSES if interlaced else WHOLE:
        columns, rows = -((column - width) // across), -((row - height) // down)
        if columns > 0 and rows > 0:  # a row: its filter and its samples, to the next whole byte
            lengths.append(np.full(rows, 1 + (columns * bits + 7) // 8, np.int64))
    return np.concatenate(lengths).cumsum()


def _truncated(name: str, reason: str) -> SsimtoolError:
    return SsimtoolError(
        "truncated",
        f"{name}: ends before its image does ({reason}), expected a whole image; "
        "copy or save it again",
    )


def _damaged(name: str, fault: str) -> SsimtoolError:
    return SsimtoolError(
        "damaged",
        f"{name}: is a damaged PNG ({fault}), expected an intact image; copy or save it again",
    )
