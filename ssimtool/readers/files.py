"""Open files and standard input; errors say what to do."""

from __future__ import annotations

import errno
import mmap
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ssimtool.errors import (
    ArgumentError,
    SsimtoolError,
    is_out_of_memory,
    printable,
    too_large,
)
from ssimtool.readers import held as held_files
from ssimtool.readers.held import HeldFile, private_copy
from ssimtool.readers.kinds import (
    PIPE,
    SOCKET,
    descriptor_of,
    is_idle,
    is_stream,
    special_kind,
    status_of,
)
from ssimtool.readers.kinds import STDIN as STDIN
from ssimtool.readers.limits import check_bytes, read_to_end

NPY_MAGIC = b"\x93NUMPY"
Content = bytes | mmap.mmap


def shown(path: str) -> str:
    """Name of an input in a message; in quotes if spaces around it would be overlooked.

    >>> shown("a b.png"), shown(" b.png")
    ('a b.png', "' b.png'")
    """
    if path == STDIN:
        return "standard input"
    name = printable(path) or "(an empty name)"
    return name if name == name.strip() else f"'{name}'"


def are_names(*paths: str) -> bool:
    r"""Return whether files can have these names: JSON can write names that no file has.

    >>> are_names("a.png", "é.png"), are_names("a\0.png"), are_names("\ud800.png")
    (True, False, False)
    """
    try:
        return b"\0" not in b"".join(map(os.fsencode, paths))
    except UnicodeEncodeError:
        return False


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn an error of the operating system into one that names the file.

    Raises:
        SsimtoolError: `not_found`, `unreadable` or `too_large`.
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
        if is_out_of_memory(error):
            raise too_large(shown(path)) from None
        reason = (error.strerror or str(error)).lower()
        raise SsimtoolError(
            "unreadable",
            f"{shown(path)}: cannot be read ({reason}), expected a readable file; "
            "check its permissions",
        ) from None


def check_ends(path: str) -> None:
    """Check that reading an input ends: it is a file, a pipe or an open stream.

    Raises:
        OSError: there is no such file.
        SsimtoolError: `unreadable`, it is a device or a socket.
    """
    kind, descriptor = special_kind(status_of(path)), descriptor_of(path)
    if kind in (None, PIPE):
        return
    if descriptor is not None and (kind == SOCKET or is_idle(descriptor)):
        return
    raise SsimtoolError(
        "unreadable", f"{shown(path)}: is {kind}, expected a file or a pipe; pass a file"
    )


def check_regular(path: str) -> None:
    """Check that an input, which may be read more than once, is not a pipe, a device or a socket.

    A path without a file passes: the error of reading it says more.

    Raises:
        SsimtoolError: `unreadable`.
    """
    with suppress(OSError, ValueError):
        kind = special_kind(status_of(path))
        if kind is not None:
            raise SsimtoolError(
                "unreadable",
                f"{shown(path)}: is {kind}, expected a regular file; save its content to one",
            )


def check_batch_input(*images: object) -> None:
    """Check that the paths among images name files: a pipe could be read for one pair only.

    Raises:
        SsimtoolError: `unsupported` for standard input, `unreadable` for a pipe or a device.
    """
    for path in (os.fsdecode(i) for i in images if isinstance(i, (str, os.PathLike))):
        if path == STDIN:
            raise SsimtoolError(
                "unsupported",
                "standard input cannot be an image of a batch, expected a file; write ./- for a "
                "file of that name",
            )
        check_regular(path)


def check_read_once(paths: Iterable[str]) -> None:
    """Check that neither standard input nor a pipe is passed twice, even by two names.

    Raises:
        ArgumentError: one is.
    """
    taken: set[object] = set()
    for path in paths:
        keys: set[object] = {STDIN} if path == STDIN else set()
        with suppress(OSError, ValueError):
            status = status_of(path)
            if special_kind(status) in (PIPE, SOCKET):
                keys.add((status.st_dev, status.st_ino))
        if not taken.isdisjoint(keys):
            raise ArgumentError(
                f"{shown(path)}: is passed twice, but can be read only once; save it to a file"
            )
        taken |= keys


def open_binary(path: str) -> BinaryIO:
    """Open a file or a pipe for reading.

    For a folder, Windows would report a missing permission instead of IsADirectoryError.

    Raises:
        OSError: the file cannot be opened; IsADirectoryError for a folder.
        SsimtoolError: `unreadable`, it is a device or a socket.
    """
    check_ends(path)
    if sys.platform == "win32" and os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    descriptor = descriptor_of(path)
    if descriptor is not None and special_kind(status_of(path)) == SOCKET:  # has no path to open
        return os.fdopen(os.dup(descriptor), "rb")
    return open(path, "rb")


def hold(path: str) -> HeldFile:
    """Open a regular file.

    Raises:
        OSError, SsimtoolError: those of `open_binary`.
    """
    return HeldFile(open_binary(path), shown(path))


def read_content(path: str, *, max_bytes: int | None = None, may_grow: bool = False) -> Content:
    """Read a file, or standard input for `-`.

    Args:
        path: a file, a pipe or `-`.
        max_bytes: reject an input with more bytes; 0 is no limit, None 4 GB or half the memory.
        may_grow: whether the file may change meanwhile, as the scores of a run do.

    Raises:
        SsimtoolError: `not_found`, `unreadable` or `too_large`.
    """
    with reading(path):
        if path != STDIN:
            with open_binary(path) as file:
                if is_stream(path):
                    return read_to_end(file, max_bytes, shown(path))
                return _content_of(HeldFile(file, shown(path)), max_bytes, may_grow=may_grow)
        if sys.stdin is None:
            raise OSError("is closed")
        check_ends(path)
        return read_to_end(sys.stdin.buffer, max_bytes, shown(path))


def _content_of(held: HeldFile, max_bytes: int | None, *, may_grow: bool) -> Content:
    check_bytes(held.size, max_bytes, held.name)
    if held.size >= held_files.COPY_IMAGE_FROM_BYTES and not may_grow:
        return private_copy(held.pieces(0, held.size), held.size, held.name)
    data = held.file.read()
    if not may_grow:
        held.check()
    return data


def give_back(data: Content | bytearray, start: int, stop: int) -> None:
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
