"""Open the arrays of .npy and .npz files, and read some of their rows at a time."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers import held as held_files
from ssimtool.readers.arrays.npy import (
    BLOCK,
    Header,
    cut_off,
    first_line,
    read_header,
    read_samples,
)
from ssimtool.readers.files import Content, give_back, hold, read_content, reading, shown
from ssimtool.readers.held import HeldFile, private_copy
from ssimtool.readers.kinds import is_stream
from ssimtool.readers.samples import Array

# Errors of zipfile for an archive that is cut off, damaged, encrypted or of a later version.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


@dataclass(frozen=True)
class ArraySource:
    """Array that is read some rows at a time.

    `read(start, stop)` returns rows of the first axis, in ascending order only. `release()` frees
    the memory of the rows read so far; they stay readable.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[int, int], Array]
    release: Callable[[], None]

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def open_array(path: str) -> ArraySource:
    """Open a .npy file; read a pipe or standard input into memory.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npy file.
    """
    name = shown(path)
    if is_stream(path):
        return array_of(read_content(path), name)
    with reading(path):
        held = hold(path)
        header = read_header(held.file, name)
    if held.size - header.offset < header.nbytes:
        raise cut_off(name, header, held.size - header.offset)

    def rows(start: int, size: int) -> bytearray:
        with reading(path):
            return held.read(header.offset + start, size)

    def whole() -> Content | bytearray:
        if header.nbytes < held_files.COPY_FROM_BYTES:
            return rows(0, header.nbytes)
        with reading(path):
            pieces = held.pieces(header.offset, header.nbytes)
            return private_copy(pieces, header.nbytes, name)

    return _source(name, header, rows, whole)


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


def _source(
    name: str,
    header: Header,
    rows: Callable[[int, int], bytes | bytearray],
    whole: Callable[[], Content | bytearray],
) -> ArraySource:
    """Source of an array of which rows are read, or all of it at once.

    Args:
        name: its name in messages.
        header: its header.
        rows: reads some of its bytes, from the first byte of a row on.
        whole: reads all its bytes. They are needed if rows are spread over them, in Fortran order,
            or if one sample is as large as `COPY_FROM_BYTES`; then they are mapped.
    """
    row = header.nbytes // max(header.shape[0], 1) if header.shape else header.nbytes
    pages: list[Content | bytearray] = []

    def read(start: int, stop: int) -> Array:
        size = (stop - start) * row
        is_spread = header.fortran_order and len(header.shape) > 1
        if size and not is_spread and size < held_files.COPY_FROM_BYTES:
            data = rows(start * row, size)
            return np.frombuffer(data, header.dtype).reshape(stop - start, *header.shape[1:])
        if not pages:
            pages.append(whole())
        return _as_array(header, pages[0], 0)[start:stop]

    def release() -> None:
        # Mapped pages count as memory of this process until they are released. In Fortran order,
        # the next rows are on the same pages.
        for data in pages if not header.fortran_order else ():
            give_back(data, 0, len(data))

    return ArraySource(name, header.shape, header.dtype, read, release)


def _as_array(header: Header, data: Content | bytearray, offset: int) -> Array:
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    return np.ndarray(header.shape, header.dtype, data, offset, order=order)


def open_dump(path: str, keys: tuple[str, ...]) -> dict[str, ArraySource]:
    """Open the arrays of a .npz file under the given keys.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npz file; `not_found`, a key is
            missing.
    """
    data = read_content(path) if is_stream(path) else None
    try:
        held = None
        if data is None:
            with reading(path):
                held = hold(path)
        file = held.file if held is not None else io.BytesIO(data or b"")
        head = file.read(2)
        archive = zipfile.ZipFile(file)
        present = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    except DAMAGED:
        fault = "is cut off or damaged" if head == b"PK" else "is not a zip archive"
        raise SsimtoolError(
            "truncated" if head == b"PK" else "not_an_image",
            f"{shown(path)}: {fault}, "
            f"expected a .npz file with the keys {', '.join(keys)}; save it with numpy.savez",
        ) from None
    for key in keys:
        if key not in present:
            optional = "recon" in keys and key in ("mu", "logvar")  # a loss without a KL term
            advice = "save it as well" + (", or pass --beta 0" if optional else "")
            raise SsimtoolError(
                "not_found",
                f"{shown(path)}: has no array {key!r} (found: {', '.join(present) or 'none'}), "
                f"expected {', '.join(keys)}; {advice}",
            )
    return {key: _open_member(archive, held, key, path) for key in keys}


def _open_member(
    archive: zipfile.ZipFile, held: HeldFile | None, key: str, path: str
) -> ArraySource:
    name = f"{shown(path)}[{key}]"
    with _unpacking(name, held):
        file = archive.open(f"{key}.npy")
        header = read_header(file, name)
    size = archive.getinfo(file.name).file_size - header.offset
    if size < header.nbytes:
        raise cut_off(name, header, size)

    def rows(start: int, size: int) -> bytes:
        with _unpacking(name, held):
            file.seek(header.offset + start)
            data = file.read(size)
        if len(data) < size:
            raise cut_off(name, header, start + len(data))
        return data

    def whole() -> Content | bytearray:
        # opened again: zipfile compares no checksum once it was told to seek
        with _unpacking(name, held), archive.open(f"{key}.npy") as file:
            read_header(file, name)
            if header.nbytes < held_files.COPY_FROM_BYTES:
                data: Content | bytearray = read_samples(file, header, name)
            else:
                data = private_copy(_blocks(file, header, name), header.nbytes, name)
            while file.read(BLOCK):  # the checksum is compared at the end of the member
                pass
        return data

    return _source(name, header, rows, whole)


def _blocks(file: IO[bytes], header: Header, name: str) -> Iterator[bytes]:
    held = 0
    while data := file.read(min(BLOCK, header.nbytes - held)):
        held += len(data)
        yield data
    if held < header.nbytes:
        raise cut_off(name, header, held)


@contextmanager
def _unpacking(name: str, held: HeldFile | None) -> Iterator[None]:
    """Turn an error of zipfile into one that names the array; check that the file stays the same.

    Raises:
        SsimtoolError: `unreadable`.
    """
    check = (lambda: None) if held is None else held.check
    check()
    try:
        yield
        check()
    except DAMAGED as error:
        check()
        raise SsimtoolError(
            "unreadable",
            f"{name}: cannot be unpacked ({first_line(error)}), expected an intact .npz file; "
            "save it again",
        ) from None
