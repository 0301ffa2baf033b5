"""Read and check the header of a .npy file."""

from __future__ import annotations

import threading
import tokenize
import warnings
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import NPY_MAGIC
from ssimtool.readers.foreign import foreign_error, foreign_kind, suffix_kind

# Errors of numpy's parser for a header that is cut off or is not a header.
DAMAGED = (
    ValueError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
)
BLOCK = 1 << 20  # bytes to read at a time
WARNINGS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Header:
    """Header of a .npy file; the samples begin at byte `offset`."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def is_spread(self) -> bool:
        """True in Fortran order: the numbers of a row are far apart in the file."""
        return self.fortran_order and len(self.shape) > 1

    @property
    def nbytes(self) -> int:
        """Size of the samples in bytes."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def read_header(file: IO[bytes], name: str) -> Header:
    """Read the header at the beginning of a .npy file.

    Raises:
        SsimtoolError: `not_an_image`, `truncated`, `pickled` or `unsupported`.
    """
    magic = file.read(len(NPY_MAGIC))
    if not magic:
        raise SsimtoolError(
            "truncated", f"{name}: is empty (0 bytes), expected a .npy array; save it again"
        )
    if magic != NPY_MAGIC:
        _refuse_other(magic + file.read(512), name)
    try:
        first = file.read(2) == b"\x01\x00"
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        # numpy warns about headers written by Python 2. The filter applies to all threads, hence a
        # lock.
        with WARNINGS_LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran_order, dtype = read(file)
        # True is an int in Python, and passes numpy's check
        if not all(type(n) is int and 0 <= n < 2**48 for n in shape) or len(shape) > 32:
            raise ValueError(f"shape {shape}")
    except DAMAGED as error:
        raise SsimtoolError(
            "truncated",
            f"{name}: the .npy header is cut off or damaged ({first_line(error)}), expected a "
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


def read_samples(file: IO[bytes], header: Header, name: str) -> bytearray:
    """Read the samples behind a header from a file that cannot be mapped.

    A header that asks for more than the file holds allocates nothing.

    Raises:
        SsimtoolError: `truncated`.
    """
    data = bytearray()
    while part := file.read(min(BLOCK, header.nbytes - len(data))):
        data += part
    if len(data) < header.nbytes:
        raise cut_off(name, header, len(data))
    return data


def is_pickle(head: bytes) -> bool:
    """Whether a file begins like a pickle of protocol 2 or later."""
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def pickled(name: str) -> SsimtoolError:
    """Error for a pickle in place of samples."""
    return SsimtoolError(
        "pickled",
        f"{name}: is a Python pickle, expected samples; pickles are never loaded, "
        "save it with numpy.save",
    )


def _refuse_other(head: bytes, name: str) -> None:
    kind = foreign_kind(head)
    if kind is None and is_pickle(head):
        raise pickled(name)
    kind = kind or suffix_kind(name)
    if kind:
        raise foreign_error(name, kind, "a .npy array")
    title = "a zip archive" if head[:2] == b"PK" else "not a .npy file"
    raise SsimtoolError(
        "not_an_image",
        f"{name}: is {title} (begins with {head[: len(NPY_MAGIC)]!r}), expected a .npy "
        "array; save one with numpy.save",
    )


def first_line(error: Exception) -> str:
    """First line of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def cut_off(name: str, header: Header, held: int) -> SsimtoolError:
    """Error for samples that end too early."""
    return SsimtoolError(
        "truncated",
        f"{name}: holds {held} bytes of samples, expected {header.nbytes} for {header.dtype} of "
        f"shape {header.shape}; copy or save it again",
    )


def non_finite(name: str) -> SsimtoolError:
    """Error for an array with NaN or infinity."""
    return SsimtoolError(
        "non_finite",
        f"{name}: holds NaN or infinity, expected finite numbers; check what wrote them",
    )
