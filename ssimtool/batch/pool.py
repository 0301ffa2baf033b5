"""Many pairs: a stream in, a stream of results out in its order, on several threads.

Nothing here knows what is computed. The input is read by a thread of its own, so that whoever waits
for more of it is still told of what is done; all threads are daemons, so that a run that is
interrupted need not wait for what they are at.
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

# Items that are in flight for each thread: while one takes long, the others go on with what is
# behind it, and only their results wait.
AHEAD = 16
THREAD_NAME = "ssimtool-batch"
# What the threads tell beside the tasks that were begun and what the input raised.
CHANGED, ENDED = "changed", "ended"


class Budget:
    """So much memory for all threads; who asks first is served first.

    What is larger than all of it waits until nobody has any, and is alone then.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, amount: int) -> None:
        """Waits until the amount is there."""
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
        """Gives it back."""
        with self._changed:
            self.used -= amount
            self._changed.notify_all()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """What is yielded takes an amount, which is given back at the end."""
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
    """An item on its way: `result` stands once `done` is true, or `error`."""

    item: Item
    done: bool = False
    results: list[Result] = field(default_factory=list)
    error: BaseException | None = None


class Batch(Generic[Item, Result]):
    """The work on a stream of items, which can be stopped at any time from any thread, and from the
    handler of a signal.

    Args:
        work: what is done with an item, in one of the threads.
        jobs: the number of threads.
    """

    def __init__(self, work: Callable[[Item], Result], *, jobs: int) -> None:
        self.work = work
        self.jobs = jobs
        self.stopped = False
        # Reentrant: a handler may put what the interrupted thread is about to get.
        self._news: SimpleQueue[_Task[Item, Result] | BaseException | str] = SimpleQueue()
        self._tasks: SimpleQueue[_Task[Item, Result] | None] = SimpleQueue()
        self._room = threading.Semaphore(AHEAD * jobs)
        self._workers: list[threading.Thread] = []

    def stop(self) -> None:
        """Nothing is begun any more; `run` yields what is done, and ends."""
        self.stopped = True
        self._news.put(CHANGED)

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """The results, in the order of the items, each as soon as it and all before it are done.

        Raises:
            BaseException: what the items or the work raised, in its place in the order.
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
            self._room.release()  # the feeder, which looks up

    def _finished(self, waiting: deque[_Task[Item, Result]]) -> Iterator[Result]:
        """What is done, without what is not: still in order, but for what was under way."""
        with suppress(Empty):
            while True:
                news = self._news.get_nowait()
                if isinstance(news, _Task):
                    waiting.append(news)
        for task in waiting:
            if task.done and task.error is None:
                yield from task.results

    def grow(self, jobs: int) -> None:
        """So many threads more, for work that waits for something else; from one of them."""
        for _ in range(AHEAD * jobs):
            self._room.release()
        self._workers.extend(_start(self._work) for _ in range(jobs))

    def wait(self, seconds: float) -> bool:
        """Waits for the threads that work; not for the one that reads.

        Returns:
            whether they ended.
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
        except BaseException as error:  # noqa: BLE001  # raised where the results are taken
            end = error
        self._tasks.put(None)
        self._news.put(end)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self.stopped:
                continue
            try:
                task.results.append(self.work(task.item))
            except BaseException as error:  # noqa: BLE001  # likewise
                task.error = error
            task.done = True
            self._news.put(CHANGED)
        self._tasks.put(None)  # for the next one


def _start(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=THREAD_NAME, daemon=True)
    thread.start()
    return thread


def _results(task: _Task[Item, Result]) -> Iterator[Result]:
    if task.error is not None:
        raise task.error
    yield from task.results
