"""Many comparisons as text that is written as they come: what stands above, between and below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.text import csv_header, csv_row, ndjson_text, value_line

Names = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class StreamFormat:
    """`line` is a record, with `between` before each but the first; `names` are the metrics. `tail`
    is None where the summary has no place."""

    line: Callable[[Comparison, Names], str]
    head: Callable[[Names], str] = lambda names: ""
    between: str = ""
    tail: Callable[[Summary], str] | None = None


def _json_line(record: Comparison, names: Names) -> str:
    return ndjson_text(record, names).rstrip("\n")


def _json_tail(summary: Summary) -> str:
    return f'\n],\n"summary": {ndjson_text(summary, ()).rstrip()}}}\n'


STREAMS: dict[str, StreamFormat] = {
    "ndjson": StreamFormat(line=ndjson_text, tail=lambda summary: ndjson_text(summary, ())),
    "json": StreamFormat(
        line=_json_line, head=lambda names: '{"pairs": [\n', between=",\n", tail=_json_tail
    ),
    "csv": StreamFormat(line=csv_row, head=csv_header),
    "value": StreamFormat(line=value_line),
}
# What a file is written in by its suffix, where the summary is what is shown.
SUFFIXES = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
}
