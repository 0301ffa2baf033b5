"""Open the array of a .npy file, and read some of its rows at a time."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ssimtool.readers import held as held_files
from ssimtool.readers.arrays.npy import (
    Header,
    cut_off,
    read_header,
)
from ssimtool.readers.files import Content, give_back, hold, read_content, reading, shown
from ssimtool.readers.held import private_copy
from ssimtool.readers.kinds import is_stream
from ssimtool.readers.samples import Array


@dataclass(frozen=True)
class ArraySource:
    """Array that is read some rows at a time.

    `read(start, stop)` returns rows of the first axis, in ascending order only. `release()` frees
    the memory of the rows read so far; they stay readable. `fill(array)` writes all rows to an
    array, and returns whether it could.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[int, int], Array]
    release: Callable[[], None]
    fill: Callable[[Array], bool] = lambda _: False

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def open_array(path: str, *, max_bytes: int | None = None) -> ArraySource:
    """Open a .npy file; read a pipe or standard input into memory.

    Args:
        path: a file, a pipe or `-`.
        max_bytes: reject a pipe with more bytes; 0 is no limit, None 4 GB or half the memory.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npy file.
    """
    name = shown(path)
    if is_stream(path):
        return array_of(read_content(path, max_bytes=max_bytes), name)
    with reading(path):
        held = hold(path)
        header = read_header(held.file, name)
    if held.size - header.offset < header.nbytes:
        raise cut_off(name, header, held.size - header.offset)

    def rows(start: int, size: int) -> bytearray:
        with reading(path):
            return held.read(header.offset + start, size)

    def large(start: int, size: int) -> Content:
        with reading(path):
            return private_copy(held.pieces(header.offset + start, size), size, name)

    def whole() -> Content | bytearray:
        read = rows if header.nbytes < held_files.COPY_FROM_BYTES else large
        return read(0, header.nbytes)

    def fill(into: Array) -> bool:
        fits = into.nbytes == header.nbytes and into.dtype == header.dtype
        if header.is_spread or not (fits and into.flags.c_contiguous and into.flags.writeable):
            return False
        with reading(path):
            held.read_into(into.reshape(-1).view(np.uint8).data, header.offset)
        return True

    return replace(source_of(name, header, rows, large, whole), fill=fill)


def array_of(data: Content | bytearray, name: str) -> ArraySource:
    """Return the array of the content of a .npy file.

    Raises:
        SsimtoolError: it is not that of a sound .npy file.
    """
    header = read_header(io.BytesIO(data), name)
    held = len(data) - header.offset
    if held < header.nbytes:
        raise cut_off(name, header, held)
    return in_memory(_as_array(header, data, header.offset), name)


def in_memory(array: Array, name: str) -> ArraySource:
    """Return an array in memory as a source."""
    return ArraySource(name, array.shape, array.dtype, lambda i, j: array[i:j], lambda: None)


def source_of(
    name: str,
    header: Header,
    rows: Callable[[int, int], bytes | bytearray],
    large: Callable[[int, int], Content],
    whole: Callable[[], Content | bytearray],
) -> ArraySource:
    """Source of an array of which rows are read, or all of it at once.

    Args:
        name: its name in messages.
        header: its header.
        rows: reads some of its bytes: their place, from the first sample on, and their number.
        large: the same from `COPY_FROM_BYTES` on, mapped.
        whole: reads all its bytes, if rows are spread over them, in Fortran order.
    """
    row = header.nbytes // max(header.shape[0], 1) if header.shape else header.nbytes
    pages: list[Content | bytearray] = []

    def read(start: int, stop: int) -> Array:
        size = (stop - start) * row
        if header.is_spread or not size:
            pages[:] = pages or [whole()]
            return _as_array(header, pages[0], 0)[start:stop]
        if size < held_files.COPY_FROM_BYTES:
            data: Content | bytearray = rows(start * row, size)
        else:
            data = large(start * row, size)
            pages[:] = [data]
        return np.frombuffer(data, header.dtype).reshape(stop - start, *header.shape[1:])

    def release() -> None:
        # Mapped pages count as memory of this process until they are released. In Fortran order,
        # the next rows are on the same pages.
        for data in pages if not header.is_spread else ():
            give_back(data, 0, len(data))

    return ArraySource(name, header.shape, header.dtype, read, release)


def _as_array(header: Header, data: Content | bytearray, offset: int) -> Array:
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    return np.ndarray(header.shape, header.dtype, data, offset, order=order)
