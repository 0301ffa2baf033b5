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
LONGEST_LINE = 1_000_000  # bytes of a line, of an item of an array, of a row of CSV
TOO_LONG = f"is longer than {LONGEST_LINE:,} bytes"
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
    read, head = [], b""
    for chunk in content:
        read.append(chunk)
        head = (
            head + chunk
        ).lstrip()  # else a long blank beginning would be copied again and again
        if not MAY_BE_ARRAY.fullmatch(head):
            break
    is_array = ARRAY_START.match(head) is not None or b"".join(head.split()) == b"[]"
    return is_array, chain(read, content)


class _Piece:
    """Piece of a text that arrives in parts. One of more than LONGEST_LINE bytes is not kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        """Append a part."""
        self._size += len(part)
        if self._size > LONGEST_LINE:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def taken(self, last: bytes) -> bytes | None:
        """Append the last part and return the whole piece; None if it is too long."""
        self.add(last)
        whole = b"".join(self._parts) if self._size <= LONGEST_LINE else None
        self._parts, self._size = [], 0
        return whole


def _text(piece: bytes | None) -> str | None:
    """Decode UTF-8; undecodable bytes become lone surrogates, as in names of files."""
    return None if piece is None else piece.decode("utf-8", "surrogateescape")


def lines(content: Iterable[bytes]) -> Iterator[tuple[int, str | None]]:
    r"""Yield the lines of a UTF-8 text with their numbers and ends: \n, \r\n or \r.

    If \r and \n arrive in two chunks, the \n follows as a line with the number of the \r. A line of
    more than LONGEST_LINE bytes is None.
    """
    number, rest, returned = 0, _Piece(), False
    for chunk in filter(None, content):
        is_second_half = returned and chunk.startswith(b"\n")
        pieces = chunk.splitlines(keepends=True)
        last = b"" if chunk.endswith((b"\n", b"\r")) else pieces.pop()
        returned = chunk.endswith(b"\r")
        for piece in pieces:
            number += not is_second_half
            is_second_half = False
            yield number, _text(rest.taken(piece))
        rest.add(last)
    final = rest.taken(b"")
    if final != b"":
        yield number + 1, _text(final if final is None else final + b"\n")


def pieces(content: Iterable[bytes], separator: bytes) -> Iterator[bytes | None]:
    """Yield the pieces that each end with a separator; None for one that is as long as no line."""
    rest = _Piece()
    for chunk in content:
        *whole, last = chunk.split(separator)
        for piece in whole:
            yield rest.taken(piece)
        rest.add(last)
    final = rest.taken(b"")
    if final != b"":
        yield final


def items(content: Iterable[bytes]) -> Iterator[tuple[int, str | None]]:
    """Yield the text of each item of a JSON array with its number, as soon as its end is read.

    What follows the array, and an item that is cut off, are items as well: they are no JSON. An
    item of more than LONGEST_LINE bytes is None.
    """
    number, depth, in_string, escaped, item = 1, 0, False, -1, _Piece()
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
                text = _text(item.taken(chunk[start:at]))
                if sign == b"," or number > 1 or text is None or text.strip():
                    yield number, text
                number, start, ended = number + 1, at + 1, sign == b"]"
        item.add(chunk[start:])
        base += len(chunk)
    text = _text(item.taken(b""))
    if text is None:
        yield number, None
    elif depth or text.strip():
        # With the bracket that ended the array, what follows it is no JSON, even if it alone is.
        yield number, "]" * ended + text
