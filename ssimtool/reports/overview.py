"""Many comparisons as text: CSV, JSON, Markdown and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Group
from rich.text import Text

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.summary import summary_markdown, summary_table
from ssimtool.reports.table import rendered
from ssimtool.reports.text import csv_text, escaped, ndjson_text

LISTED = 20  # errors, where a person reads them


def csv_of(comparisons: Sequence[Comparison], summary: Summary) -> str:
    """A line of column names and a line for each comparison."""
    names = tuple(summary.metrics)
    header = csv_text(_nothing(summary), names).partition("\n")[0]
    lines = (csv_text(record, names).partition("\n")[2] for record in comparisons)
    return f"{header}\n{''.join(lines)}"


def json_of(comparisons: Sequence[Comparison], summary: Summary) -> str:
    """One object: the comparisons in their order, one a line, and the summary."""
    rows = ",\n".join(ndjson_text(record, ()).rstrip("\n") for record in comparisons)
    return f'{{"pairs": [\n{rows}\n],\n"summary": {ndjson_text(summary, ()).rstrip()}}}\n'


def markdown_of(comparisons: Sequence[Comparison], summary: Summary) -> str:
    """The summary as tables in GitHub's Markdown, and the errors."""
    errors = [f"- {escaped(line)}" for line in _errors(comparisons)]
    listed = "\n".join(["", "Errors:", "", *errors, ""]) if errors else ""
    return summary_markdown(summary) + listed


def table_of(
    comparisons: Sequence[Comparison],
    summary: Summary,
    bins: Sequence[Bin],
    *,
    width: int,
    colour: bool,
) -> str:
    """The summary as a person reads it, with the first errors.

    Args:
        comparisons: all of them.
        summary: of them.
        bins: the histogram of their first metric.
        width: of the terminal, in columns.
        colour: whether escape sequences for colour may stand in it.
    """
    errors = _errors(comparisons)
    parts = [Text(f"error: {line}") for line in errors[:LISTED]]
    if len(errors) > LISTED:
        parts.append(Text(f"… and {len(errors) - LISTED:,} more", "dim"))
    shown = summary_table(summary, bins, width=width, colour=colour)
    return shown + (rendered(Group(*parts), width=width, colour=colour) if parts else "")


# Those that need no width: the format `table` has a function of its own.
FORMATS: dict[str, Callable[[Sequence[Comparison], Summary], str]] = {
    "csv": csv_of,
    "json": json_of,
    "markdown": markdown_of,
}


def _nothing(summary: Summary) -> Comparison:
    return Comparison(status="ok", reference="", distorted="", version=summary.version)


def _errors(comparisons: Iterable[Comparison]) -> list[str]:
    return [f"{r.error.code}: {printable(r.error.message)}" for r in comparisons if r.error]
