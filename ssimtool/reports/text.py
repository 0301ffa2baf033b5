"""Records as text for programs, and as Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from typing import Any

from ssimtool.catalog import DEFINITIONS
from ssimtool.errors import printable
from ssimtool.readers.options import RECORDED
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.frames import Frames
from ssimtool.records.latents import LatentReport, LatentSummary
from ssimtool.records.loss import Contributions, LossReport, SampleScores
from ssimtool.records.record import Record
from ssimtool.records.verdicts import Failure
from ssimtool.reports.frames import frames_lines
from ssimtool.reports.latents import about_lines, dimension_rows, ends
from ssimtool.reports.rows import (
    Row,
    definition_line,
    depth,
    latent_rows,
    region_lines,
    rows_of,
)
from ssimtool.reports.verdicts import verdict_line
from ssimtool.reports.view import View

NO_VIEW = View()
CR_LF = "\r\n"
# What spreadsheets take for the beginning of a formula (OWASP, CSV Injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Escaped in JSON: the control characters DEL to U+009F, which a terminal obeys; what turns the
# direction of text (Unicode's bidirectional algorithm, UAX 9) and so can hide the end of a name;
# line ends of JavaScript; lone surrogates, of names that are not UTF-8.
ESCAPED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(record: Any, view: View = NO_VIEW) -> str:
    """Return a record as a JSON object over several lines."""
    return _dumped(_finite(asdict(record)), indent=2) + "\n"


def ndjson_text(record: Any, view: View = NO_VIEW) -> str:
    """Return a record as a JSON object on one line."""
    return _dumped(_finite(asdict(record)), indent=None) + "\n"


def csv_text(record: LossReport | LatentReport, view: View) -> str:
    """Return CSV: a line of column names and a line of values.

    The columns depend only on the kind of record. The column of a nested field has a dot in its
    name; lists are JSON. A latent space has a line of values for each dimension.
    """
    if isinstance(record, LatentReport):
        lines = dimension_rows(record)
        return "".join(map(csv_line, (lines[0], *(cells_of(x.values(), view) for x in lines))))
    columns = flat(record)
    return csv_line(columns) + csv_line(cells_of(columns.values(), view))


def flat(record: Record) -> dict[str, Any]:
    """Return the fields of a record but its metrics; each part of a nested field on its own."""
    columns: dict[str, Any] = {}
    for key, value in asdict(record).items():
        if key in NESTED:
            columns |= {f"{key}.{part}": (value or {}).get(part) for part in NESTED[key]}
        elif key != "metrics":
            columns[key] = value
    return columns


def cells_of(values: Iterable[Any], view: View = NO_VIEW) -> list[Any]:
    """Return values as the cells of a table: empty for a missing one, lists as JSON."""
    return [_text(value, view) if isinstance(value, str) else _cell(value) for value in values]


def _text(value: str, view: View) -> str:
    if view.csv.safe and value.startswith(FORMULA_STARTS):
        value = f"'{value}"
    if view.terminal:
        return printable(value)
    # csv quotes line breaks; bytes that are not UTF-8 are escaped
    return value.encode("utf-8", "backslashreplace").decode()


def csv_line(cells: Iterable[Any]) -> str:
    """Return a line of CSV, which ends in LF."""
    line = io.StringIO()
    # Before Python 3.13, only the characters of this end are quoted in a cell.
    csv.writer(line, lineterminator=CR_LF).writerow(cells)
    return line.getvalue().removesuffix(CR_LF) + "\n"


def value_line(record: Comparison, view: View) -> str:
    """Return the bare numbers of one comparison of a batch, on one line; nan for a missing one."""
    return " ".join(repr(record.metrics.get(name, math.nan)) for name in view.requested) + "\n"


def value_text(record: Record, view: View) -> str:
    """Return the bare numbers in the requested order, one per line.

    A figure of a latent space that was not computed is nan.
    """
    numbers = {row.name: row.value for row in rows_of(record)}
    if isinstance(record, LatentReport):
        numbers = {name: math.nan if v is None else v for name, v in numbers.items()}
    return "".join(f"{numbers[name]!r}\n" for name in view.requested if name in numbers)


def markdown_text(record: Record, view: View) -> str:
    """Return a record as a table in GitHub's Markdown."""
    if record.error is not None:
        return f"error `{record.error.code}`: {escaped(record.error.message)}\n"
    lines = [_titles(record), ""]
    if isinstance(record, Comparison):
        about = [*frames_lines(record), *region_lines(record)]
        lines += [*(f"- {role} {escaped(text)}" for role, text in about), *([""] if about else [])]
    lines += ["| metric | value | unit | better |", "|---|---:|---|---|"]
    lines += [f"| {r.title} | {_number(r)} | {r.unit} | {r.better} |" for r in rows_of(record)]
    if isinstance(record, LatentReport):
        lines += ["", *_dimensions(record), "", *(f"- {line}" for line in about_lines(record))]
    else:
        lines += ["", definition_line(record)]
    if isinstance(record, LossReport) and record.latents:
        lines += ["", *(f"- {title} {words}" for title, words in latent_rows(record.latents))]
    lines += [f"- {verdict_line(record, verdict)}" for verdict in record.thresholds]
    return "\n".join(lines) + "\n"


# Nested fields of a record, which have a column for each part.
NESTED = {
    "definition": tuple(parts_of(DEFINITIONS["wang2004"])),
    "reading": RECORDED,
    "contributions": tuple(f.name for f in fields(Contributions)),
    "error": tuple(f.name for f in fields(Failure)),
    "latents": tuple(f.name for f in fields(LatentSummary)),
    "frames": tuple(f.name for f in fields(Frames)),
}


def sample_header(suffix: str) -> str:
    """Return the header of the scores of samples: column names in .csv, nothing in .ndjson."""
    return ",".join(f.name for f in fields(SampleScores)) + "\n" if suffix == ".csv" else ""


def sample_lines(scores: Sequence[SampleScores], suffix: str) -> str:
    """Return a line for each sample with its scores: .csv or .ndjson."""
    if suffix == ".csv":
        return "".join(csv_line(cells_of(astuple(s))) for s in scores)
    return "".join(_dumped(_finite(asdict(s)), indent=None) + "\n" for s in scores)


def _titles(record: Record) -> str:
    if isinstance(record, Comparison):
        size = f"{record.width}x{record.height}, {record.channels} channel(s), {depth(record)}"
        return f"{escaped(record.reference)} against {escaped(record.distorted)}: {size}"
    if isinstance(record, LatentReport):
        size = f"{record.samples} sample(s) of {record.dimensions} dimension(s)"
        return f"{escaped(record.mu)} and {escaped(record.logvar)}: {size}"
    return f"{escaped(record.recon)} against {escaped(record.raw)}: {record.samples} sample(s)"


def _dimensions(record: LatentReport) -> list[str]:
    """Return the dimensions with the most and the least KL, as a table in Markdown."""
    lines = ["| dimension | KL | share | Var(mu) | mean of mu | Var(z) |", f"|{'---:|' * 6}"]
    for one in ends(record):
        cells = "… | | | | |" if one is None else " | ".join(one.cells) + " |"
        lines.append(f"| {cells}")
    return lines


def _number(row: Row) -> str:
    return "not computed" if row.value is None else f"{row.value:.6g}"


def escaped(text: str) -> str:
    """Escape text so that Markdown shows it literally, on one line."""
    special = {c: f"\\{c}" for c in "\\`*_[]<>|#"}
    return "".join(special.get(c, c) for c in printable(text))


def _dumped(value: Any, *, indent: int | None) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    # These occur only in strings. JSON itself escapes the other control characters.
    return ESCAPED.sub(lambda c: f"\\u{ord(c[0]):04x}", text)


def _finite(value: Any) -> Any:
    """Replace each number that JSON cannot represent by None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value


def _cell(value: Any) -> Any:
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, (bool, list, tuple, Mapping)):
        return _dumped(_finite(value), indent=None)
    return repr(value) if isinstance(value, float) else value
