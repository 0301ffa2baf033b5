"""PNG files whose every chunk is in order, decoded without Pillow.

Whatever is doubtful here is a ValueError: Pillow decides then what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import numpy as np
from isal import isal_zlib

from ssimtool.readers.files import Content, give_back
from ssimtool.readers.samples import Array

FIRST = 8  # where the first chunk begins, behind the signature
PIECE = 2**17  # compressed bytes that are taken at a time
SWEEP = 2**22  # and of a mapped file, given back at a time
BLOCK = 2**18  # inflated bytes that become rows at a time: they stay in the processor's cache
KNOWN = (b"IHDR", b"PLTE", b"IDAT", b"IEND")  # the others of capital letters change the samples
# Transparency and animation are Pillow's, and so is text or EXIF that it reads as it loads.
LEFT_TO_PILLOW = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
LATE = (b"IDAT", b"IEND", b"tIME")


def check_chunks(data: Content, cancelled: Callable[[], bool]) -> None:
    """Whether every chunk is in order, its checksum right, and none is left to Pillow.

    Raises:
        ValueError: one is not.
        CancelledError: `cancelled` became true.
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
    """The samples of an 8-bit RGB PNG that is not interlaced.

    Read forward and never held twice: beside the samples, this takes less than a megabyte, and
    the pages of a mapped file are given back.

    Args:
        data: the content of the file.
        width, height: of its header.
        unfilter: `ssimtool.readers.images.compiled.unfilter.unfilter`, which takes Numba to load.
        cancelled: whether nobody waits for the samples any longer.
        into: (height, width, 3), uint8, contiguous, to write to; None takes new memory.

    Raises:
        ValueError: the file is not in order.
        CancelledError: `cancelled` became true.
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


def _inflated(data: Content, whole: int, block: int) -> Iterator[bytes]:
    """The `whole` bytes that the IDAT chunks hold, `block` at a time.

    Raises:
        ValueError: they hold more or less, or are damaged.
    """
    inflater, held, parts, total = isal_zlib.decompressobj(), 0, [], 0
    try:
        for piece in _joined(_idat(data)):
            more: bytes | memoryview = piece
            while True:
                room = min(block, whole - total) - held
                part = inflater.decompress(more, room or 1)  # 0 would be without a limit
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
    except isal_zlib.error as error:  # type: ignore[misc]  # a class, which its stub denies
        raise ValueError(str(error)) from None
    if total != whole or not inflater.eof or inflater.unused_data:
        raise ValueError("fewer samples than the header says, or something behind them")


def _joined(pieces: Iterator[memoryview]) -> Iterator[bytes | memoryview]:
    """The same bytes, in pieces of at least PIECE: many encoders write 8 kB to a chunk."""
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
    """What the IDAT chunks hold, in pieces, with each checksum right (W3C PNG, section 5).

    Raises:
        ValueError: a chunk that is cut off, damaged, in disorder, unknown or left to Pillow.
    """
    view, at, kind, behind, swept = memoryview(data), FIRST, b"", False, 0
    while kind != b"IEND":
        before, kind = kind, bytes(view[at + 4 : at + 8])
        start, end = at + 8, at + 8 + int.from_bytes(view[at : at + 4], "big")
        behind = behind or (before == b"IDAT" and kind != b"IDAT")
        if end + 4 > len(view) or (kind == b"IHDR") != (at == FIRST):
            raise ValueError("chunks cut off or in disorder")
        if kind in LEFT_TO_PILLOW or (kind[:1].isupper() and kind not in KNOWN):
            raise ValueError(f"a chunk {kind!r}")
        if behind and kind not in LATE[1:]:
            raise ValueError(f"a chunk {kind!r} behind the samples")
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
