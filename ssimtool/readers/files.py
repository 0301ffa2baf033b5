"""Files and standard input, opened with errors that say what to do."""

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
# Larger files are mapped, so that they need no memory beside what is decoded from them; smaller
# ones are read, which is as fast and holds whatever becomes of the file meanwhile.
MAPPED = 2**24  # bytes
Content = bytes | mmap.mmap


def shown(path: str) -> str:
    """The name of an input in a message."""
    return "standard input" if path == STDIN else printable(path) or "(an empty name)"


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns what the operating system says about a file into an error that names it.

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
            "unreadable", f"{shown(path)}: is a directory, expected a file; name one file in it"
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SsimtoolError(
            "unreadable",
            f"{shown(path)}: cannot be read ({reason}), expected a readable file; "
            "check its permissions",
        ) from None


def open_binary(path: str) -> BinaryIO:
    """A file opened for reading; of a folder, Windows says that its permission is missing.

    Raises:
        OSError: it cannot be opened; IsADirectoryError where it is a folder.
    """
    if sys.platform == "win32" and os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    return open(path, "rb")


def read_content(path: str) -> Content:
    """The content of a file, or of standard input for `-`.

    Raises:
        SsimtoolError: `not_found` or `unreadable`.
    """
    with reading(path):
        if path != STDIN:
            with open_binary(path) as file:
                if os.fstat(file.fileno()).st_size < MAPPED:  # of a pipe it is 0
                    return file.read()
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if sys.stdin is None:
            raise OSError("is closed")
        return sys.stdin.buffer.read()


def give_back(data: Content, start: int, stop: int) -> None:
    """Hands back the memory of mapped bytes that were read, which stay readable."""
    if sys.platform != "win32" and isinstance(data, mmap.mmap):  # which has no madvise
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
        if not Path(path).is_file():  # a pipe could be read only once
            return False
        with open(path, "rb") as file:
            return file.read(len(NPY_MAGIC)) == NPY_MAGIC
