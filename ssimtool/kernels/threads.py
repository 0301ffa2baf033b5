"""Threads that share the rows of one image, or the images of one batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ssimtool.devices import usable_cores
from ssimtool.loading import part_of_loaded

# Waking a thread for less than about 0.1 ms of work costs more than it gains.
SAMPLES_PER_THREAD = 1 << 15
# A call of a kernel takes at most some 10 ms, so that the threads end soon after Ctrl-C.
SAMPLES_PER_CALL = 1 << 22


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
    work: Callable[[NDArray[np.int64], int], None],
    tasks: int,
    samples: int,
    *,
    threads: int | None = None,
) -> None:
    """Let threads do tasks, as many threads as it pays for.

    Callers that work at the same time, such as the workers of a pool, share the cores. Each takes
    as many threads as there are idle cores, and only its own if there are none. The assignment of
    tasks to threads is undefined, so no result may depend on it.

    Args:
        work: a function that releases the GIL. It takes a queue, from which it takes its tasks
            (`compiled.tasks`), and the most that it may take.
        tasks: the number of tasks.
        samples: the number of samples in all tasks.
        threads: the most threads; None: the result of `thread_count`.
    """
    limit = thread_count() if threads is None else threads
    at_once = max(1, tasks * SAMPLES_PER_CALL // max(1, samples))
    queue = np.array((0, tasks), np.int64)

    def take() -> None:
        while queue[0] < tasks:
            work(queue, at_once)

    most = min(limit, tasks, samples // SAMPLES_PER_THREAD)
    if most <= 1 and samples <= SAMPLES_PER_THREAD:  # too short to count among those that compute
        take()
        return
    with _crew(os.getpid()).taken(most) as taken:
        helpers: list[Future[None]] = []
        try:
            pool = _pool(os.getpid(), usable_cores())
            helpers.extend(pool.submit(take) for _ in range(taken - 1))
            take()
        finally:
            queue[0] = tasks  # after an error or Ctrl-C, no further task is started
            for helper in helpers:
                if not helper.cancel():  # a helper that has not started has nothing to do
                    helper.result()


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
