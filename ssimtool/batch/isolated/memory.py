"""Memory that two processes share. It has no name, so nothing is left when both have ended."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Each array begins at a page, so that vectors of it do not cross cache lines.
ALIGNMENT = mmap.PAGESIZE


def new_memory() -> int:
    """Return the descriptor of new shared memory of 0 bytes; close it when it is mapped.

    Raises:
        OSError: the system has no more descriptors, or no folder for temporary files.
    """
    if sys.platform == "linux":
        import fcntl

        descriptor = os.memfd_create("ssimtool", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        # Reading beyond the end of a file that shrank would end the process that reads.
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return descriptor
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedMemory:
    """Shared memory as this process sees it.

    Args:
        descriptor: of `new_memory`; this object closes it.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._bytes: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._mapped: mmap.mmap | None = None
        # Before it grew, the memory was at other places of the address space.
        self._places: list[weakref.ref[NDArray[np.uint8]]] = []

    @property
    def size(self) -> int:
        """Bytes of the memory that this process sees."""
        return len(self._bytes)

    def close(self) -> None:
        """Close the descriptor; arrays stay valid."""
        self._file.close()

    def grow(self, size: int) -> None:
        """Make room for `size` bytes.

        Raises:
            OSError: there is no room.
        """
        if size <= len(self._bytes):
            return
        if sys.platform == "linux":  # elsewhere, missing room shows only when it is written
            os.posix_fallocate(self._file.fileno(), 0, size)
        else:
            os.ftruncate(self._file.fileno(), size)
        self.see(size)

    def see(self, size: int) -> None:
        """Map what the other process has made room for."""
        if size > len(self._bytes):
            self._mapped = mmap.mmap(self._file.fileno(), size)
            self._bytes = np.frombuffer(self._mapped, np.uint8)
            self._places = [place for place in self._places if place() is not None]
            self._places.append(weakref.ref(self._bytes))

    def release(self) -> None:
        """Return the memory to the system, on Linux. Arrays in it are 0 until they are written."""
        if sys.platform == "linux" and self._mapped is not None:
            self._mapped.madvise(mmap.MADV_REMOVE)

    def array(self, offset: int, shape: tuple[int, ...], dtype: str) -> Array:
        """Return an array in the memory. It stays valid when the memory grows."""
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        return self._bytes[offset : offset + size].view(kind).reshape(shape)

    def offset_of(self, array: Array) -> int | None:
        """Return where a contiguous array is in the memory; None if it is elsewhere."""
        if not (len(self._bytes) and array.flags.c_contiguous):
            return None
        offset = array.ctypes.data - self._bytes.ctypes.data
        return offset if 0 <= offset <= len(self._bytes) - array.nbytes else None

    def overlaps(self, array: Array) -> bool:
        """Return whether an array has samples in the memory."""
        places = (place() for place in self._places)
        return any(p is not None and np.may_share_memory(array, p) for p in places)


def aligned(size: int) -> int:
    """Return the bytes that an array of a size takes.

    >>> aligned(1) == aligned(ALIGNMENT) == ALIGNMENT
    True
    """
    return -(-size // ALIGNMENT) * ALIGNMENT
