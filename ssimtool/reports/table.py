"""A record as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ssimtool.errors import printable
from ssimtool.records.comparison import Comparison
from ssimtool.reports.frames import frames_lines
from ssimtool.reports.grids import Grid, Names, rendered
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

if TYPE_CHECKING:  # a comparison does not load it
    from ssimtool.records.loss import LossReport

CHANNEL_NAMES = {3: ("R", "G", "B")}


def table_text(record: Comparison | LossReport, view: View) -> str:
    """Return a record without an error as a table."""
    parts = _comparison(record) if isinstance(record, Comparison) else _loss(record)
    parts = [*parts, *_notes(record)]
    return rendered(Group(*parts), width=view.width, colour=view.colour)


def _comparison(record: Comparison) -> list[RenderableType]:
    channels = "1 channel" if record.channels == 1 else f"{record.channels} channels"
    head = Names(
        [
            ("reference", printable(record.reference)),
            ("distorted", printable(record.distorted)),
            ("size", f"{record.width} x {record.height} pixels, {channels}, {depth(record)}"),
            *frames_lines(record),
            *region_lines(record),
        ]
    )
    table = Grid(("Metric", "Value", "Unit", "Better"), less=(3, 2))
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
    head = Names(
        [
            ("recon", printable(record.recon)),
            ("raw", printable(record.raw)),
            *((("mu", printable(record.mu)),) if record.mu else ()),
            *((("logvar", printable(record.logvar)),) if record.logvar else ()),
            ("samples", f"{record.samples}; array {_shape(record.shape)}{_latent(record)}"),
        ]
    )
    titles = ("Term", "Value", "Unit", "Weight", "Contribution", "Share")
    table = Grid(titles, right=(1, 3, 4, 5), less=(2, 5))
    contributions = record.contributions
    for row in rows_of(record):
        if row.name in ("loss", "ssim") or contributions is None:
            continue
        weight = {"mse": 1, "ssim_loss": record.alpha, "kl": record.beta}[row.name]
        part = getattr(contributions, row.name)
        share = f"{100 * part / record.loss:.1f} %" if record.loss else "-"
        table.add_row(row.title, _shown(row), row.unit, f"{weight:g}", f"{part:.6g}", share)
    table.add_row()
    table.add_row(Text("Loss", "bold"), Text(f"{record.loss:.6g}", "bold"))
    similarity = "not computed" if record.ssim is None else f"{record.ssim:.6f}"
    reduction = "" if record.kl is None else f"; KL: {record.kl_reduction}"
    parts: list[RenderableType] = [head, table]
    if record.latents:
        parts += [Names(latent_rows(record.latents)), Text("")]
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
        parts += [
            Text(name[1], "bold"),
            Padding(Names(rest), (0, 0, 0, 2), expand=False),
            Text(""),
        ]
    return rendered(Group(*parts[:-1]), width=view.width, colour=view.colour)
