"""Open the arrays of a .npz file, and read some of their rows at a time."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ssimtool.errors import SsimtoolError, is_out_of_memory, too_large
from ssimtool.readers import held as held_files
from ssimtool.readers.arrays.npy import (
    BLOCK,
    Header,
    cut_off,
    first_line,
    read_header,
    read_samples,
)
from ssimtool.readers.arrays.sources import ArraySource, source_of
from ssimtool.readers.files import Content, hold, read_content, reading, shown
from ssimtool.readers.held import HeldFile, private_copy
from ssimtool.readers.kinds import is_stream
from ssimtool.readers.limits import check_bytes

# Errors of zipfile for an archive that is cut off, damaged, encrypted or of a later version.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


def open_dump(
    path: str, keys: tuple[str, ...], *, max_bytes: int | None = None
) -> dict[str, ArraySource]:
    """Open the arrays of a .npz file under the given keys.

    Args:
        path: a file, a pipe or `-`.
        keys: names of arrays.
        max_bytes: reject a pipe with more bytes, and an array that has to be unpacked as a whole;
            0 is no limit, None 4 GB or half the memory.

    Raises:
        SsimtoolError: the file cannot be read or is not a sound .npz file; `not_found`, a key is
            missing.
    """
    data = read_content(path, max_bytes=max_bytes) if is_stream(path) else None
    held = None
    with reading(path):
        if data is None:
            held = hold(path)
        file = held.file if held is not None else io.BytesIO(data or b"")
        head = file.read(2)
    try:
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
    return {key: _open_member(archive, held, key, path, max_bytes) for key in keys}


def _open_member(
    archive: zipfile.ZipFile, held: HeldFile | None, key: str, path: str, max_bytes: int | None
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

    def large(start: int, size: int) -> Content:
        check_bytes(size, max_bytes, name)
        with _unpacking(name, held):
            file.seek(header.offset + start)
            return private_copy(_blocks(file, size, header, name), size, name)

    def whole() -> Content | bytearray:
        check_bytes(header.nbytes, max_bytes, name)
        # opened again: zipfile compares no checksum once it was told to seek
        with _unpacking(name, held), archive.open(f"{key}.npy") as file:
            read_header(file, name)
            if header.nbytes < held_files.COPY_FROM_BYTES:
                data: Content | bytearray = read_samples(file, header, name)
            else:
                data = private_copy(_blocks(file, header.nbytes, header, name), header.nbytes, name)
            while file.read(BLOCK):  # the checksum is compared at the end of the member
                pass
        return data

    return source_of(name, header, rows, large, whole)


def _blocks(file: IO[bytes], size: int, header: Header, name: str) -> Iterator[bytes]:
    held = 0
    while data := file.read(min(BLOCK, size - held)):
        held += len(data)
        yield data
    if held < size:
        raise cut_off(name, header, held)


@contextmanager
def _unpacking(name: str, held: HeldFile | None) -> Iterator[None]:
    """Turn an error of zipfile into one that names the array; check that the file stays the same.

    Raises:
        SsimtoolError: `unreadable` or `too_large`.
    """
    _check(held)
    try:
        yield
        _check(held)
    except DAMAGED as error:
        _check(held)
        if is_out_of_memory(error):
            raise too_large(name) from None
        raise SsimtoolError(
            "unreadable",
            f"{name}: cannot be unpacked ({first_line(error)}), expected an intact .npz file; "
            "save it again",
        ) from None


def _check(held: HeldFile | None) -> None:
    if held is not None:
        held.check()
