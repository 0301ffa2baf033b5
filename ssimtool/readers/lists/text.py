"""Read the text of a list as it arrives: its lines, or the items of a JSON array."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import STDIN, check_ends, reading, shown

CHUNK = 1 << 16  # bytes to read at once; fewer if no more are available
# The longest first, because UTF-32 begins like UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A name may begin with a bracket too, so more than the first character decides.
ARRAY_START = re.compile(rb'\s*\[\s*\{\s*["}]')
MAY_BE_ARRAY = re.compile(rb"\s*(?:\[\s*(?:\{\s*|\]\s*)?)?")
STRUCTURE = re.compile(rb'["\\\[\]{},]')


def chunks(path: str) -> Iterator[bytes]:
    """Yield the content of a file, or of standard input for `-`, as soon as it is available.

    It is read from the file descriptor itself: a thread that waits holds no lock that could delay
    the end of the process.

    Raises:
        SsimtoolError: `not_found` or `unreadable`.
    """
    with reading(path):
        if path == STDIN and sys.stdin is None:
            raise OSError("is closed")
        check_ends(path)
        descriptor = os.dup(0) if path == STDIN else _opened(path)
        try:
            while chunk := os.read(descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)


def _opened(path: str) -> int:
    """Open a file descriptor that reads bytes unchanged."""
    if sys.platform == "win32":  # text mode turns \r\n into \n and ends at Ctrl-Z
        return os.open(path, os.O_RDONLY | os.O_BINARY)
    return os.open(path, os.O_RDONLY)


def as_utf8(content: Iterator[bytes], path: str) -> Iterator[bytes]:
    """Yield a text without its byte order mark; UTF-16 and UTF-32 become UTF-8.

    Raises:
        SsimtoolError: `unsupported`, the text is not what its byte order mark says, or lacks one.
    """
    head = b""
    for chunk in content:
        head += chunk
        if len(head) >= 4:  # the longest mark
            break
    mark, encoding = next(
        ((mark, name) for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), (b"", "utf-8")
    )
    if not mark and b"\0" in head[:4]:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: holds NUL bytes, as UTF-16 without a byte order mark does, expected "
            "text; save it as UTF-8, or pass -0 if NULs separate its paths",
        )
    every = chain([head[len(mark) :]], content)
    if encoding == "utf-8":
        yield from every
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in every:
            yield decoder.decode(chunk).encode()
        decoder.decode(b"", True)
    except UnicodeDecodeError as error:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: is no valid {encoding.upper()} ({error.reason}), which its byte order "
            "mark announces; save it as UTF-8",
        ) from None


def split_array(content: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Return whether a text is a JSON array of objects, and the whole text."""
    head = b""
    for chunk in content:
        head += chunk
        if not MAY_BE_ARRAY.fullmatch(head):
            break
    is_array = ARRAY_START.match(head) is not None or b"".join(head.split()) == b"[]"
    return is_array, chain([head], content)


def lines(content: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    r"""Yield the lines of a UTF-8 text with their numbers and ends: \n, \r\n or \r.

    Undecodable bytes become lone surrogates, as in names of files. If \r and \n arrive in two
    chunks, the \n follows as a line with the number of the \r.
    """
    number, rest, returned = 0, b"", False
    for chunk in filter(None, content):
        is_second_half = returned and chunk.startswith(b"\n")
        pieces = (rest + chunk).splitlines(keepends=True)
        rest = b"" if chunk.endswith((b"\n", b"\r")) else pieces.pop()
        returned = chunk.endswith(b"\r")
        for piece in pieces:
            number += not is_second_half
            is_second_half = False
            yield number, piece.decode("utf-8", "surrogateescape")
    if rest:
        yield number + 1, rest.decode("utf-8", "surrogateescape") + "\n"


def items(content: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the text of each item of a JSON array with its number, as soon as its end is read.

    What follows the array, and an item that is cut off, are items as well: they are no JSON.
    """
    number, depth, in_string, escaped, item = 1, 0, False, -1, b""
    base, ended = 0, False  # bytes before this chunk; whether the array was closed
    for chunk in content:
        start = 0
        for match in STRUCTURE.finditer(chunk):
            at, sign = match.start(), match[0]
            if ended or base + at == escaped:
                continue
            if in_string:
                escaped = base + at + 1 if sign == b"\\" else escaped
                in_string = sign != b'"'
            elif sign == b'"':
                in_string = True
            elif sign in b"[{":
                depth += 1
                start = at + 1 if depth == 1 else start
            elif sign in b"]}":
                depth -= 1
            is_end = (sign, depth) in ((b",", 1), (b"]", 0)) and not in_string
            if is_end:
                text = (item + chunk[start:at]).decode("utf-8", "surrogateescape")
                if sign == b"," or number > 1 or text.strip():
                    yield number, text
                number, item, start, ended = number + 1, b"", at + 1, sign == b"]"
        item += chunk[start:]
        base += len(chunk)
    if depth or item.strip():
        # With the bracket that ended the array, what follows it is no JSON, even if it alone is.
        yield number, "]" * ended + item.decode("utf-8", "surrogateescape")
