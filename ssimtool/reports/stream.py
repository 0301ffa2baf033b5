"""The formats of a batch that are written record by record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pairs_csv import csv_header, csv_row, tsv_row
from ssimtool.reports.text import ndjson_text, value_line
from ssimtool.reports.view import BatchFormat, View


def whole(
    form: BatchFormat, comparisons: Iterable[Comparison], summary: Summary, view: View
) -> str:
    """Return the whole text of a finished batch, in a format that needs no histogram."""
    lines = form.between.join(form.line(record, view) for record in comparisons)
    end = form.tail(summary, (), view) if form.tail else ""
    return form.head(summary, view) + lines + end


def _json_line(record: Comparison, view: View) -> str:
    return ndjson_text(record, view).rstrip("\n")


def _json_tail(summary: Summary, bins: Sequence[Bin], view: View) -> str:
    return f'\n],\n"summary": {ndjson_text(summary, view).rstrip()}}}\n'


NDJSON = BatchFormat(line=ndjson_text, tail=lambda summary, bins, view: ndjson_text(summary, view))
JSON = BatchFormat(
    head=lambda summary, view: '{"pairs": [\n', line=_json_line, between=",\n", tail=_json_tail
)
# Without the summary: the JSON of `compare` with several images.
ARRAY = BatchFormat(
    head=lambda summary, view: "[\n",
    line=_json_line,
    between=",\n",
    tail=lambda summary, bins, view: "\n]\n",
)
CSV = BatchFormat(head=lambda summary, view: csv_header(view), line=csv_row, waits_for_columns=True)
TSV = BatchFormat(line=tsv_row)
VALUE = BatchFormat(line=value_line)
