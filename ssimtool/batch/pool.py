"""Thread pool that maps a stream of items to a stream of results in the same order.

The pool does not know the computation. A separate thread reads the input, so that results arrive
even while the input waits for its next item. All threads are daemons, so that an interrupted run
need not wait for them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items in flight for each thread: while one item takes long, the other threads work on later items,
# whose results wait.
AHEAD = 16
THREAD_NAME = "ssimtool-batch"
# Messages of the threads, besides started tasks and exceptions of the input.
CHANGED, ENDED = "changed", "ended"


class Budget:
    """Memory budget of all threads, granted in the order of the requests.

    A request above the total waits until no other amount is taken, and then runs alone.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, amount: int) -> None:
        """Wait until the amount is available, and take it."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._waiting[0] is ticket and self._fits(amount))
            self._waiting.popleft()
            self.used += amount
            self._changed.notify_all()

    def _fits(self, amount: int) -> bool:
        return not self.used or self.used + amount <= self.total

    def give(self, amount: int) -> None:
        """Return an amount to the budget."""
        with self._changed:
            self.used -= amount
            self._changed.notify_all()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that takes an amount; all amounts are returned at the end."""
        taken: list[int] = []

        def take(amount: int) -> None:
            self.take(amount)
            taken.append(amount)

        try:
            yield take
        finally:
            self.give(sum(taken))


@dataclass(eq=False)
class _Task(Generic[Item, Result]):
    """Item in progress; once `done` is true, `results` or `error` is set."""

    item: Item
    done: bool = False
    results: list[Result] = field(default_factory=list)
    error: BaseException | None = None


class Batch(Generic[Item, Result]):
    """Work on a stream of items; any thread or signal handler can stop it at any time.

    Args:
        work: function that computes the result of an item, in one of the threads.
        jobs: number of threads.
    """

    def __init__(self, work: Callable[[Item], Result], *, jobs: int) -> None:
        self.work = work
        self.jobs = jobs
        self.stopped = False
        # Reentrant: a signal handler may put while the interrupted thread is getting.
        self._news: SimpleQueue[_Task[Item, Result] | BaseException | str] = SimpleQueue()
        self._tasks: SimpleQueue[_Task[Item, Result] | None] = SimpleQueue()
        self._room = threading.Semaphore(AHEAD * jobs)
        self._workers: list[threading.Thread] = []

    def stop(self) -> None:
        """Start no further item; `run` yields the finished results and ends."""
        self.stopped = True
        self._news.put(CHANGED)

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """Yield the results in the order of the items, each as soon as all before it are done.

        Raises:
            BaseException: an exception of the items or the work, at its place in the order.
        """
        _start(lambda: self._feed(items))
        self._workers.extend(_start(self._work) for _ in range(self.jobs))
        waiting: deque[_Task[Item, Result]] = deque()
        failed: BaseException | None = None
        ended = False
        try:
            while not (ended and not waiting):
                news = self._news.get()
                if self.stopped:
                    yield from self._finished(waiting)
                    return
                if isinstance(news, BaseException):
                    failed, ended = news, True
                elif isinstance(news, _Task):
                    waiting.append(news)
                elif news == ENDED:
                    ended = True
                while waiting and waiting[0].done:
                    yield from _results(waiting.popleft())
                    self._room.release()
            if failed is not None:
                raise failed
        finally:
            self.stopped = True
            self._room.release()  # wakes the feeder, which then sees `stopped`

    def _finished(self, waiting: deque[_Task[Item, Result]]) -> Iterator[Result]:
        """Yield the finished results in order, without unfinished ones."""
        with suppress(Empty):
            while True:
                news = self._news.get_nowait()
                if isinstance(news, _Task):
                    waiting.append(news)
        for task in waiting:
            if task.done and task.error is None:
                yield from task.results

    def grow(self, jobs: int) -> None:
        """Add threads, for work that mostly waits; call it from one of the threads."""
        for _ in range(AHEAD * jobs):
            self._room.release()
        self._workers.extend(_start(self._work) for _ in range(jobs))

    def wait(self, seconds: float) -> bool:
        """Wait for the working threads, but not for the reading thread.

        Returns:
            whether all of them ended.
        """
        until = time.monotonic() + seconds
        for thread in self._workers:
            thread.join(max(0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._workers)

    def _feed(self, items: Iterable[Item]) -> None:
        end: BaseException | str = ENDED
        try:
            for item in items:
                self._room.acquire()
                if self.stopped:
                    break
                task: _Task[Item, Result] = _Task(item)
                self._news.put(task)
                self._tasks.put(task)
        except BaseException as error:  # noqa: BLE001  # raised by `run`
            end = error
        self._tasks.put(None)
        self._news.put(end)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self.stopped:
                continue
            try:
                task.results.append(self.work(task.item))
            except BaseException as error:  # noqa: BLE001  # raised by `run`
                task.error = error
            task.done = True
            self._news.put(CHANGED)
        self._tasks.put(None)  # ends the next thread


def _start(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=THREAD_NAME, daemon=True)
    thread.start()
    return thread


def _results(task: _Task[Item, Result]) -> Iterator[Result]:
    if task.error is not None:
        raise task.error
    yield from task.results
