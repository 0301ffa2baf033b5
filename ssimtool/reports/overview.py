"""Many comparisons that were read back, as text: Markdown, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.stream import CSV, JSON, whole
from ssimtool.reports.summary_markdown import summary_markdown
from ssimtool.reports.text import escaped
from ssimtool.reports.view import BatchFormat, View

if TYPE_CHECKING:
    from ssimtool.reports.pictures import Case

LISTED = 20  # errors, where a person reads them


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What a report shows.

    Args:
        source: name of what was read.
        comparisons: all of them, in order.
        summary: of them.
        bins: histogram of their first metric.
        notes: warnings about the source.
        pictures: gives the pictures of the pairs that score worst, small enough to stand in a page
            beside a text. Only a page calls it, as it reads images.
    """

    source: str
    comparisons: Sequence[Comparison]
    summary: Summary
    bins: Sequence[Bin]
    notes: Sequence[str]
    pictures: Callable[[str], Sequence[Case]]


def csv_of(overview: Overview, view: View) -> str:
    """A line of column names and a line for each comparison."""
    return whole(CSV, overview.comparisons, overview.summary, view)


def json_of(overview: Overview, view: View) -> str:
    """One object: the comparisons in their order, one a line, and the summary."""
    return whole(JSON, overview.comparisons, overview.summary, view)


def markdown_of(overview: Overview, view: View) -> str:
    """The summary as tables in GitHub's Markdown, and the errors."""
    errors = [f"- {escaped(line)}" for line in error_lines(overview.comparisons)]
    listed = "\n".join(["", "Errors:", "", *errors, ""]) if errors else ""
    return summary_markdown(overview.summary) + listed


def error_lines(comparisons: Iterable[Comparison]) -> list[str]:
    """The errors, a line each."""
    return [f"{r.error.code}: {printable(r.error.message)}" for r in comparisons if r.error]


MARKDOWN = BatchFormat(tail=lambda summary, bins, view: summary_markdown(summary))
