"""An explanation to text: SSIM of a pair by every definition, and the parts that differ."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import zip_longest

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ssimtool.definitions import PARTS
from ssimtool.errors import printable
from ssimtool.records.explanation import Explained, Explanation
from ssimtool.reports.grids import Names, rendered
from ssimtool.reports.rows import depth
from ssimtool.reports.text import cells_of, csv_line, escaped
from ssimtool.reports.view import View

TABLE_WIDTH = 72  # columns: a narrower table has no room for its longest word


def explanation_table(record: Explanation, view: View) -> str:
    """Return an explanation without an error as a table."""
    channels = "1 channel" if record.channels == 1 else f"{record.channels} channels"
    head = Names(
        [
            ("reference", printable(record.reference)),
            ("distorted", printable(record.distorted)),
            ("size", f"{record.width} x {record.height} pixels, {channels}, {depth(record)}"),
        ]
    )
    body = _table(record) if view.width is None or view.width >= TABLE_WIDTH else _list(record)
    notes: list[RenderableType] = [Text(note, "dim") for note in _notes(record)]
    return rendered(Group(head, body, *notes), width=view.width, colour=view.colour)


def _list(record: Explanation) -> Group:
    """Return the definitions as a list, for a terminal too narrow for the table."""
    parts: list[RenderableType] = []
    for row in record.definitions:
        changes = [_change(d.change) for d in row.differs]
        lines = [
            f"{c}  {part}" for c, part in zip_longest(changes, _parts(row, record), fillvalue="")
        ]
        words = Group(Text("\n".join(map(str.strip, lines))), Text(row.returned_by, "dim"))
        parts += [
            Text(f"\n{row.name}  {_ssim(row)}", "bold"),
            Padding(words, (0, 0, 0, 2), expand=False),
        ]
    return Group(*parts, Text(""))


def _table(record: Explanation) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("Definition", no_wrap=True)
    table.add_column("SSIM", justify="right", no_wrap=True)
    table.add_column("Change", justify="right", no_wrap=True)
    table.add_column("Differences, and who returns it")
    for row in record.definitions:
        parts = Text("\n".join(_parts(row, record)))
        table.add_row(
            Text(row.name, "bold"),
            Text(_ssim(row), "bold"),
            "\n".join(_change(d.change) for d in row.differs),
            Group(parts, Text(row.returned_by, "dim")),
            end_section=row is not record.definitions[-1],
        )
    return table


def _ssim(row: Explained) -> str:
    return "-" if row.ssim is None else f"{row.ssim:.6f}"


def _change(change: float | None) -> str:
    return "-" if change is None else f"{change:+.6f}"


def _parts(row: Explained, record: Explanation) -> list[str]:
    """Return a line for each part that differs.

    For the first definition these are the parts in which the others differ.
    """
    lines = [d.here for d in row.differs]
    if row is record.definitions[0]:
        there = {d.part: d.there for r in record.definitions for d in r.differs}
        lines = [there[part] for part in PARTS if part in there]
    if not lines:
        lines = ["nothing at this size"]  # a definition that downsamples by the image size
    return [*lines, *([f"not computed: {row.reason}"] if row.reason else [])]


def _notes(record: Explanation) -> list[str]:
    """Return the notes that apply to all definitions."""
    first = record.definitions[0]
    colour = "one channel" if record.channels == 1 else "mean over the channels"
    colour = "BT.601 luma" if record.colour == "luma" and record.steps else colour
    constants = f"k1 {first.definition['k1']:g}, k2 {first.definition['k2']:g}"
    notes = [
        f"Change: relative to {first.name}, adding one difference at a time.",
        f"All: {constants}; {colour}; data range {record.data_range:g}; {record.device}",
    ]
    return [*notes, *(f"step: {printable(step)}" for step in record.steps)]


def explanation_markdown(record: Explanation, view: View) -> str:
    """Return an explanation as a table in GitHub's Markdown."""
    lines = [
        f"{escaped(record.reference)} against {escaped(record.distorted)}",
        "",
        "| definition | SSIM | change | differences | returned by |",
        "|---|---:|---:|---|---|",
    ]
    for row in record.definitions:
        changes = "<br>".join(_change(d.change) for d in row.differs)
        parts = "<br>".join(_parts(row, record))
        lines.append(f"| {row.name} | {_ssim(row)} | {changes} | {parts} | {row.returned_by} |")
    return "\n".join([*lines, "", *_notes(record)]) + "\n"


LISTS = ("per_channel", "differs")


def explanation_csv(record: Explanation, view: View) -> str:
    """Return CSV: a line for each definition, or one for the error."""
    columns = [
        "reference", "distorted", "name", "ssim", "ssim_loss", "per_channel", "differs",
        "returned_by", "reason", "error.code", "error.message",
    ]  # fmt: skip
    rows = [asdict(row) for row in record.definitions]
    for row in rows:  # also an empty list is one
        row |= {name: json.dumps(row[name], ensure_ascii=False) for name in LISTS}
    if record.error is not None:
        rows.append({"error.code": record.error.code, "error.message": record.error.message})
    paths = {"reference": record.reference, "distorted": record.distorted}
    lines = [cells_of(((paths | row).get(name) for name in columns), view) for row in rows]
    return "".join(map(csv_line, [columns, *lines]))


def explanation_values(record: Explanation, view: View) -> str:
    """Return the SSIM of each definition, one per line; nan if it was not computed."""
    numbers = ("nan" if row.ssim is None else repr(row.ssim) for row in record.definitions)
    return "".join(f"{number}\n" for number in numbers)
