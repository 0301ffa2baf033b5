"""The threads that share the rows of one image, or the images of one batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from ssimtool.devices import usable_cores

# A thread that is woken for less than some 0.1 ms of work costs more than it brings.
SAMPLES_PER_THREAD = 1 << 15
# No piece takes longer than some 10 ms, so that the threads end together, and soon on Ctrl-C.
SAMPLES_PER_PIECE = 1 << 22


def thread_count() -> int:
    """How many threads the caller may use: those of torch, which follow `torch.set_num_threads`
    and OMP_NUM_THREADS, but no more than the cores that this process may use.

    A worker of a pool of one's own may say `torch.set_num_threads(1)` first, and computes alone
    then. (It holds for the thread that says it, and for threads that begin after that.)
    """
    torch = sys.modules.get("torch")
    # Where it is not loaded, or another thread is about to, nobody has told it a number.
    asked = getattr(torch, "get_num_threads", usable_cores)()
    return max(1, min(asked, usable_cores()))


def share(
    work: Callable[[int, int], None], tasks: int, samples: int, *, threads: int | None = None
) -> None:
    """Calls work(first, last) over the tasks 0 to `tasks`, on as many threads as it pays for.

    Callers that work at the same time, the workers of a pool say, share the cores: each takes as
    many threads as are idle, and none but its own where there are none. Which thread takes which
    piece is left open: no result may depend on it.

    Args:
        work: releases the GIL.
        tasks: their number.
        samples: how many samples all of them hold.
        threads: at most so many; None: as `thread_count` says.
    """
    asked = thread_count() if threads is None else threads
    most = min(asked, tasks, max(1, samples // SAMPLES_PER_THREAD))
    with _crew(os.getpid()).taken(most) as taken:
        count = max(16 * taken if taken > 1 else 1, -(-samples // SAMPLES_PER_PIECE))
        count = min(tasks, count)
        pieces = iter([(i * tasks // count, (i + 1) * tasks // count) for i in range(count)])

        def take() -> None:
            for first, last in pieces:  # `next` of a list's iterator is one step under the GIL
                work(first, last)

        helpers: list[Future[None]] = []
        try:
            pool = _pool(os.getpid(), usable_cores())
            helpers.extend(pool.submit(take) for _ in range(taken - 1))
            take()
        finally:
            for _ in pieces:  # on an error or Ctrl-C: nothing is begun any more
                pass
            for helper in helpers:
                if not helper.cancel():  # one that did not begin has nothing left to do
                    helper.result()


class Crew:
    """How many threads compute at the moment. The one thing here that changes: how many cores are
    idle is a fact of the process, and decides about no result."""

    def __init__(self) -> None:
        self.busy = 0
        self.lock = Lock()

    @contextmanager
    def taken(self, most: int) -> Iterator[int]:
        """The caller's own thread, and others as long as there are cores for them: `most` in all.

        Yields:
            how many they are.
        """
        with self.lock:
            threads = max(1, min(most, usable_cores() - self.busy))
            self.busy += threads
        try:
            yield threads
        finally:
            with self.lock:
                self.busy -= threads


@lru_cache(maxsize=1)
def _crew(process: int) -> Crew:
    """Of one process: those that its parent counted do not compute in it."""
    return Crew()


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Waiting threads; a fork has none of its parent's, so they are of one process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="ssimtool")
