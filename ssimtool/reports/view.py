"""The interface of output formats: the view that they receive, and the text that they return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ssimtool.records.batch import Bin, Summary
    from ssimtool.records.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class CsvStyle:
    """Style of CSV.

    Args:
        wide: whether it has all fields of a record.
        safe: whether a quote precedes text that a spreadsheet would take for a formula.
    """

    wide: bool = False
    safe: bool = False


PLAIN = CsvStyle()


@dataclass(frozen=True, kw_only=True)
class View:
    """Input of a renderer beside the record.

    Args:
        names: metrics of the record; CSV columns depend on them.
        requested: requested names, in order; the formats `value` and `tsv` write their numbers.
        columns: columns of a list that have columns of their own in CSV.
        listed: whether the pairs are those of a list, whose lines may have further columns.
        csv: style of CSV.
        terminal: whether the text is shown on a terminal, which obeys control characters.
        width: width of the terminal, in columns; None: not a terminal, so that no line is wrapped.
        colour: whether the text may contain escape sequences for colour.
    """

    names: Sequence[str] = ()
    requested: Sequence[str] = ()
    columns: Sequence[str] = ()
    listed: bool = False
    csv: CsvStyle = PLAIN
    terminal: bool = False
    width: int | None = None
    colour: bool = False


class Renderer(Protocol):
    """Function that renders a record, rows of the catalogue or an `Overview` as text."""

    def __call__(self, record: Any, view: View, /) -> str: ...


def _empty(*_: object) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class BatchFormat:
    """A format of a batch.

    Args:
        head: returns the beginning; the summary is None if the format is streamed.
        line: returns the text of a record; it is empty if only the summary is shown.
        between: separator between two records.
        waits_for_columns: whether the head needs the columns of a list, which the first of its
            records has that is not an error of the list.
        tail: returns the end, from the summary and the histogram of the first metric; None if the
            format has no summary.
    """

    head: Callable[[Summary | None, View], str] = _empty
    line: Callable[[Comparison, View], str] = _empty
    between: str = ""
    waits_for_columns: bool = False
    tail: Callable[[Summary, Sequence[Bin], View], str] | None = None
