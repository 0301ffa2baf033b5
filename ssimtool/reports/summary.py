"""The summary of a batch for a terminal: tables, a histogram, and the worst pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary, Worst
from ssimtool.records.statistics import STATISTICS, Statistics
from ssimtool.reports.grids import LEAST, UNLIMITED, rendered
from ssimtool.reports.overview import LISTED, Overview, error_lines
from ssimtool.reports.rows import (
    counts_line,
    lowest_title,
    reason_lines,
    shown_number,
    title_of,
)
from ssimtool.reports.unmatched import sides_of
from ssimtool.reports.verdicts import statistic_line
from ssimtool.reports.view import BatchFormat, View

NAMED = 10  # maximum number of unmatched files in the list
BAR = 40  # columns of the longest bar
BETWEEN = 3  # columns between two columns of a table
FIRST = 2 + max(map(len, STATISTICS))  # columns of the names, with the edges
EIGHTHS = "▏▎▍▌▋▊▉█"


def summary_table(summary: Summary, bins: Sequence[Bin], *, width: int | None, colour: bool) -> str:
    """Return the summary as tables.

    Args:
        summary: the summary of a batch.
        bins: the histogram of its first metric; empty for none.
        width: of the terminal, in columns; None: not a terminal, so that no line is wrapped.
        colour: whether the text may contain escape sequences for colour.
    """
    columns = UNLIMITED if width is None else max(width, LEAST)
    parts: list[RenderableType] = [_counts(summary)]
    if any(s.mean is not None for s in summary.metrics.values()):
        parts += _statistics(summary, columns)
        parts += map(Text, reason_lines(summary))
    parts += _histogram(summary, bins, columns) + _worst(summary.worst, columns)
    parts += _unmatched(summary)
    for verdict in summary.thresholds:
        style = "green" if verdict.holds else "bold red"
        parts.append(Text(statistic_line(verdict), style))
    return rendered(Group(*parts), width=width, colour=colour)


def _counts(summary: Summary) -> Text:
    style = {"ok": "green", "fail": "bold red", "error": "bold red"}[summary.status]
    return Text(counts_line(summary), "yellow" if summary.interrupted else style)


def _statistics(summary: Summary, width: int) -> list[RenderableType]:
    """Return tables of the statistics, a column for each metric, split to fit the width."""
    tables: list[RenderableType] = []
    used, of_table = width, dict[str, Statistics]()
    for name, statistics in summary.metrics.items():
        columns = max(map(len, (title_of(name), *_numbers(statistics)))) + BETWEEN
        if of_table and used + columns > width:
            tables.append(_statistics_table(of_table))
            of_table = {}
        used = columns + (used if of_table else FIRST)
        of_table[name] = statistics
    return [*tables, _statistics_table(of_table)]


def _numbers(statistics: Statistics) -> list[str]:
    return [shown_number(getattr(statistics, part)) for part in STATISTICS]


def _statistics_table(metrics: Mapping[str, Statistics]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for name in metrics:
        table.add_column(title_of(name), justify="right", no_wrap=True)
    for part, *numbers in zip(STATISTICS, *map(_numbers, metrics.values()), strict=True):
        table.add_row(*(Text(text, "bold" if part == "mean" else "") for text in (part, *numbers)))
    return table


def _histogram(summary: Summary, bins: Sequence[Bin], width: int) -> list[RenderableType]:
    if not bins or not summary.metrics:
        return []
    rows = [(f"{b.low:.4f} to {b.high:.4f}", f"{b.count}") for b in bins]
    title = Text(f"Distribution of {title_of(next(iter(summary.metrics)))}", "bold")
    room = width - sum(max(map(len, column)) + 1 for column in zip(*rows, strict=True))
    if room < 1:
        return [title, *(Text(f"{edges}: {count}") for edges, count in rows), Text("")]
    most = max(b.count for b in bins)
    table = Table.grid(padding=(0, 1))
    for justify in ("right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for cells, b in zip(rows, bins, strict=True):
        table.add_row(*cells, Text(_bar(b.count / most, min(BAR, room)), "cyan"))
    return [title, table, Text("")]


def _bar(part: float, width: int) -> str:
    eighths = round(part * width * 8)
    if part and not eighths:
        eighths = 1
    rest = EIGHTHS[eighths % 8 - 1] if eighths % 8 else ""
    return "█" * (eighths // 8) + rest


def _worst(worst: Sequence[Worst], width: int) -> list[RenderableType]:
    if not worst:
        return []
    named = any(pair.id is not None for pair in worst)
    rows = [_names(pair, named) for pair in worst]
    longest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column(title_of(worst[0].metric), justify="right", no_wrap=True)
    titles = ["Id", "Reference", "Distorted"][-len(longest) :]
    if sum(longest) + 3 * len(longest) + 12 <= width:
        for title in titles:
            table.add_column(title)
    else:  # one below the other
        table.add_column(", ".join(titles), overflow="fold")
        rows = [("\n".join(names),) for names in rows]
    for pair, names in zip(worst, rows, strict=True):
        table.add_row(f"{pair.value:.6g}", *map(Text, names))
    return [Text(lowest_title(worst[0].metric), "bold"), table]


def _names(pair: Worst, named: bool) -> tuple[str, ...]:
    names = (pair.reference, pair.distorted)
    return tuple(map(printable, (pair.id or "", *names) if named else names))


def _unmatched(summary: Summary) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for side in sides_of(summary.unmatched):
        if side.paths:
            style = "bold red" if side.fails else "bold"
            title = f"{side.name.capitalize()} ({side.reason}): {len(side.paths)}"
            parts.append(Text(title, style))
            parts += [Text(f"  {printable(path)}") for path in side.paths[:NAMED]]
            more = len(side.paths) - NAMED
            parts += [Text(f"  and {more} more")] if more > 0 else []
    return parts


def table_of(overview: Overview, view: View) -> str:
    """Return the summary as tables, with the first errors."""
    problem = overview.summary.problem
    errors = [f"{problem.code}: {printable(problem.message)}"] if problem is not None else []
    errors += error_lines(overview.comparisons)
    parts = [Text(f"error: {line}") for line in errors[:LISTED]]
    if len(errors) > LISTED:
        parts.append(Text(f"… and {len(errors) - LISTED:,} more", "dim"))
    table = _table(overview.summary, overview.bins, view)
    below = rendered(Group(*parts), width=view.width, colour=view.colour) if parts else ""
    return table + below


def _table(summary: Summary, bins: Sequence[Bin], view: View) -> str:
    return summary_table(summary, bins, width=view.width, colour=view.colour)


TABLE = BatchFormat(tail=_table)
