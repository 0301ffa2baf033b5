"""How many bytes of an input are read: a pipe may have no end."""

from __future__ import annotations

import io
from functools import cache
from typing import BinaryIO

from ssimtool.devices import usable_memory
from ssimtool.errors import SsimtoolError

MOST_BYTES = 2**32  # unless half the memory is less
BLOCK = 1 << 20  # bytes to read at a time


@cache
def default_max_bytes() -> int:
    """Return the limit that holds if no other is requested: 4 GB or half the memory."""
    memory = usable_memory()
    return MOST_BYTES if memory is None else min(MOST_BYTES, memory // 2)


def limit_of(max_bytes: int | None) -> int | None:
    """Return the number of bytes that an input may have; None if there is no limit.

    Args:
        max_bytes: the requested limit; 0 is none, None the default.
    """
    return default_max_bytes() if max_bytes is None else max_bytes or None


def check_bytes(size: int, max_bytes: int | None, name: str) -> None:
    """Check the size of an input before it is read.

    Raises:
        SsimtoolError: `too_large`.
    """
    limit = limit_of(max_bytes)
    if limit is not None and size > limit:
        raise too_many_bytes(name, f"{size} bytes", limit)


def read_to_end(stream: BinaryIO, max_bytes: int | None, name: str) -> bytes:
    """Read a stream.

    Raises:
        SsimtoolError: `too_large`, it has more bytes than allowed.
    """
    limit, data = limit_of(max_bytes), io.BytesIO()  # joining blocks would need twice the memory
    while block := stream.read(BLOCK):
        data.write(block)
        if limit is not None and data.tell() > limit:
            raise too_many_bytes(name, f"more than {limit} bytes", limit)
    return data.getvalue()


def too_many_bytes(name: str, held: str, limit: int) -> SsimtoolError:
    """Error for an input that is larger than allowed."""
    return SsimtoolError(
        "too_large",
        f"{name}: has {held}, expected at most {limit}; check that it is the right input, or allow "
        "more with --max-bytes",
    )
