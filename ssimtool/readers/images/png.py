"""Decode PNG files without Pillow if all their chunks are in order.

Every doubtful file is a ValueError here; Pillow then decides what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
from isal import isal_zlib

from ssimtool.readers.files import Content, give_back
from ssimtool.readers.samples import Array

FIRST_CHUNK = 8  # the first chunk begins after the signature
PIECE = 2**17  # compressed bytes to read at a time
SWEEP = 2**22  # bytes of a mapped file to release at a time
BLOCK = 2**18  # inflated bytes to turn into rows at a time: they stay in the processor's cache
KNOWN = (b"IHDR", b"PLTE", b"IDAT", b"IEND")  # other critical chunks would change the samples
# Pillow handles transparency and animation, and text or EXIF that it reads while loading.
LEFT_TO_PILLOW = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
LATE = (b"IDAT", b"IEND", b"tIME")


def check_chunks(data: Content, cancelled: Callable[[], bool]) -> None:
    """Check that all chunks are in order with correct checksums, and that Pillow is not needed.

    Raises:
        ValueError: a chunk is damaged, in disorder or left to Pillow.
        CancelledError: `cancelled()` returned true.
    """
    for _ in _idat(data):
        if cancelled():
            raise CancelledError


def decode_rgb(
    data: Content,
    width: int,
    height: int,
    unfilter: Callable[[Array, Array, int], bool],
    cancelled: Callable[[], bool],
    *,
    into: Array | None = None,
) -> Array:
    """Decode an 8-bit RGB PNG that is not interlaced.

    The file is read forward, and no sample is held twice. Besides the samples, decoding takes less
    than a megabyte; the pages of a mapped file are released.

    Args:
        data: the content of the file.
        width, height: the size in its header.
        unfilter: `ssimtool.readers.images.compiled.unfilter.unfilter`, which needs Numba.
        cancelled: returns true once the samples are no longer needed.
        into: (height, width, 3), uint8, contiguous, to write to; None allocates new memory.

    Returns:
        the samples, (height, width, 3), uint8.

    Raises:
        ValueError: the file is not in order.
        CancelledError: `cancelled()` returned true.
    """
    out = np.empty((height, width, 3), np.uint8) if into is None else into
    lines = out.reshape(height, 3 * width)
    done, pitch = 0, 1 + 3 * width
    for block in _inflated(data, height * pitch, max(BLOCK // pitch, 1) * pitch):
        if cancelled():
            raise CancelledError
        rows = np.frombuffer(block, np.uint8).reshape(-1, pitch)
        if not unfilter(rows, lines, done):
            raise ValueError("an unknown filter")
        done += len(rows)
    return out


def set_transparent_colour(info: dict[Any, Any], data: Content) -> None:
    """Bring the transparent colour that Pillow read to the unit of the samples.

    Pillow scales samples of 1, 2 and 4 bits to 8, but not this colour.
    """
    colour = _transparent_colour(data) if "transparency" in info else None
    if colour is not None:
        info["transparency"] = colour


def _transparent_colour(data: Content) -> int | tuple[int, ...] | None:
    """Return the transparent colour of a grey or RGB PNG, in the unit of its decoded samples.

    Bits of tRNS above the depth are ignored (W3C PNG, section 11.3.1.1). Samples of 1, 2 and 4 bits
    are decoded to 8.

    Raises:
        IndexError, ValueError: the file is cut off or damaged.
    """
    depth, colour, at, kind = data[24], data[25], FIRST_CHUNK, b""
    if colour not in (0, 2):
        return None
    while kind not in (b"IDAT", b"IEND"):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if len(kind) < 4:
            raise ValueError("truncated: no samples")
        if kind == b"tRNS":
            pairs = range(at + 8, at + 8 + (6 if colour else 2), 2)
            levels = tuple(
                (int.from_bytes(data[i : i + 2], "big") & (2**depth - 1))
                * (255 // (2**depth - 1) if depth < 8 else 1)
                for i in pairs
            )
            return levels if colour else levels[0]
        at += 12 + size
    return None


def _inflated(data: Content, whole: int, block: int) -> Iterator[bytes]:
    """Inflate the IDAT chunks to `whole` bytes, `block` at a time.

    Raises:
        ValueError: the chunks hold more or fewer bytes, or are damaged.
    """
    inflater, held, parts, total = isal_zlib.decompressobj(), 0, [], 0
    try:
        for piece in _joined(_idat(data)):
            more: bytes | memoryview = piece
            while True:
                room = min(block, whole - total) - held
                part = inflater.decompress(more, room or 1)  # 0 would mean no limit
                more = inflater.unconsumed_tail
                if len(part) > room:
                    raise ValueError("more samples than the header says")
                parts.append(part)
                held += len(part)
                if part and held == min(block, whole - total):
                    yield b"".join(parts)
                    total, held = total + held, 0
                    parts.clear()
                elif not more:
                    break
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub does not know that it is a class
        raise ValueError(str(error)) from None
    if total != whole or not inflater.eof or inflater.unused_data:
        raise ValueError("fewer samples than the header says, or data after them")


def _joined(pieces: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
    """Join pieces to at least PIECE bytes, because many encoders write only 8 kB to a chunk."""
    held: list[memoryview] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= PIECE:
            yield held[0] if len(held) == 1 else b"".join(held)
            held.clear()
            length = 0
    yield b"".join(held)


def _idat(data: Content) -> Iterator[memoryview]:
    """Content of the IDAT chunks, in pieces; each checksum is checked (W3C PNG, section 5).

    Raises:
        ValueError: a chunk is cut off, damaged, in disorder, unknown or left to Pillow.
    """
    view, at, kind, ended, swept = memoryview(data), FIRST_CHUNK, b"", False, 0
    while kind != b"IEND":
        before, kind = kind, bytes(view[at + 4 : at + 8])
        start, end = at + 8, at + 8 + int.from_bytes(view[at : at + 4], "big")
        ended = ended or (before == b"IDAT" and kind != b"IDAT")
        if end + 4 > len(view) or (kind == b"IHDR") != (at == FIRST_CHUNK):
            raise ValueError("chunks cut off or in disorder")
        if kind in LEFT_TO_PILLOW or (kind[:1].isupper() and kind not in KNOWN):
            raise ValueError(f"a chunk {kind!r}")
        if ended and kind not in LATE[1:]:
            raise ValueError(f"a chunk {kind!r} after the samples")
        checksum = isal_zlib.crc32(kind)
        for first in range(start, end, PIECE):
            piece = view[first : min(first + PIECE, end)]
            checksum = isal_zlib.crc32(piece, checksum)
            if kind == b"IDAT":
                yield piece
            if first - swept >= SWEEP:
                give_back(data, swept, first)
                swept = first
        if checksum != int.from_bytes(view[end : end + 4], "big"):
            raise ValueError(f"the checksum of {kind!r}")
        at = end + 4
