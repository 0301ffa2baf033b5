"""Tables for a terminal. They fit its width, and no number in them is cut."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

UNLIMITED = 1_000_000  # columns: wider than any line
LEAST = 24  # columns: the terminal itself wraps lines if it is narrower
NARROW = 60  # columns
GAP = 2  # columns between a role and its text
Cells = tuple[str | Text, ...]


@dataclass(frozen=True)
class Grid:
    """Table whose numbers are whole at any width.

    A table that is too wide loses its columns of less worth; below 60 columns, its gaps shrink
    before that. If it is still too wide, it is stacked: each cell gets a line, below the first
    cell of its row.

    Args:
        titles: titles of the columns; the first column names the rows.
        right: indices of the right-aligned columns.
        less: indices of the columns that may be left out, in that order.
        rows: cells of each row; a row without cells is a rule.
    """

    titles: Sequence[str]
    right: Collection[int] = (1,)
    less: Sequence[int] = ()
    rows: list[Cells] = field(default_factory=list)

    def add_row(self, *cells: str | Text) -> None:
        """Add a row, or a rule if there are no cells."""
        self.rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the first layout that fits."""
        unlimited = options.update(width=UNLIMITED)
        for count in range(len(self.less) + 1):
            for tight in (False, True) if options.max_width < NARROW else (False,):
                table = self._table(self._kept(count), tight=tight)
                if console.measure(table, options=unlimited).maximum <= options.max_width:
                    yield Group(Text(""), table, Text("")) if tight else table
                    return
        yield from self._stacked(self._kept(len(self.less)))

    def _kept(self, left_out: int) -> list[int]:
        out = self.less[:left_out]
        return [i for i in range(len(self.titles)) if i not in out]

    def _table(self, kept: Sequence[int], *, tight: bool) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 0 if tight else 1),
            show_edge=not tight,
            header_style="bold",
        )
        for i in kept:
            justify = "right" if i in self.right else "left"
            table.add_column(self.titles[i], justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for cells in self.rows:
            if cells:
                table.add_row(*(cells[i] for i in kept if i < len(cells)))
            else:
                table.add_section()
        return table

    def _stacked(self, kept: Sequence[int]) -> RenderResult:
        yield Text("")
        for cells in filter(None, self.rows):
            yield Text(str(cells[0]), "bold")
            for i in kept[1:]:
                if i < len(cells) and str(cells[i]):
                    title = f"{self.titles[i]} " if len(kept) > 2 else ""
                    yield Text.assemble("  ", title, cells[i])
        yield Text("")


@dataclass(frozen=True)
class Names:
    """Roles and their texts side by side; stacked below 60 columns if a word were broken."""

    pairs: Sequence[tuple[str, str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield a table, or a line for each role and its text below."""
        room = options.max_width - max(len(role) for role, _ in self.pairs) - GAP
        words = (word for _, text in self.pairs for word in text.split())
        if options.max_width < NARROW and any(cell_len(word) > room for word in words):
            for role, text in self.pairs:
                yield Text(role, "dim")
                yield Padding(Text(text), (0, 0, 0, GAP), expand=False)
            return
        table = Table.grid(padding=(0, GAP))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for role, text in self.pairs:
            table.add_row(Text(role), Text(text))
        yield table


def rendered(content: RenderableType, *, width: int | None, colour: bool) -> str:
    """Return what Rich draws, as text without trailing blanks; without a width, no line wraps."""
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=UNLIMITED if width is None else max(width, LEAST),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(content)
    return "".join(f"{line.rstrip()}\n" for line in sink.getvalue().splitlines())
