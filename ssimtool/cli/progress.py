"""Progress bar on standard error, shown only if that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from ssimtool.output import warn

REFRESH = 0.1  # seconds between two updates of the bar
BAR = 20  # columns of the bar
TIME = 9  # columns of the time left, with the gap before it
BAR_FROM = 60  # columns of a terminal: a narrower one has only the numbers

if TYPE_CHECKING:
    from ssimtool.batch.request import Progress as PairProgress
    from ssimtool.batch.tally import Tally


@contextmanager
def progress(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar over `total` samples; yield a function that advances it by a number of samples."""
    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    drawn = (BarColumn(BAR),) if console.width >= BAR_FROM else ()
    columns = (*drawn, MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)


def array_progress(
    least: int, quiet: bool, samples: int, values: int
) -> AbstractContextManager[Callable[[int], None]]:
    """Show a bar over samples if they have more than `least` values."""
    return progress(samples, shown=not quiet and values > least)


@contextmanager
def pair_progress(*, shown: bool) -> Iterator[PairProgress]:
    """Show a bar over pairs with rate, time left, running mean and errors; print lines above it."""
    from ssimtool.batch.closing import progress_line
    from ssimtool.batch.request import Progress as PairProgress

    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield PairProgress(warn, lambda tally, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    status = TextColumn("{task.fields[status]}", markup=False)
    console = Console(stderr=True, highlight=False)
    drawn = (BarColumn(BAR),) if console.width >= BAR_FROM else ()
    columns = (*drawn, status, TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, status="")

        begun, shown_at = time.monotonic(), 0.0

        def update(tally: Tally, total: int | None) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at < REFRESH:
                return
            shown_at = time.monotonic()
            # the rate of the last seconds: a resumed run would seem to score millions of pairs
            speed = bar.tasks[0].speed or tally.pairs / (shown_at - begun)
            room = console.width - TIME - (BAR + 1 if drawn else 0)
            words = progress_line(tally, total, speed, room=room)
            bar.update(task, completed=tally.pairs, total=total, status=words)

        # the terminal wraps a long line: a break of ours would be copied with its path
        yield PairProgress(lambda line: console.print(Text(line), soft_wrap=True), update)
