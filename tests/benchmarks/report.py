"""What the sections find, as Markdown and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.timing import Times

Cell = str | float | None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One contender in one case: seconds per piece of work, the rate in `unit`, how many times the
    seconds of ssimtool it takes, and user time over wall time. No seconds: it is absent."""

    section: str
    case: str
    contender: str
    seconds: float | None = None
    rate: float | None = None
    unit: str = ""
    times_ours: float | None = None
    busy: float | None = None
    note: str = ""

    @property
    def cell(self) -> str:
        """The rate, and how many times the time of ssimtool it takes."""
        if self.rate is None:
            return self.note
        ratio = "" if self.times_ours is None else f" ({short(self.times_ours)}×)"
        return short(self.rate) + ratio


@dataclass(frozen=True)
class Table:
    """Rows under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What the figures must show. No bound, or nothing found: it is open."""

    what: str
    bound: float | None
    found: float | None
    at_least: bool = True

    @property
    def holds(self) -> bool | None:
        """Whether it does; None where it is open."""
        if self.bound is None or self.found is None:
            return None
        return self.found >= self.bound if self.at_least else self.found <= self.bound


@dataclass(frozen=True)
class Section:
    """All that one section finds."""

    measured: tuple[Measured, ...] = ()
    tables: tuple[Table, ...] = ()
    targets: tuple[Target, ...] = ()


def measured(
    section: str, case: str, times: dict[str, Times], absent: dict[str, str], work: float, unit: str
) -> list[Measured]:
    """The contenders of one case; `work` is how much of `unit` times seconds one piece holds."""
    ours = times.get("ssimtool")
    found = [
        Measured(
            section=section,
            case=case,
            contender=name,
            seconds=t.seconds,
            rate=work / t.seconds,
            unit=unit,
            times_ours=t.over(ours) if ours else None,
            busy=t.busy,
        )
        for name, t in times.items()
    ]
    missing = [
        Measured(section=section, case=case, contender=name, note=reason)
        for name, reason in absent.items()
    ]
    return found + missing


def across(
    title: str, rows: Sequence[Measured], order: Sequence[str], notes: Sequence[str] = ()
) -> Table:
    """A row for each contender, a column for each case."""
    cases = list(dict.fromkeys(m.case for m in rows))
    cells = {(m.contender, m.case): m.cell for m in rows}
    names = [n for n in order if any((n, case) in cells for case in cases)]
    body = tuple((name, *(cells.get((name, case), "") for case in cases)) for name in names)
    return Table(title, ("", *cases), body, tuple(notes))


def value(rows: Sequence[Measured], case: str, contender: str) -> Measured | None:
    """One contender in one case; None where it was not measured."""
    for m in rows:
        if (m.case, m.contender) == (case, contender) and m.seconds is not None:
            return m
    return None


def times_ours(rows: Sequence[Measured], case: str, contender: str) -> float | None:
    """How many times the seconds of ssimtool a contender takes."""
    found = value(rows, case, contender)
    return found.times_ours if found else None


def target_table(targets: Sequence[Target]) -> Table:
    """The last table."""
    words = {True: "yes", False: "no", None: "open"}
    rows = tuple(
        (
            t.what,
            "none given" if t.bound is None else f"{'>=' if t.at_least else '<='} {short(t.bound)}",
            "not measured" if t.found is None else short(t.found),
            words[t.holds],
        )
        for t in targets
    )
    return Table("targets", ("", "target", "found", "holds"), rows)


def short(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def text(table: Table) -> str:
    """Markdown whose columns stand under each other."""
    rows = [table.columns, *(tuple(_shown(cell) for cell in row) for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    notes = ["", *(f"- {n}" for n in table.notes)] if table.notes else []
    return "\n".join([f"### {table.title}", "", *lines, *notes])


def _shown(cell: Cell) -> str:
    return "" if cell is None else cell if isinstance(cell, str) else short(cell)


def plain(section: Section) -> dict[str, Any]:
    """A section for JSON, unrounded."""
    targets = [{**asdict(t), "holds": t.holds} for t in section.targets]
    return {
        "measured": [asdict(m) for m in section.measured],
        "tables": [asdict(t) for t in section.tables],
        "targets": targets,
    }
