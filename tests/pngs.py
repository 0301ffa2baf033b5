"""A plain writer of PNG, and what each kind of PNG holds (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: first column, first row, step of columns, step of rows
PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    raw: np.ndarray,
    *,
    depth: int,
    colour: int,
    interlaced: bool = False,
    transparent: bytes | None = None,
    palette: np.ndarray | None = None,
) -> bytes:
    """A PNG of samples (H, W, C) of `depth` bits; its rows take the five filters in turn."""
    height, width = raw.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    parts = [raw[y::rows, x::columns] for x, y, columns, rows in passes]
    body = b"".join(_filtered(part, depth) for part in parts if part.size)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette.tobytes()) if palette is not None else b"",
            chunk(b"tRNS", transparent) if transparent is not None else b"",
            chunk(b"IDAT", zlib.compress(body, 1)),
            chunk(b"IEND", b""),
        ]
    )


def packed(raw: np.ndarray, depth: int) -> np.ndarray:
    """Rows of bytes of samples (H, W, C): the first in the highest bits."""
    rows = raw.reshape(raw.shape[0], -1)
    if depth == 16:
        return rows.astype(">u2").view(np.uint8)
    bits = (rows[:, :, None] >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)


def _filtered(raw: np.ndarray, depth: int) -> bytes:
    """Rows with their filter's number before them (section 9.2)."""
    rows = packed(raw, depth).astype(int)
    step = max(depth * raw.shape[2] // 8, 1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    left, corner = (np.pad(r, ((0, 0), (step, 0)))[:, : rows.shape[1]] for r in (rows, above))
    guess = left + above - corner
    far = [np.abs(guess - each) for each in (left, above, corner)]
    paeth = np.where(
        (far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner)
    )
    predicted = (np.zeros_like(rows), left, above, (left + above) // 2, paeth)
    return b"".join(
        bytes([i % 5]) + ((row - predicted[i % 5][i]) % 256).astype(np.uint8).tobytes()
        for i, row in enumerate(rows)
    )
