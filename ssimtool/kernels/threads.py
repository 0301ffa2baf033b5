"""Threads that share the rows of one image, or the images of one batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from ssimtool.devices import usable_cores
from ssimtool.loading import part_of_loaded

# Waking a thread for less than about 0.1 ms of work costs more than it gains.
SAMPLES_PER_THREAD = 1 << 15
# A piece takes at most about 10 ms, so that the threads end together, and soon after Ctrl-C. Each
# costs some 20 us under the GIL, to pass the arguments of a kernel: four pieces of 0.3 ms or more
# for each of two threads took 0.90 to 0.97 of the time of sixteen pieces of any size.
SAMPLES_PER_PIECE = 1 << 22
LEAST_PER_PIECE = 1 << 17
PIECES_PER_THREAD = 4


def thread_count() -> int:
    """Return the number of threads that the caller may use.

    It is the number of torch, which follows `torch.set_num_threads` and OMP_NUM_THREADS, but at
    most the number of cores that this process may use.

    The workers of a thread pool can each call `torch.set_num_threads(1)` first to compute on one
    thread. The setting applies to the calling thread, and to threads that start later.
    """
    # If torch is not loaded, or still loading in another thread, no number of threads was set.
    limit = (part_of_loaded("torch", "get_num_threads") or usable_cores)()
    return max(1, min(limit, usable_cores()))


def share(
    work: Callable[[int, int], None], tasks: int, samples: int, *, threads: int | None = None
) -> None:
    """Call work(first, last) over the tasks 0 to `tasks`, on as many threads as it pays for.

    Callers that work at the same time, such as the workers of a pool, share the cores. Each takes
    as many threads as there are idle cores, and only its own if there are none. The assignment of
    pieces to threads is undefined, so no result may depend on it.

    Args:
        work: a function that releases the GIL.
        tasks: the number of tasks.
        samples: the number of samples in all tasks.
        threads: the most threads; None: the result of `thread_count`.
    """
    limit = thread_count() if threads is None else threads
    most = min(limit, tasks, max(1, samples // SAMPLES_PER_THREAD))
    with _crew(os.getpid()).taken(most) as taken:
        count = min(tasks, _pieces(taken, samples))
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
            for _ in pieces:  # after an error or Ctrl-C, no further piece is started
                pass
            for helper in helpers:
                if not helper.cancel():  # a helper that has not started has nothing to do
                    helper.result()


def _pieces(threads: int, samples: int) -> int:
    """Return the number of pieces into which to divide work for some threads."""
    least = -(-samples // SAMPLES_PER_PIECE)
    if threads == 1:
        return least
    return max(least, min(PIECES_PER_THREAD * threads, max(threads, samples // LEAST_PER_PIECE)))


class Crew:
    """Count of the threads that compute at the moment.

    This is the only state of the module that changes. The number of idle cores belongs to the
    process, and no result depends on it.
    """

    def __init__(self) -> None:
        self.busy = 0
        self.lock = Lock()

    @contextmanager
    def taken(self, most: int) -> Iterator[int]:
        """Reserve the thread of the caller and more for idle cores, at most `most` in all.

        Yields:
            the number of reserved threads.
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
    """Return the count of one process. The threads of its parent do not run in it."""
    return Crew()


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return a pool of threads for one process. A fork has none of the threads of its parent."""
    return ThreadPoolExecutor(threads, thread_name_prefix="ssimtool")
