"""NumPy arrays: one image from a .npy file, and the arrays that a training run saved."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import NPY_MAGIC, reading, shown
from ssimtool.readers.samples import Array, Samples, Space, range_of_type

ImageLayout = Literal["auto", "hwc", "chw"]
CHANNELS = (1, 3, 4)
SPACES: dict[int, Space] = {1: "grey", 3: "rgb"}


@dataclass(frozen=True)
class Header:
    """What stands at the head of a .npy file; `offset` is where the samples begin."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def nbytes(self) -> int:
        """The size of the samples in bytes."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def read_header(file: IO[bytes], name: str) -> Header:
    """The header of a .npy file that stands at its beginning.

    Raises:
        SsimtoolError: `not_an_image`, `truncated`, `pickled` or `unsupported`.
    """
    magic = file.read(len(NPY_MAGIC))
    if not magic:
        raise SsimtoolError(
            "truncated", f"{name}: is empty (0 bytes), expected a .npy array; save it again"
        )
    if magic != NPY_MAGIC:
        _refuse_other(magic, name)
    try:
        first = file.read(2) == b"\x01\x00"
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
    except (ValueError, EOFError, OSError) as error:
        raise SsimtoolError(
            "truncated",
            f"{name}: the .npy header is cut off or damaged ({_first_line(error)}), expected a "
            "shape and a dtype; save the array again",
        ) from None
    if dtype.hasobject:
        raise SsimtoolError(
            "pickled",
            f"{name}: holds pickled Python objects (dtype object), expected numbers; pickles are "
            "never loaded, save the array with a numeric dtype",
        )
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise SsimtoolError(
            "unsupported",
            f"{name}: has dtype {dtype}, expected integers or floats of up to 64 bits; convert it",
        )
    return Header(shape, fortran_order, dtype, file.tell())


def _refuse_other(magic: bytes, name: str) -> None:
    if magic[:1] == b"\x80" and magic[1:2] in b"\x02\x03\x04\x05":
        raise SsimtoolError(
            "pickled",
            f"{name}: is a Python pickle, expected a .npy array; pickles are never loaded, "
            "save it with numpy.save",
        )
    kind = "a zip archive (.npz, .pt)" if magic[:2] == b"PK" else "not a .npy array"
    raise SsimtoolError(
        "not_an_image",
        f"{name}: is {kind}, expected a .npy array; save it with numpy.save",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


@dataclass(frozen=True)
class ArraySource:
    """An array that is read some rows at a time; `read(start, stop)` goes forward only."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[int, int], Array]


def open_array(path: str) -> ArraySource:
    """A .npy file by memory map: each `read` maps its rows alone, so that what was used goes.

    Raises:
        SsimtoolError: whatever is wrong with the file.
    """
    name = shown(path)
    with reading(path):
        with open(path, "rb") as file:
            header = read_header(file, name)
        held = Path(path).stat().st_size - header.offset
    if held < header.nbytes:
        raise _cut_off(name, header, held)
    order: Literal["F", "C"] = "F" if header.fortran_order else "C"

    def read(start: int, stop: int) -> Array:
        with reading(path):
            if header.fortran_order or not header.shape:
                return np.memmap(path, header.dtype, "r", header.offset, header.shape, order)[
                    start:stop
                ]
            row = header.nbytes // max(header.shape[0], 1)
            return np.memmap(
                path,
                header.dtype,
                "r",
                header.offset + start * row,
                (stop - start, *header.shape[1:]),
            )

    return ArraySource(name, header.shape, header.dtype, read)


def _cut_off(name: str, header: Header, held: int) -> SsimtoolError:
    return SsimtoolError(
        "truncated",
        f"{name}: holds {held} bytes of samples, expected {header.nbytes} for {header.dtype} of "
        f"shape {header.shape}; copy or save it again",
    )


def open_dump(path: str) -> dict[str, ArraySource]:
    """The arrays of a .npz file by key, each read forward from the archive.

    Raises:
        SsimtoolError: whatever is wrong with the file.
    """
    with reading(path):
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            head = Path(path).read_bytes()[:2]
            raise SsimtoolError(
                "truncated" if head == b"PK" else "not_an_image",
                f"{shown(path)}: {'is cut off' if head == b'PK' else 'is not a zip archive'}, "
                "expected a .npz file with the keys recon, raw, mu and logvar; "
                "save it with numpy.savez",
            ) from None
    names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    return {key: _open_member(archive, path, key) for key in names}


def _open_member(archive: zipfile.ZipFile, path: str, key: str) -> ArraySource:
    name = f"{shown(path)}[{key}]"
    with _unpacking(name):
        file = archive.open(f"{key}.npy")
        header = read_header(file, name)
    if header.fortran_order and len(header.shape) > 1:
        raise SsimtoolError(
            "unsupported",
            f"{name}: is in Fortran order, expected C order; save numpy.ascontiguousarray of it",
        )
    row = header.nbytes // max(header.shape[0], 1) if header.shape else header.nbytes

    def read(start: int, stop: int) -> Array:
        with _unpacking(name):
            file.seek(header.offset + start * row)
            data = file.read((stop - start) * row)
        if len(data) < (stop - start) * row:
            raise _cut_off(name, header, start * row + len(data))
        return np.frombuffer(data, header.dtype).reshape(stop - start, *header.shape[1:])

    return ArraySource(name, header.shape, header.dtype, read)


@contextmanager
def _unpacking(name: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SsimtoolError(
            "unreadable",
            f"{name}: cannot be unpacked ({_first_line(error)}), expected an intact .npz file; "
            "save it again",
        ) from None


def read_array_image(
    path: str, data: bytes | None, *, layout: ImageLayout = "auto", max_pixels: int = 0
) -> Samples:
    """One image from a .npy array of shape (H, W), (H, W, C) or (C, H, W).

    Args:
        path: a file, mapped into memory where `data` is None.
        data: its content, where it was read already.
        layout: of three axes; `auto` tells by which end has 1, 3 or 4 entries.
        max_pixels: more pixels are refused; 0 is no limit.

    Raises:
        SsimtoolError: whatever is wrong with the file or its shape.
    """
    name = shown(path)
    if data is None:
        source = open_array(path)
        whole = source.shape and all(source.shape)
        array = source.read(0, source.shape[0]) if whole else np.empty(source.shape)
    else:
        header = read_header(io.BytesIO(data), name)
        if len(data) - header.offset < header.nbytes:
            raise _cut_off(name, header, len(data) - header.offset)
        array = np.load(io.BytesIO(data), allow_pickle=False)
    array = _as_hwc(array, name, layout)
    height, width, channels = array.shape
    check_pixels(name, width, height, max_pixels)
    array = np.asarray(array, dtype=array.dtype.newbyteorder("="))
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
        return Samples(path=path, samples=array, space=SPACES.get(channels, "other"), data_range=1)
    return Samples(
        path=path,
        samples=array,
        space=SPACES.get(channels, "other"),
        data_range=range_of_type(array.dtype) or _range_of_floats(array, name),
    )


def check_pixels(name: str, width: int, height: int, max_pixels: int) -> None:
    """Refuses an image of more pixels than allowed.

    Raises:
        SsimtoolError: `too_large`.
    """
    if max_pixels and width * height > max_pixels:
        raise SsimtoolError(
            "too_large",
            f"{name}: has {width}x{height} = {width * height} pixels, expected at most "
            f"{max_pixels}; allow more with --max-pixels",
        )


def _as_hwc(array: Array, name: str, layout: ImageLayout) -> Array:
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{name}: has shape {array.shape}, expected (H, W), (H, W, C) or (C, H, W), none of "
            "them 0; save one image",
        )
    if array.ndim == 2:
        return array[:, :, None]
    first, last = array.shape[0] in CHANNELS, array.shape[2] in CHANNELS
    if layout == "auto" and first == last:
        raise SsimtoolError(
            "shape_mismatch",
            f"{name}: has shape {array.shape}, which leaves in doubt where the channels are, "
            "expected 1, 3 or 4 at one end; say --layout hwc or --layout chw",
        )
    if layout == "chw" or (layout == "auto" and first):
        return array.transpose(1, 2, 0)
    return array


def _range_of_floats(array: Array, name: str) -> float | None:
    lowest, highest = float(array.min()), float(array.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise non_finite(name)
    return 1.0 if lowest >= 0 and highest <= 1 else None


def non_finite(name: str) -> SsimtoolError:
    """The error of an array with NaN or infinity in it."""
    return SsimtoolError(
        "non_finite",
        f"{name}: holds NaN or infinity, expected finite numbers; look at what wrote them",
    )
