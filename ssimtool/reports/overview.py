"""Many comparisons as text: CSV, JSON, Markdown and a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from rich import box
from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from ssimtool.catalog import METRICS
from ssimtool.errors import printable
from ssimtool.records import Comparison, StatisticVerdict, Summary
from ssimtool.reports.table import rendered
from ssimtool.reports.text import csv_text, escaped, ndjson_text

COUNTS = ("pairs", "ok", "fail", "error")
LISTED = 20  # of errors and of files without a partner, where a person reads them


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
    """The summary, and the pairs that score worst, as tables in GitHub's Markdown."""
    head = [f"{getattr(summary, name):,} {name}" for name in COUNTS]
    unmatched = _unmatched(summary)
    lines = [", ".join([*head, *([f"{len(unmatched):,} unmatched"] if unmatched else [])]), ""]
    lines += [f"- {verdict_line(verdict)}" for verdict in summary.thresholds]
    lines += _markdown(*_statistics(summary)) + _markdown(*_worst(summary))
    for title, found in (("Errors", _errors(comparisons)), ("Without a partner", unmatched)):
        if found:
            lines += ["", f"{title}:", "", *(f"- {escaped(line)}" for line in found)]
    return "\n".join(lines) + "\n"


def table_of(
    comparisons: Sequence[Comparison], summary: Summary, *, width: int, colour: bool
) -> str:
    """The same as a person reads it, with the first errors.

    Args:
        comparisons: all of them.
        summary: of them.
        width: of the terminal, in columns.
        colour: whether escape sequences for colour may stand in it.
    """
    counts = "   ".join(f"{name} {getattr(summary, name):,}" for name in COUNTS)
    unmatched = _unmatched(summary)
    parts: list[RenderableType] = [
        Text(counts + (f"   unmatched {len(unmatched):,}" if unmatched else ""), "bold")
    ]
    for titles, rows in (_statistics(summary), _worst(summary)):
        if rows:
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
            for title in titles:
                numbers = title not in ("Metric", "Reference", "Distorted")
                justify: JustifyMethod = "right" if numbers else "left"
                table.add_column(title, justify=justify, no_wrap=numbers, overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            parts.append(table)
    parts += [
        Text(verdict_line(verdict), "green" if verdict.holds else "bold red")
        for verdict in summary.thresholds
    ]
    for title, found in (("error", _errors(comparisons)), ("no partner", unmatched)):
        parts += [Text(f"{title}: {line}") for line in found[:LISTED]]
        if len(found) > LISTED:
            parts.append(Text(f"… and {len(found) - LISTED:,} more", "dim"))
    return rendered(Group(*parts), width=width, colour=colour)


# Those that need no width: the format `table` has a function of its own.
FORMATS: dict[str, Callable[[Sequence[Comparison], Summary], str]] = {
    "csv": csv_of,
    "json": json_of,
    "markdown": markdown_of,
}


def verdict_line(verdict: StatisticVerdict) -> str:
    """A threshold on a statistic in words."""
    word = "holds" if verdict.holds else "FAILS"
    limit = "at least" if verdict.op == "under" else "at most"
    what = f"{verdict.statistic} of {verdict.metric} {_number(verdict.found)}"
    return f"{word}: {what}, asked for {limit} {verdict.value:g}"


def _nothing(summary: Summary) -> Comparison:
    return Comparison(status="ok", reference="", distorted="", version=summary.version)


def _number(value: float | None) -> str:
    return "-" if value is None else "inf" if math.isinf(value) else f"{value:.5g}"


def _statistics(summary: Summary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    shown = ("mean", "std", "min", "p5", "median", "p95", "max")
    rows: list[tuple[str, ...]] = [
        (_title(name), *(_number(getattr(found, part)) for part in shown))
        for name, found in summary.metrics.items()
    ]
    return ("Metric", *shown), rows


def _worst(summary: Summary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    title = _title(summary.worst[0].metric) if summary.worst else ""
    rows: list[tuple[str, ...]] = [
        (_number(pair.value), printable(pair.reference), printable(pair.distorted))
        for pair in summary.worst
    ]
    return (f"Worst {title}", "Reference", "Distorted"), rows


def _title(name: str) -> str:
    return METRICS[name].title if name in METRICS else name


def _errors(comparisons: Iterable[Comparison]) -> list[str]:
    return [f"{r.error.code}: {printable(r.error.message)}" for r in comparisons if r.error]


def _unmatched(summary: Summary) -> list[str]:
    return [printable(p) for p in (*summary.unmatched.reference, *summary.unmatched.distorted)]


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(map(escaped, row)) + " |" for row in rows]
    return ["", *lines]
