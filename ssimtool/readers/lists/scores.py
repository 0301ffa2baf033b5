"""The records that a batch wrote, one a line, back to what they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import read_content, shown
from ssimtool.readers.lists.fields import (
    NUMBER,
    Row,
    UnexpectedError,
    each,
    field,
    needed,
    number,
    numbers,
    texts,
)
from ssimtool.readers.regions import Region, parse_regions
from ssimtool.records.batch import Statistics, Summary, Unmatched, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import EXIT_CODES, Failure, StatisticVerdict, Verdict

COMPARISON, SUMMARY = "ssimtool.comparison/1", "ssimtool.batch.summary/1"
START = b'{"schema"'  # of each record
# Of a definition: what a report tells of it.
PARTS: dict[str, type | tuple[type, ...]] = {
    "name": str, "window": str, "window_size": int, "k1": NUMBER, "k2": NUMBER, "border": str,
}  # fmt: skip
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
    if not isinstance(row, Mapping):
        raise UnexpectedError(f"a {type(row).__name__}, which is no JSON object")
    schema = row.get("schema")
    if schema == COMPARISON:
        return _comparison(row)
    if schema == SUMMARY:
        return _summary(row)
    if schema is None:
        raise UnexpectedError("an object without a schema")
    raise UnexpectedError(f"a record of the schema {printable(str(schema))!r}")


def _comparison(row: Row) -> Comparison:
    status = _status(row)
    channels = field(row, "per_channel", Mapping) or {}
    return Comparison(
        status=status,
        id=field(row, "id", str),
        reference=needed(row, "reference", str),
        distorted=needed(row, "distorted", str),
        width=field(row, "width", int),
        height=field(row, "height", int),
        channels=field(row, "channels", int),
        sample_type=field(row, "sample_type", str),
        data_range=(field if status == "error" else needed)(row, "data_range", NUMBER),
        identical=field(row, "identical", bool),
        metrics=numbers(row, "metrics"),
        per_channel={k: tuple(v) for k, v in channels.items() if isinstance(v, list)},
        definition=_definition(row),
        scales=field(row, "scales", int),
        colour=field(row, "colour", str),
        reading=field(row, "reading", Mapping) or {},
        mask=field(row, "mask", str),
        regions=_regions(row),
        counted=field(row, "counted", NUMBER),
        steps=texts(row, "steps"),
        thresholds=each(row, "thresholds", _verdict),
        map=field(row, "map", str),
        columns={k: str(v) for k, v in (field(row, "columns", Mapping) or {}).items()},
        device=field(row, "device", str),
        backend=field(row, "backend", str),
        precision=field(row, "precision", str),
        version=needed(row, "version", str),
        warnings=texts(row, "warnings"),
        error=_failure(row),
    )


def _regions(row: Row) -> tuple[Region, ...]:
    try:
        return parse_regions(json.dumps(field(row, "regions", list) or []))
    except ValueError as error:
        raise UnexpectedError(f"'regions' of which {printable(str(error))}") from None


def _definition(row: Row) -> Row | None:
    definition: Row | None = field(row, "definition", Mapping)
    if definition is not None:
        for name, kind in PARTS.items():
            needed(definition, name, kind)
        if "sigma" not in definition:
            raise UnexpectedError("a definition without 'sigma'")
        field(definition, "sigma", NUMBER)  # None of a uniform window
    return definition


def _summary(row: Row) -> Summary:
    unmatched = field(row, "unmatched", Mapping) or {}
    metrics = field(row, "metrics", Mapping) or {}
    return Summary(
        status=_status(row),
        pairs=needed(row, "pairs", int),
        ok=needed(row, "ok", int),
        fail=needed(row, "fail", int),
        error=needed(row, "error", int),
        unmatched=Unmatched(texts(unmatched, "reference"), texts(unmatched, "distorted")),
        metrics={k: _statistics(v) for k, v in metrics.items() if isinstance(v, Mapping)},
        worst=each(row, "worst", _worst),
        thresholds=each(row, "thresholds", _statistic_verdict),
        interrupted=bool(field(row, "interrupted", bool)),
        elapsed_seconds=field(row, "elapsed_seconds", NUMBER),
        version=needed(row, "version", str),
    )


def _statistics(row: Row) -> Statistics:
    names = Statistics.__dataclass_fields__
    return Statistics(**{name: field(row, name, NUMBER) for name in names})


def _worst(row: Row) -> Worst:
    paths = needed(row, "reference", str), needed(row, "distorted", str)
    return Worst(field(row, "id", str), *paths, needed(row, "metric", str), number(row, "value"))


def _verdict(row: Row) -> Verdict:
    metric, op = needed(row, "metric", str), needed(row, "op", str)
    return Verdict(metric, _op(op), number(row, "value"), needed(row, "holds", bool))


def _statistic_verdict(row: Row) -> StatisticVerdict:
    of_all = _verdict(row)
    return StatisticVerdict(
        needed(row, "statistic", str),
        of_all.metric,
        of_all.op,
        of_all.value,
        field(row, "found", NUMBER),
        of_all.holds,
    )


def _op(word: str) -> Any:
    if word not in ("under", "over"):
        raise UnexpectedError(f"the comparison {printable(word)!r}, neither under nor over")
    return word


def _failure(row: Row) -> Failure | None:
    error = field(row, "error", Mapping)
    if (error is not None) != (row["status"] == "error"):
        raise UnexpectedError("a status and an error that do not go together")
    if error is None:
        return None
    return Failure(needed(error, "code", str), needed(error, "message", str))


def _status(row: Row) -> Any:
    status = needed(row, "status", str)
    if status not in EXIT_CODES:
        raise UnexpectedError(f"the status {printable(status)!r}, none of {', '.join(EXIT_CODES)}")
    return status
