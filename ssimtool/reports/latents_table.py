"""A latent space as tables for a terminal: figures, dimensions with bars, and a sketch."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from ssimtool.errors import printable
from ssimtool.records.latents import LatentReport
from ssimtool.reports.grids import LEAST, Grid, Names, rendered
from ssimtool.reports.latents import SHOWN, bar, ends, notes, range_lines, sketch
from ssimtool.reports.rows import rows_of
from ssimtool.reports.verdicts import verdict_line
from ssimtool.reports.view import View

WIDEST = 80  # columns: maximum width of the drawings
BETWEEN = 3  # columns between two columns of a table
LABEL = "KL, sorted "


def latents_text(record: LatentReport, view: View) -> str:
    """Return a record without an error as tables."""
    width = WIDEST if view.width is None else min(WIDEST, max(LEAST, view.width))
    parts: list[RenderableType] = [_head(record), _figures(record), _dimensions(record, width)]
    if len(record.kl_per_dimension) > SHOWN:  # otherwise all of them have a bar
        drawn = sketch(record.kl_per_dimension, width - len(LABEL) - 1)
        parts.append(Text.assemble((LABEL, "dim"), (drawn, "cyan"), "\n"))
    parts += [Text(line, "dim") for line in range_lines(record)]
    for verdict in record.thresholds:
        style = "green" if verdict.holds else "bold red"
        parts.append(Text(verdict_line(record, verdict), style))
    return rendered(Group(*parts), width=view.width, colour=view.colour)


def _head(record: LatentReport) -> Names:
    shape = " x ".join(map(str, record.shape or ()))
    return Names(
        [
            ("mu", printable(record.mu)),
            ("logvar", printable(record.logvar)),
            ("samples", f"{record.samples}; latent {shape}"),
        ]
    )


def _figures(record: LatentReport) -> Grid:
    table = Grid(("Figure", "Value", "Unit", "Meaning"), less=(3, 2))
    meanings = notes(record)
    for row in rows_of(record):
        if row.name in meanings:
            value = "-" if row.value is None else f"{row.value:.6g}"
            table.add_row(row.title, value, *meanings[row.name])
    return table


def _dimensions(record: LatentReport, width: int) -> Grid:
    shown = ends(record)
    titles = ("Dim", "KL", "Share", "Var(mu)", "Mean mu", "Var(z)")
    table = Grid((*titles, ""), right=range(len(titles)), less=(len(titles), 2))
    cells = [one.cells for one in shown if one is not None]
    widths = [max(len(title), *(len(c[i]) for c in cells)) for i, title in enumerate(titles)]
    room = width - sum(widths) - BETWEEN * len(widths) - 2  # a blank at each end
    for one in shown:
        if one is None:
            table.add_row("…")
        else:
            table.add_row(*one.cells, Text(bar(one.length, max(4, room)), "cyan"))
    return table
