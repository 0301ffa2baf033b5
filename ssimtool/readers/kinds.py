"""The kind of file that a path names. Standard library only."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

STDIN = "-"
# Names that Unix gives to the open descriptors of a process, as of `<(...)`.
DESCRIPTOR = re.compile(r"(?:/dev/fd|/proc/self/fd)/(\d+)")
PIPE, SOCKET = "a pipe", "a socket"
SPECIAL: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISFIFO, PIPE),
    (stat.S_ISSOCK, SOCKET),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def descriptor_of(path: str) -> int | None:
    """Number of the open descriptor that a path stands for; None for the path of a file.

    >>> descriptor_of("-"), descriptor_of("a.png")
    (0, None)
    """
    if path == STDIN:
        return 0
    if sys.platform == "win32":
        return None
    match = DESCRIPTOR.fullmatch(path)
    return int(match[1]) if match else 0 if path == "/dev/stdin" else None


def status_of(path: str) -> os.stat_result:
    """Status of the file that a path or its descriptor leads to.

    Raises:
        OSError: there is no such file.
        ValueError: no file can have this name.
    """
    descriptor = descriptor_of(path)
    if descriptor is not None:  # some systems describe the name itself, not the open file
        with suppress(OSError, OverflowError):
            return os.fstat(descriptor)
    return os.stat(path)


def special_kind(status: os.stat_result) -> str | None:
    """Kind of a file in words; None for a regular file or a folder."""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return None
    return next((kind for fits, kind in SPECIAL if fits(status.st_mode)), "a special file")


def is_stream(path: str) -> bool:
    """Whether an input can be read only once: standard input, or no regular file."""
    if path == STDIN:
        return True
    with suppress(OSError, ValueError):
        return special_kind(status_of(path)) is not None
    return False


def is_idle(descriptor: int) -> bool:
    """Whether an open character device ends: a terminal at Ctrl-D, the null device at once."""
    return os.isatty(descriptor) or os.path.samefile(os.devnull, descriptor)
