"""The records that a batch wrote, one a line, back to what they were."""

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

START = b'{"schema"'  # of each record
Line = Comparison | Summary


@dataclass(frozen=True)
class ReportedDefinition:
    """The parts of a definition that a report shows; `sigma` is null for a uniform window."""

    name: str
    window: str
    window_size: int
    sigma: float | None
    k1: float
    k2: float
    border: str


@dataclass(frozen=True)
class Scores:
    """What a file of scores holds, in its order.

    `summary` is the one that counts all of them, None where there is none; `cut` says that the file
    ends within a line, which is left out.
    """

    comparisons: tuple[Comparison, ...]
    summary: Summary | None
    cut: bool


def read_scores(path: str) -> Scores:
    """A file that `ssimtool batch` wrote, or several in a row, or `-` for standard input.

    Args:
        path: of NDJSON: comparisons, and summaries. Fields that are not known are passed over, a
            last line without its end may be cut off.

    Raises:
        SsimtoolError: it cannot be read, or is something else; the message names the line.
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
            f"{name}: holds no record, expected NDJSON as ssimtool batch writes it; "
            "give the file that batch wrote",
        )
    comparisons = tuple(line for line in read if isinstance(line, Comparison))
    end = read[-1]
    summary = end if isinstance(end, Summary) and end.pairs == len(comparisons) else None
    return Scores(comparisons, summary, cut)


def _is_cut(line: bytes) -> bool:
    """Whether a line is the beginning of a record, as a run that was killed leaves it."""
    try:
        json.loads(line)
    except ValueError:
        return START.startswith(line[: len(START)])
    return False


def _line(name: str, number: int, line: bytes) -> Line:
    try:
        row = json.loads(line, parse_constant=_not_json)
        return _read(row)
    except (ValueError, RecursionError):
        found = f"{printable(line[:24].decode('utf-8', 'replace'))!r}, which is no JSON object"
    except UnexpectedError as error:
        found = str(error)
    raise SsimtoolError(
        "unsupported",
        f"{name}: line {number} holds {found}; expected a record of ssimtool batch or of "
        "ssimtool compare -f ndjson on each line: give such a file",
    )


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _read(row: object) -> Line:
    if not isinstance(row, dict):
        raise UnexpectedError(f"a {type(row).__name__}, which is no JSON object")
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
    """Raise where the fields of a record do not go together, or are none that a batch writes."""
    if (comparison.status == "error") != (comparison.error is not None):
        raise UnexpectedError("a status and an error that do not go together")
    if comparison.status != "error" and comparison.data_range is None:
        raise UnexpectedError("an object without 'data_range'")
    for region in comparison.regions:
        try:
            parse_region(",".join(map(str, region)))
        except ValueError as error:
            raise UnexpectedError(f"'regions' of which {printable(str(error))}") from None
    if comparison.definition is not None:
        decode(ReportedDefinition, comparison.definition, "definition")
