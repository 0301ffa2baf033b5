"""The progress bar: on standard error, and only where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ssimtool.batch.request import Progress as PairProgress
from ssimtool.output import warn
from ssimtool.plugins import find_metric

REFRESH = 0.1  # seconds between two looks of the bar at what is done

if TYPE_CHECKING:
    from ssimtool.batch.tally import Tally


@contextmanager
def progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar over `total` samples; what is yielded is called with how many more are done."""
    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def counting(*, shown: bool) -> Iterator[PairProgress]:
    """A bar over pairs with their rate, the time left, the running mean and the errors, on a
    terminal; lines stand above it."""
    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield PairProgress(warn, lambda tally, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    told = TextColumn("{task.fields[told]}", markup=False)
    console = Console(stderr=True, highlight=False)
    with Progress(
        BarColumn(20), told, TimeRemainingColumn(compact=True), console=console, transient=True
    ) as bar:
        task = bar.add_task("", total=None, told="")

        begun, shown_at = time.monotonic(), 0.0

        def update(tally: Tally, total: int | None) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at < REFRESH:
                return
            shown_at = time.monotonic()
            # of the last seconds, so that a run that resumes is not said to make millions
            speed = bar.tasks[0].speed or tally.pairs / (shown_at - begun)
            bar.update(task, completed=tally.pairs, total=total, told=_told(tally, total, speed))

        yield PairProgress(lambda line: bar.console.print(Text(line)), update)


def _told(tally: Tally, total: int | None, speed: float) -> str:
    name = tally.metrics[0]
    mean = tally.mean(name)
    parts = [f"{tally.pairs}/{total}" if total is not None else f"{tally.pairs}"]
    parts += [f"{speed:.1f} pairs/s"] if speed else []
    parts += [f"mean {find_metric(name).title} {mean:.4f}"] if mean is not None else []
    parts += [f"{tally.counts['error']} errors"] if tally.counts["error"] else []
    return "  ".join(parts)
