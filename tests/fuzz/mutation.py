"""Mutations of a file: of its bytes, its numbers, its length; and PNG whose checksums fit again."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence

from fuzz.structure import restructured

TOKENS = (
    b'"', b",", b"\n", b"\r", b"{", b"}", b"[", b"]", b"null", b"1e999", b"-1", b"\\u0000",
    b"\\ud800", b":", b"true", b"NaN", b"\xff", b"\0", b"0,0,1,1", b";", b"9" * 30, b"[" * 2000,
)  # fmt: skip
NUMBERS = (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
HEADER = 120  # bytes, which half of all mutations change
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mutated(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Return a content with one to eight mutations, of its structure or of its bytes."""
    if rng.random() < 0.3:
        for _ in range(rng.choice((1, 1, 2, 4))):
            content = restructured(content, rng)
        if rng.random() < 0.7:
            return content
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        if data:
            _mutate(data, rng.choice(others), rng)
    return with_checksums(bytes(data)) if rng.random() < 0.8 else bytes(data)


def _mutate(data: bytearray, other: bytes, rng: random.Random) -> None:
    at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), HEADER))
    kind = rng.randrange(8)
    if kind <= 1:
        data[at] = rng.choice((0, 1, 2, 127, 128, 255, rng.randrange(256)))
    elif kind == 2:
        size = rng.choice((2, 4, 8))
        number = rng.choice((*NUMBERS, len(data), rng.randrange(2**16))) % 2 ** (8 * size)
        data[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))
    elif kind == 3:
        del data[at : at + rng.randrange(1, 20)]
    elif kind == 4:
        start = rng.randrange(len(data))
        data[at:at] = data[start : start + rng.randrange(1, 30)]
    elif kind == 5:
        del data[at:]
    elif kind == 6:
        data[at:at] = rng.choice(TOKENS)
    else:
        start = rng.randrange(len(other))
        data[at : at + 8] = other[start : start + 8]


def with_checksums(content: bytes) -> bytes:
    """Return a PNG with the checksums of its chunks, so that what they guard is read; or others."""
    if not content.startswith(SIGNATURE):
        return content
    parts, at = [SIGNATURE], len(SIGNATURE)
    while at + 12 <= len(content):
        stop = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if stop + 4 > len(content):
            break
        checksum = zlib.crc32(content[at + 4 : stop]).to_bytes(4, "big")
        parts += content[at:stop], checksum
        at = stop + 4
    return b"".join((*parts, content[at:]))
