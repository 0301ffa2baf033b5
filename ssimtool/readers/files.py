"""Open files and standard input; errors say what to do."""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ssimtool.errors import SsimtoolError, printable

STDIN = "-"
NPY_MAGIC = b"\x93NUMPY"
# Files of this size and more are mapped: they need no memory besides the decoded samples. Smaller
# files are read, which is as fast and stays valid if the file changes meanwhile.
MAP_FROM_BYTES = 2**24
Content = bytes | mmap.mmap


def shown(path: str) -> str:
    """Name of an input in a message."""
    return "standard input" if path == STDIN else printable(path) or "(an empty name)"


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn an error of the operating system into one that names the file.

    Raises:
        SsimtoolError: `not_found` or `unreadable`.
    """
    try:
        yield
    except FileNotFoundError:
        raise SsimtoolError(
            "not_found", f"{shown(path)}: no such file; check the path and the name"
        ) from None
    except IsADirectoryError:
        raise SsimtoolError(
            "unreadable", f"{shown(path)}: is a directory, expected a file; pass a file in it"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SsimtoolError(
            "unreadable",
            f"{shown(path)}: cannot be read ({reason}), expected a readable file; "
            "check its permissions",
        ) from None


def open_binary(path: str) -> BinaryIO:
    """Open a file for reading.

    For a folder, Windows would report a missing permission instead of IsADirectoryError.

    Raises:
        OSError: the file cannot be opened; IsADirectoryError for a folder.
    """
    if sys.platform == "win32" and os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    return open(path, "rb")


def read_content(path: str) -> Content:
    """Read a file, or standard input for `-`.

    Raises:
        SsimtoolError: `not_found` or `unreadable`.
    """
    with reading(path):
        if path != STDIN:
            with open_binary(path) as file:
                if os.fstat(file.fileno()).st_size < MAP_FROM_BYTES:  # a pipe has size 0
                    return file.read()
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if sys.stdin is None:
            raise OSError("is closed")
        return sys.stdin.buffer.read()


def give_back(data: Content, start: int, stop: int) -> None:
    """Release the memory of mapped bytes. They stay readable: a later access reads them again."""
    if sys.platform != "win32" and isinstance(data, mmap.mmap):  # Windows has no madvise
        start -= start % mmap.PAGESIZE
        data.madvise(mmap.MADV_DONTNEED, start, stop - start)


def is_array_file(path: str) -> bool:
    """Whether a regular file holds a .npy array, by its first bytes.

    Raises:
        SsimtoolError: `not_found` or `unreadable`.
    """
    if path == STDIN:
        return False
    with reading(path):
        if not Path(path).is_file():  # a pipe can be read only once
            return False
        with open(path, "rb") as file:
            return file.read(len(NPY_MAGIC)) == NPY_MAGIC
