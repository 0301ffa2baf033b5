"""The records that a batch wrote, one a line, back to what they were."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import read_content, shown
from ssimtool.records import (
    EXIT_CODES,
    Comparison,
    Failure,
    Statistics,
    StatisticVerdict,
    Summary,
    Unmatched,
    Verdict,
    Worst,
)

COMPARISON, SUMMARY = "ssimtool.comparison/1", "ssimtool.summary/1"
START = b'{"schema"'  # of each record
NUMBER = (int, float)
LARGEST = 10**300
# Of a definition: what a report tells of it.
PARTS: dict[str, type | tuple[type, ...]] = {
    "name": str, "window": str, "window_size": int, "k1": NUMBER, "k2": NUMBER, "border": str,
}  # fmt: skip
Row = Mapping[str, Any]
Line = Comparison | Summary


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


class _UnexpectedError(Exception):
    """What was found on a line, and what was expected."""


def _line(name: str, number: int, line: bytes) -> Line:
    try:
        row = json.loads(line, parse_constant=_not_json)
        return _read(row)
    except (ValueError, RecursionError):
        found = f"{printable(line[:24].decode('utf-8', 'replace'))!r}, which is no JSON object"
    except _UnexpectedError as error:
        found = str(error)
    raise SsimtoolError(
        "unsupported",
        f"{name}: line {number} holds {found}; expected a record of ssimtool batch or of "
        "ssimtool compare -f ndjson on each line: give such a file",
    )


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _read(row: object) -> Line:
    if not isinstance(row, Mapping):
        raise _UnexpectedError(f"a {type(row).__name__}, which is no JSON object")
    schema = row.get("schema")
    if schema == COMPARISON:
        return _comparison(row)
    if schema == SUMMARY:
        return _summary(row)
    if schema is None:
        raise _UnexpectedError("an object without a schema")
    raise _UnexpectedError(f"a record of the schema {printable(str(schema))!r}")


def _comparison(row: Row) -> Comparison:
    status = _status(row)
    channels = _field(row, "per_channel", Mapping) or {}
    return Comparison(
        status=status,
        id=_field(row, "id", str),
        reference=_needed(row, "reference", str),
        distorted=_needed(row, "distorted", str),
        width=_field(row, "width", int),
        height=_field(row, "height", int),
        channels=_field(row, "channels", int),
        sample_type=_field(row, "sample_type", str),
        data_range=(_field if status == "error" else _needed)(row, "data_range", NUMBER),
        identical=_field(row, "identical", bool),
        metrics=_numbers(row, "metrics"),
        per_channel={k: tuple(v) for k, v in channels.items() if isinstance(v, list)},
        definition=_definition(row),
        colour=_field(row, "colour", str),
        reading=_field(row, "reading", Mapping) or {},
        steps=_texts(row, "steps"),
        thresholds=_each(row, "thresholds", _verdict),
        map=_field(row, "map", str),
        columns={k: str(v) for k, v in (_field(row, "columns", Mapping) or {}).items()},
        device=_field(row, "device", str),
        kernel=_field(row, "kernel", str),
        version=_needed(row, "version", str),
        warnings=_texts(row, "warnings"),
        error=_failure(row),
    )


def _definition(row: Row) -> Row | None:
    definition: Row | None = _field(row, "definition", Mapping)
    if definition is not None:
        for name, kind in PARTS.items():
            _needed(definition, name, kind)
        if "sigma" not in definition:
            raise _UnexpectedError("a definition without 'sigma'")
        _field(definition, "sigma", NUMBER)  # None of a uniform window
    return definition


def _summary(row: Row) -> Summary:
    unmatched = _field(row, "unmatched", Mapping) or {}
    metrics = _field(row, "metrics", Mapping) or {}
    return Summary(
        status=_status(row),
        pairs=_needed(row, "pairs", int),
        ok=_needed(row, "ok", int),
        fail=_needed(row, "fail", int),
        error=_needed(row, "error", int),
        unmatched=Unmatched(_texts(unmatched, "reference"), _texts(unmatched, "distorted")),
        metrics={k: _statistics(v) for k, v in metrics.items() if isinstance(v, Mapping)},
        worst=_each(row, "worst", _worst),
        thresholds=_each(row, "thresholds", _statistic_verdict),
        interrupted=bool(_field(row, "interrupted", bool)),
        elapsed_seconds=_field(row, "elapsed_seconds", NUMBER),
        version=_needed(row, "version", str),
    )


def _statistics(row: Row) -> Statistics:
    names = Statistics.__dataclass_fields__
    return Statistics(**{name: _field(row, name, NUMBER) for name in names})


def _worst(row: Row) -> Worst:
    paths = _needed(row, "reference", str), _needed(row, "distorted", str)
    return Worst(_field(row, "id", str), *paths, _needed(row, "metric", str), _number(row, "value"))


def _verdict(row: Row) -> Verdict:
    metric, op = _needed(row, "metric", str), _needed(row, "op", str)
    return Verdict(metric, _op(op), _number(row, "value"), _needed(row, "holds", bool))


def _statistic_verdict(row: Row) -> StatisticVerdict:
    of_all = _verdict(row)
    return StatisticVerdict(
        _needed(row, "statistic", str),
        of_all.metric,
        of_all.op,
        of_all.value,
        _field(row, "found", NUMBER),
        of_all.holds,
    )


def _op(word: str) -> Any:
    if word not in ("under", "over"):
        raise _UnexpectedError(f"the comparison {printable(word)!r}, neither under nor over")
    return word


def _failure(row: Row) -> Failure | None:
    error = _field(row, "error", Mapping)
    if (error is not None) != (row["status"] == "error"):
        raise _UnexpectedError("a status and an error that do not go together")
    if error is None:
        return None
    return Failure(_needed(error, "code", str), _needed(error, "message", str))


def _status(row: Row) -> Any:
    status = _needed(row, "status", str)
    if status not in EXIT_CODES:
        raise _UnexpectedError(f"the status {printable(status)!r}, none of {', '.join(EXIT_CODES)}")
    return status


def _numbers(row: Row, name: str) -> dict[str, float]:
    numbers = _field(row, name, Mapping) or {}
    return {key: _number(numbers, key) for key in numbers}


def _number(row: Row, name: str) -> float:
    """A number; JSON has no infinity, and null stands for it (PSNR of identical images)."""
    value = _field(row, name, NUMBER)
    return math.inf if value is None else value


def _texts(row: Row, name: str) -> tuple[str, ...]:
    found = _field(row, name, list) or []
    if not all(isinstance(text, str) for text in found):
        raise _UnexpectedError(f"something else than texts as {name!r}")
    return tuple(found)


def _each(row: Row, name: str, read: Callable[[Row], Any]) -> tuple[Any, ...]:
    found = _field(row, name, list) or []
    if not all(isinstance(part, Mapping) for part in found):
        raise _UnexpectedError(f"something else than objects as {name!r}")
    return tuple(read(part) for part in found)


def _field(row: Row, name: str, kind: type | tuple[type, ...]) -> Any:
    value = row.get(name)
    if value is None:
        return None
    # true is an int to Python, and not to JSON; numbers beyond floats come from no record
    number = isinstance(value, NUMBER) and not isinstance(value, bool)
    fits = abs(value) < LARGEST if number else kind is bool or not isinstance(value, bool)
    if isinstance(value, kind) and fits:
        return value
    raise _UnexpectedError(f"{printable(repr(value))[:40]} as {name!r}")


def _needed(row: Row, name: str, kind: type | tuple[type, ...]) -> Any:
    value = _field(row, name, kind)
    if value is None:
        raise _UnexpectedError(f"an object without {name!r}")
    return value
