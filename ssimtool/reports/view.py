"""What every output format shares: what it knows beside the record, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class View:
    """What a renderer knows beside the record.

    Args:
        names: metrics of the record; columns depend on them.
        requested: names that were requested, in that order: the numbers of `value`.
        width: of the terminal, in columns.
        colour: whether the text may contain escape sequences for colour.
    """

    names: Sequence[str] = ()
    requested: Sequence[str] = ()
    width: int = 80
    colour: bool = False


class Renderer(Protocol):
    """Text of what a command has: a record, rows of the catalogue, or an `Overview`."""

    def __call__(self, record: Any, view: View, /) -> str: ...


def _empty(*_: object) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class BatchFormat:
    """Many comparisons as text.

    Args:
        head: what comes first; the summary is None where the format is streamed.
        line: a record; empty where only the summary is shown.
        between: before each record but the first.
        tail: what comes last, with the histogram of the first metric; None where the summary has
            no place.
    """

    head: Callable[[Summary | None, View], str] = _empty
    line: Callable[[Comparison, View], str] = _empty
    between: str = ""
    tail: Callable[[Summary, Sequence[Bin], View], str] | None = None
