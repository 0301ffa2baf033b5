"""Ctrl-C that ends a run and not the program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(end: Callable[[], object]) -> Iterator[None]:
    """Meanwhile Ctrl-C calls `end`, whatever the program is at, and a second one interrupts it.

    Not where Ctrl-C is ignored, as a shell has it for what runs in the background.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        end()

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
