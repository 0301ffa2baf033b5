"""Rows of CSV or TSV (RFC 4180), each as soon as its last line is available."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator

from ssimtool.readers.lists.text import LONGEST_LINE, TOO_LONG

NumberedLine = tuple[int, str | None]  # None: it is too long
UNCLOSED = "unexpected end of data"  # of the csv module


class _TooLongError(Exception):
    """A row is longer than allowed."""


def rows(lines: Iterator[NumberedLine], separator: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the number of each row's first line, and its fields, or in words what is wrong with it.

    A field in quotes may hold line ends, but only if it is closed: of a row whose quote is not
    closed, the next row begins on its second line. A quote that closes a field is followed by a
    separator or a line end.

    Args:
        lines: numbered lines with their ends.
        separator: the separator of the fields.
    """
    again: deque[NumberedLine] = deque()  # lines that a row had taken without being closed
    taken: list[NumberedLine] = []

    def fed() -> Iterator[str]:
        size = 0
        while (line := again.popleft() if again else next(lines, None)) is not None:
            taken.append(line)
            size = len(line[1] or "") + (size if len(taken) > 1 else 0)
            if line[1] is None or size > LONGEST_LINE:
                raise _TooLongError
            yield line[1]

    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(fed(), delimiter=separator, strict=True)
    while True:
        taken.clear()
        try:
            row = next(reader, None)
        except (csv.Error, _TooLongError) as error:
            yield taken[0][0], _fault(error, taken)
            again.extendleft(reversed(taken[1:]))
            reader = csv.reader(fed(), delimiter=separator, strict=True)
            continue
        if row is None:
            return
        yield taken[0][0], row


def _fault(error: Exception, taken: list[NumberedLine]) -> str:
    if len(taken) > 1 or str(error) == UNCLOSED:
        return f"opens a quote that is not closed (searched to line {taken[-1][0]})"
    return TOO_LONG if isinstance(error, _TooLongError) else f"is not CSV ({error})"
