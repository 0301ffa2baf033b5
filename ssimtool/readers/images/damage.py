"""Describe a damaged image file in one line that says what to do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.npy import is_pickle, pickled
from ssimtool.readers.files import Content

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
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


@contextmanager
def decoding(data: Content, name: str) -> Iterator[None]:
    """Turn an error of a decoder into one that names the file.

    Raises:
        SsimtoolError: `truncated`, `unreadable` or `too_large`.
    """
    try:
        yield
    except MemoryError:
        raise SsimtoolError(
            "too_large",
            f"{name}: does not fit into memory, expected a smaller image; reduce its size",
        ) from None
    except DAMAGED as error:
        raise _damaged(data, name, error) from None


def unidentified(data: Content, name: str) -> SsimtoolError:
    """Error for content that no plug-in of Pillow knows."""
    if is_pickle(data[:2]):
        return pickled(name)
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if MAGIC.get(data[:4]) == "TIFF" and 8 <= int.from_bytes(data[4:8], order) < len(data):
        return SsimtoolError(
            "unsupported",
            f"{name}: is a TIFF of an unsupported kind, expected integers of 8 or 16 bits or "
            "grey floats; save it as a 16-bit PNG or a .npy array",
        )
    for magic, kind in MAGIC.items():
        if data[: len(magic)] == magic:
            return SsimtoolError(
                "truncated",
                f"{name}: begins like a {kind} but is cut off or of an unsupported kind "
                f"({len(data)} bytes), expected a whole image; copy it again or save it as PNG",
            )
    kind = "a zip archive (.npz, .pt)" if data[:2] == b"PK" else "of no known image format"
    return SsimtoolError(
        "not_an_image",
        f"{name}: is {kind} (begins with {data[:8]!r}), expected an image or a .npy array; "
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
