"""A batch of comparisons that was read back, as text: Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pairs_csv import own_columns
from ssimtool.reports.stream import CSV, JSON, TSV, whole
from ssimtool.reports.summary_markdown import summary_markdown
from ssimtool.reports.text import escaped
from ssimtool.reports.view import BatchFormat, View

if TYPE_CHECKING:
    from ssimtool.reports.pictures import Case

LISTED = 20  # maximum number of errors in a terminal


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Content of a report.

    Args:
        source: name of the source of the records.
        comparisons: the records, in order.
        summary: their summary.
        bins: histogram of their first metric.
        notes: warnings about the source.
        pictures: function that takes the JSON block of a page and returns the pictures of the worst
            pairs, small enough for a page with this block. Only a page calls it, because it reads
            images.
    """

    source: str
    comparisons: Sequence[Comparison]
    summary: Summary
    bins: Sequence[Bin]
    notes: Sequence[str]
    pictures: Callable[[str], Sequence[Case]]


def csv_of(overview: Overview, view: View) -> str:
    """Return CSV: a header line, and a line for each comparison."""
    columns = own_columns(overview.comparisons)
    return whole(CSV, overview.comparisons, overview.summary, replace(view, columns=columns))


def tsv_of(overview: Overview, view: View) -> str:
    """Return a line for each comparison: the distorted image and its metrics, between tabs."""
    return whole(TSV, overview.comparisons, overview.summary, view)


def json_of(overview: Overview, view: View) -> str:
    """Return one JSON object: the comparisons in order, one per line, and the summary."""
    return whole(JSON, overview.comparisons, overview.summary, view)


def markdown_of(overview: Overview, view: View) -> str:
    """Return the summary as tables in GitHub's Markdown, and the errors."""
    errors = [f"- {escaped(line)}" for line in error_lines(overview.comparisons)]
    listed = "\n".join(["", "Errors:", "", *errors, ""]) if errors else ""
    return summary_markdown(overview.summary) + listed


def error_lines(comparisons: Iterable[Comparison]) -> list[str]:
    """Return a line for each error."""
    return [f"{r.error.code}: {printable(r.error.message)}" for r in comparisons if r.error]


MARKDOWN = BatchFormat(tail=lambda summary, bins, view: summary_markdown(summary))
