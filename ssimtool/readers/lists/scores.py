"""Read back the records of a batch, one a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NoReturn

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import read_content, shown
from ssimtool.readers.lists.decode import UnexpectedError, decode
from ssimtool.readers.regions import parse_region
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison

RECORD_START = b'{"schema"'  # the beginning of each record
Line = Comparison | Summary


@dataclass(frozen=True)
class ReportedDefinition:
    """Parts of a definition that a report shows; `sigma` is null for a uniform window."""

    name: str
    window: str
    window_size: int
    sigma: float | None
    k1: float
    k2: float
    border: str


@dataclass(frozen=True)
class Scores:
    """Records of a file, in its order.

    `summary` is the summary of all comparisons, or None. `cut` is true if the file ends within a
    line; that line is left out.
    """

    comparisons: tuple[Comparison, ...]
    summary: Summary | None
    cut: bool


def read_scores(path: str) -> Scores:
    """Read a file of `ssimtool batch`, several of them in a row, or `-` for standard input.

    Args:
        path: NDJSON of comparisons and summaries. Unknown fields are ignored, and the last line
            may be cut off.

    Raises:
        SsimtoolError: the file cannot be read, or a line is not a record; the message names it.
    """
    name = shown(path)
    *lines, last = read_content(path)[:].split(b"\n")
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
    except ValueError:
        return RECORD_START.startswith(line[: len(RECORD_START)])
    return False


def _line(name: str, number: int, line: bytes) -> Line:
    try:
        row = json.loads(line, parse_constant=_not_json)
        return _read(row)
    except (ValueError, RecursionError):
        content = f"{printable(line[:24].decode('utf-8', 'replace'))!r}, which is not a JSON object"
    except UnexpectedError as error:
        content = str(error)
    raise SsimtoolError(
        "unsupported",
        f"{name}: line {number} holds {content}, expected a record of ssimtool batch or of "
        "ssimtool compare -f ndjson on each line; use such a file",
    )


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _read(row: object) -> Line:
    if not isinstance(row, dict):
        raise UnexpectedError(f"a {type(row).__name__}, which is not a JSON object")
    schema = row.get("schema")
    if schema is None:
        raise UnexpectedError("an object without a schema")
    if schema == Summary.schema:
        return decode(Summary, row)
    if schema != Comparison.schema:
        raise UnexpectedError(f"a record of the schema {printable(str(schema))!r}")
    comparison = decode(Comparison, row)
    _check(comparison)
    return comparison


def _check(comparison: Comparison) -> None:
    """Check that the fields of a record are consistent and could come from a batch."""
    if (comparison.status == "error") != (comparison.error is not None):
        raise UnexpectedError("a status and an error that contradict each other")
    if comparison.status != "error" and comparison.data_range is None:
        raise UnexpectedError("an object without 'data_range'")
    for region in comparison.regions:
        try:
            parse_region(",".join(map(str, region)))
        except ValueError as error:
            raise UnexpectedError(f"'regions' with an error: {printable(str(error))}") from None
    if comparison.definition is not None:
        decode(ReportedDefinition, comparison.definition, "definition")
