"""Describe a damaged image file in one line that says what to do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ssimtool.errors import SsimtoolError, too_large
from ssimtool.readers.arrays.npy import is_pickle, pickled
from ssimtool.readers.files import Content
from ssimtool.readers.foreign import foreign_error, foreign_kind, suffix_kind

# Errors of Pillow's plug-ins for content that is cut off or damaged.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
MAGIC = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
}
EXPECTED = "an image or a .npy array"


@contextmanager
def decoding(data: Content, name: str) -> Iterator[None]:
    """Turn an error of a decoder into one that names the file.

    Raises:
        SsimtoolError: `truncated`, `unreadable` or `too_large`.
    """
    try:
        yield
    except MemoryError:
        raise too_large(name) from None
    except DAMAGED as error:
        raise _damaged(data, name, error) from None


def unidentified(data: Content, name: str) -> SsimtoolError:
    """Error for content that no plug-in of Pillow knows."""
    foreign = foreign_kind(data)
    if foreign:
        return foreign_error(name, foreign, EXPECTED)
    if is_pickle(data[:2]):
        return pickled(name)
    for magic, kind in MAGIC.items():
        if data[: len(magic)] == magic:
            return SsimtoolError(
                "truncated",
                f"{name}: begins like a {kind} but is cut off or of an unsupported kind "
                f"({len(data)} bytes), expected a whole image; copy it again or save it as PNG",
            )
    foreign = suffix_kind(name)
    if foreign:
        return foreign_error(name, foreign, EXPECTED)
    kind = "a zip archive" if data[:2] == b"PK" else "of no known image format"
    return SsimtoolError(
        "not_an_image",
        f"{name}: is {kind} (begins with {data[:8]!r}), expected {EXPECTED}; "
        "check that it is the right file",
    )


def _damaged(data: Content, name: str, error: Exception) -> SsimtoolError:
    reason = str(error) or type(error).__name__
    signs = ("truncated", "eof", "only got", "end of file", "not enough", "incomplete")
    short_riff = data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if short_riff or any(sign in reason.lower() for sign in signs):
        return SsimtoolError(
            "truncated",
            f"{name}: ends before its image does ({reason}; {len(data)} bytes), expected a whole "
            "image; copy or save it again",
        )
    return SsimtoolError(
        "unreadable",
        f"{name}: cannot be decoded ({reason}), expected an intact image; copy or save it again",
    )
