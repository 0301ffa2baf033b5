"""Read back the records of a batch, one a line."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import read_content, shown
from ssimtool.readers.lists.decode import UnexpectedError
from ssimtool.readers.lists.records import Line, read_record
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison

RECORD_START = b'{"schema"'  # the beginning of each record


@dataclass(frozen=True)
class Scores:
    """Records of a file, in its order.

    `summary` is the summary of all comparisons, or None. `cut` is true if the file ends within a
    line; that line is left out.
    """

    comparisons: tuple[Comparison, ...]
    summary: Summary | None
    cut: bool


def read_scores(path: str, *, max_bytes: int | None = None) -> Scores:
    """Read a file of `ssimtool batch`, several of them in a row, or `-` for standard input.

    Args:
        path: NDJSON of comparisons and summaries. Unknown fields are ignored, and the last line
            may be cut off.
        max_bytes: reject a file of more bytes; 0 is no limit, None 4 GB or half the memory.

    Raises:
        SsimtoolError: the file cannot be read, or a line is not a record; the message names it.
    """
    name = shown(path)
    *lines, last = read_content(path, max_bytes=max_bytes, may_grow=True)[:].split(b"\n")
    read = [_line(name, i, line) for i, line in enumerate(lines, 1) if line.strip()]
    cut = False
    if last.strip():
        try:
            read.append(_line(name, len(lines) + 1, last))
        except SsimtoolError:
            if not read or not _is_cut(last):
                raise
            cut = True
    if not read:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has no record, expected NDJSON as ssimtool batch writes it; "
            "use the output of batch",
        )
    comparisons = tuple(line for line in read if isinstance(line, Comparison))
    end = read[-1]
    summary = end if isinstance(end, Summary) and end.pairs == len(comparisons) else None
    return Scores(comparisons, summary, cut)


def _is_cut(line: bytes) -> bool:
    """Whether a line is the beginning of a record, as a killed run leaves it."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return RECORD_START.startswith(line[: len(RECORD_START)])
    return False


def _line(name: str, number: int, line: bytes) -> Line:
    try:
        return read_record(line)[1]
    except UnexpectedError as error:
        raise SsimtoolError(
            "unsupported",
            f"{name}: line {number} holds {error}, expected a record of ssimtool batch or of "
            "ssimtool compare -f ndjson on each line; use such a file",
        ) from None
