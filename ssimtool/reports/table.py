"""A record as tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ssimtool.errors import printable
from ssimtool.records.comparison import Comparison
from ssimtool.records.loss import LossReport
from ssimtool.reports.frames import frames_lines
from ssimtool.reports.rows import (
    Row,
    decimals_of,
    definition_line,
    depth,
    latent_rows,
    number_words,
    region_lines,
    rows_of,
    title_of,
)
from ssimtool.reports.verdicts import verdict_line
from ssimtool.reports.view import View

UNLIMITED = 10_000  # columns: wider than any table
CHANNEL_NAMES = {3: ("R", "G", "B")}


def table_text(record: Comparison | LossReport, view: View) -> str:
    """Return a record without an error as a table."""
    parts = _comparison(record) if isinstance(record, Comparison) else _loss(record)
    parts = [*parts, *_notes(record)]
    return rendered(Group(*parts), width=view.width, colour=view.colour)


def rendered(content: RenderableType, *, width: int, colour: bool) -> str:
    """Return what Rich draws, as text without trailing blanks."""
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in content.renderables if isinstance(content, Group) else ():
        if isinstance(part, Table):
            _fit(part, console)
    console.print(content)
    return "".join(f"{line.rstrip()}\n" for line in sink.getvalue().splitlines())


def _fit(table: Table, console: Console) -> None:
    """Remove the last columns of a table that is too wide; a truncated number would be wrong.

    A table with a column that can be folded is left unchanged.
    """
    if not all(column.no_wrap for column in table.columns):
        return
    options = console.options.update(width=UNLIMITED)
    while (
        len(table.columns) > 2 and console.measure(table, options=options).maximum > console.width
    ):
        table.columns.pop()


def names_grid(*pairs: tuple[str, str]) -> Table:
    """Return a grid of roles and texts, a line for each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for role, text in pairs:
        table.add_row(Text(role), Text(text))
    return table


def grid(*columns: str, right: Collection[int] = (1,)) -> Table:
    """Return an empty table; the columns with the indices in `right` are right-aligned."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in right else "left", no_wrap=True)
    return table


def _comparison(record: Comparison) -> list[RenderableType]:
    channels = "1 channel" if record.channels == 1 else f"{record.channels} channels"
    head = names_grid(
        ("reference", printable(record.reference)),
        ("distorted", printable(record.distorted)),
        ("size", f"{record.width} x {record.height} pixels, {channels}, {depth(record)}"),
        *frames_lines(record),
        *region_lines(record),
    )
    table = grid("Metric", "Value", "Unit", "Better")
    for row in rows_of(record):
        bold = "" if decimals_of(row.name) is None else "bold"
        table.add_row(Text(row.title, bold), Text(_shown(row), bold), row.unit, row.better)
    parts: list[RenderableType] = [head, table]
    for name, values in record.per_channel.items():
        if decimals_of(name) is not None and len(values) > 1:
            labels = CHANNEL_NAMES.get(len(values), tuple(str(i) for i in range(len(values))))
            each = "   ".join(
                f"{c} {number_words(name, v)}" for c, v in zip(labels, values, strict=True)
            )
            parts.append(Text(f"{title_of(name)} by channel   {each}"))
    if record.identical:
        where = "" if record.counted is None else " inside the mask or regions"
        parts.append(Text(f"The images are identical{where}.", "green"))
    return parts


def _shown(row: Row) -> str:
    if row.value is None:
        return "not computed"
    return number_words(row.name, row.value)


def _loss(record: LossReport) -> list[RenderableType]:
    head = names_grid(
        ("recon", printable(record.recon)),
        ("raw", printable(record.raw)),
        *((("mu", printable(record.mu)),) if record.mu else ()),
        *((("logvar", printable(record.logvar)),) if record.logvar else ()),
        ("samples", f"{record.samples}; array {_shape(record.shape)}{_latent(record)}"),
    )
    table = grid("Term", "Value", "Unit", "Weight", "Contribution", "Share")
    contributions = record.contributions
    for row in rows_of(record):
        if row.name in ("loss", "ssim") or contributions is None:
            continue
        weight = {"mse": 1, "ssim_loss": record.alpha, "kl": record.beta}[row.name]
        part = getattr(contributions, row.name)
        share = f"{100 * part / record.loss:.1f} %" if record.loss else "-"
        table.add_row(row.title, _shown(row), row.unit, f"{weight:g}", f"{part:.6g}", share)
    table.add_section()
    table.add_row(Text("Loss", "bold"), Text(f"{record.loss:.6g}", "bold"))
    similarity = "not computed" if record.ssim is None else f"{record.ssim:.6f}"
    reduction = "" if record.kl is None else f"; KL: {record.kl_reduction}"
    parts: list[RenderableType] = [head, table]
    if record.latents:
        parts += [names_grid(*latent_rows(record.latents)), Text("")]
    return [*parts, Text(f"SSIM {similarity}{reduction}")]


def _shape(shape: tuple[int, ...] | None) -> str:
    return " x ".join(str(n) for n in shape or ())


def _latent(record: LossReport) -> str:
    return f"; latent {_shape(record.latent_shape)}" if record.latent_shape else ""


def _notes(record: Comparison | LossReport) -> list[RenderableType]:
    notes: list[RenderableType] = [Text(definition_line(record), "dim")]
    if isinstance(record, Comparison):
        notes += [Text(f"step: {printable(step)}", "dim") for step in record.steps]
    for verdict in record.thresholds:
        style = "green" if verdict.holds else "bold red"
        notes.append(Text(verdict_line(record, verdict), style))
    return notes


def catalogue_text(rows: Sequence[dict[str, str]], view: View) -> str:
    """Return the rows of the catalogue, a paragraph each: the name, then its properties."""
    parts: list[RenderableType] = []
    for row in rows:
        name, *rest = row.items()
        parts += [Text(name[1], "bold"), Padding(names_grid(*rest), (0, 0, 0, 2)), Text("")]
    return rendered(Group(*parts[:-1]), width=view.width, colour=view.colour)
