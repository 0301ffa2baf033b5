"""Open the arrays of .npy and .npz files, and read some of their rows at a time."""

from __future__ import annotations

import io
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.npy import (
    BLOCK,
    Header,
    cut_off,
    first_line,
    read_header,
    read_samples,
)
from ssimtool.readers.files import Content, give_back, open_binary, read_content, reading, shown
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


def open_array(path: str) -> ArraySource:
    """Open a .npy file as a memory map; read a pipe or standard input into memory.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npy file.
    """
    name = shown(path)
    if is_stream(path):
        data = read_content(path)
        header = read_header(io.BytesIO(data), name)
        if len(data) - header.offset < header.nbytes:
            raise cut_off(name, header, len(data) - header.offset)
        return _source(name, header, data, header.offset)
    with reading(path), open_binary(path) as file:
        header = read_header(file, name)
        held = os.fstat(file.fileno()).st_size - header.offset
        if held < header.nbytes:
            raise cut_off(name, header, held)
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return _source(name, header, pages, header.offset)


def _source(name: str, header: Header, data: Content | bytearray, offset: int) -> ArraySource:
    """Source of an array whose samples begin at an offset of mapped or read bytes."""
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"
    array: Array = np.ndarray(header.shape, header.dtype, data, offset, order=order)

    def read(start: int, stop: int) -> Array:
        return array[start:stop]

    def release() -> None:
        # Mapped pages count as memory of this process until they are released. In Fortran order,
        # the next rows are on the same pages.
        if order == "C" and not isinstance(data, bytearray):
            give_back(data, 0, len(data))

    return ArraySource(name, header.shape, header.dtype, read, release)


def open_dump(path: str, keys: tuple[str, ...]) -> dict[str, ArraySource]:
    """Open the arrays of a .npz file under the given keys.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npz file; `not_found`, a key is
            missing.
    """
    data = read_content(path) if is_stream(path) else None
    try:
        if data is None:
            with reading(path), open_binary(path) as file:
                head = file.read(2)
        else:
            head = data[:2]
        archive = zipfile.ZipFile(path if data is None else io.BytesIO(data))
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
    return {key: _open_member(archive, path, key) for key in keys}


def _open_member(archive: zipfile.ZipFile, path: str, key: str) -> ArraySource:
    name = f"{shown(path)}[{key}]"
    with _unpacking(name):
        file = archive.open(f"{key}.npy")
        header = read_header(file, name)
        if header.fortran_order and len(header.shape) > 1:  # a row is spread over the whole array
            return _open_whole_member(archive, file, header, name)
    row = header.nbytes // max(header.shape[0], 1) if header.shape else header.nbytes

    def read(start: int, stop: int) -> Array:
        with _unpacking(name):
            file.seek(header.offset + start * row)
            data = file.read((stop - start) * row)
        if len(data) < (stop - start) * row:
            raise cut_off(name, header, start * row + len(data))
        return np.frombuffer(data, header.dtype).reshape(stop - start, *header.shape[1:])

    return ArraySource(name, header.shape, header.dtype, read, lambda: None)


def _open_whole_member(
    archive: zipfile.ZipFile, file: IO[bytes], header: Header, name: str
) -> ArraySource:
    """Source of a member that is mapped, or unpacked as a whole if it is compressed."""
    info = archive.getinfo(file.name)
    held = info.file_size - header.offset
    if held < header.nbytes:
        raise cut_off(name, header, held)
    if info.compress_type == zipfile.ZIP_STORED and isinstance(archive.filename, str):
        while file.read(BLOCK):  # zipfile compares the checksum at the end of the member
            pass
        with open_binary(archive.filename) as mapped:
            pages = mmap.mmap(mapped.fileno(), 0, access=mmap.ACCESS_READ)
        # The lengths of the name and of the extra field (APPNOTE.TXT 4.3.7) precede the content.
        lengths = struct.unpack_from("<HH", pages, info.header_offset + 26)
        return _source(name, header, pages, info.header_offset + 30 + sum(lengths) + header.offset)
    data = read_samples(file, header, name)
    while file.read(BLOCK):
        pass
    return _source(name, header, data, 0)


@contextmanager
def _unpacking(name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise SsimtoolError(
            "unreadable",
            f"{name}: cannot be unpacked ({first_line(error)}), expected an intact .npz file; "
            "save it again",
        ) from None
