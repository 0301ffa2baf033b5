"""Files that must stay as they are while they are read.

A file that is mapped and then becomes shorter ends the process (SIGBUS). So a file is read, and one
too large for that is copied to a temporary file first, which has no name and which nobody else can
change, and the copy is mapped. A change of the size or the time of the file is an error.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import BinaryIO

from ssimtool.errors import SsimtoolError, is_out_of_memory

# From this size on, samples of arrays are copied and mapped instead of read.
COPY_FROM_BYTES = 2**26
# So are images, before it is known how much memory they will need besides.
COPY_IMAGE_FROM_BYTES = 2**24
BLOCK = 1 << 20  # bytes to copy at a time


class HeldFile:
    """Regular file that is read at any place, by any thread; open until it is garbage.

    Args:
        file: the open file.
        name: its name in messages.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name, self._lock = file, name, Lock()
        self.size, self._time = self._state()

    def __del__(self) -> None:
        self.file.close()

    def check(self) -> None:
        """Check that the file is as it was when it was opened.

        Raises:
            SsimtoolError: `unreadable`.
        """
        if self._state() != (self.size, self._time):
            raise changed(self.name)

    def read(self, offset: int, size: int) -> bytearray:
        """Read some bytes of those that the file held when it was opened.

        Raises:
            SsimtoolError: `unreadable`, the file has changed.
        """
        data = bytearray(size)
        with memoryview(data) as view:
            self.read_into(view, offset)
        return data

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fill memory, bytes, like `read`."""
        held = 0
        with self._lock:
            self.file.seek(offset)
            while held < len(view):
                more = self.file.readinto(view[held:])  # type: ignore[attr-defined]
                if not more:
                    raise changed(self.name)
                held += more
        self.check()

    def pieces(self, offset: int, size: int) -> Iterator[bytearray]:
        """Read some bytes like `read`, a block at a time."""
        for start in range(offset, offset + size, BLOCK):
            yield self.read(start, min(BLOCK, offset + size - start))

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self.file.fileno())
        return status.st_size, status.st_mtime_ns


def changed(name: str) -> SsimtoolError:
    """Error for a file that was written while it was read."""
    return SsimtoolError(
        "unreadable",
        f"{name}: was changed while it was read, expected a file that stays as it is; wait until "
        "it is written, or pass a copy of it",
    )


def private_copy(pieces: Iterable[bytes | bytearray], size: int, name: str) -> mmap.mmap:
    """Copy bytes to a temporary file without a name, and map it.

    Args:
        pieces: the bytes, `size` in all, at least one.
        size: their number.
        name: where they are from, in messages.

    Raises:
        SsimtoolError: `too_large`, the folder of temporary files has no room.
        OSError: the address space has none.
    """
    with _temporary_space(name, size):
        copy = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
    with copy:
        with _temporary_space(name, size):
            copy.truncate(size)  # mapped first: without room for that, nothing need be copied
        pages = mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)
        for piece in pieces:
            with _temporary_space(name, size):
                copy.write(piece)
        with _temporary_space(name, size):
            copy.flush()
        return pages


@contextmanager
def _temporary_space(name: str, size: int) -> Iterator[None]:
    """Turn an error of the temporary file, not one of the input, into one that says so."""
    try:
        yield
    except OSError as error:
        if is_out_of_memory(error):
            raise
        reason = (error.strerror or str(error)).lower()
        raise SsimtoolError(
            "too_large",
            f"{name}: is copied while it is read, but {size} bytes of temporary files cannot be "
            f"written ({reason}); make room, or set TMPDIR to another folder",
        ) from None
