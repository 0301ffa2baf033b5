"""Read PAM and colour PFM, which Pillow does not read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content, shown
from ssimtool.readers.images.beginnings import COLOUR_PFM
from ssimtool.readers.samples import Array, Samples, range_of_floats

HEADER_BYTES = 2**16  # longer headers are no headers
# Tuple types of PAM (netpbm, doc/pam.html), without _ALPHA, and the channels of colour
TUPLES = {"BLACKANDWHITE": 1, "GRAYSCALE": 1, "RGB": 3}


@dataclass(frozen=True)
class Header:
    """Header of a PAM or PFM; the samples begin at byte `offset`.

    `top` is the largest value of PAM, 0 for floats.
    """

    width: int
    height: int
    channels: int
    top: int
    kind: str
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the samples."""
        return self.width * self.height * self.channels * self.dtype.itemsize


def read_netpbm_header(data: Content) -> Header:
    """Read the header.

    Raises:
        ValueError: it is damaged.
    """
    head = data[:HEADER_BYTES]
    if head[:2] == COLOUR_PFM:
        match = re.match(rb"PF\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s", head)
        if match is None or not float(match[3]):
            raise ValueError("not the header of a PFM")
        order = "<" if float(match[3]) < 0 else ">"
        width, height, dtype = int(match[1]), int(match[2]), np.dtype(f"{order}f4")
        return _sound(Header(width, height, 3, 0, "RGB", dtype, match.end()))
    end = re.search(rb"\nENDHDR[^\n]*\n", head)
    if end is None:
        raise ValueError("not the header of a PAM")
    lines = [line.split() for line in head[: end.start()].splitlines()[1:]]
    words = {line[0]: line[1:] for line in lines if line and not line[0].startswith(b"#")}
    width, height, channels, top = (
        int(words[name][0]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
    )
    kind = b" ".join(words.get(b"TUPLTYPE", [])).decode("ascii")
    if not 1 <= top < 2**16:
        raise ValueError(f"MAXVAL {top}")
    dtype = np.dtype(">u2" if top > 255 else "u1")
    return _sound(Header(width, height, channels, top, kind, dtype, end.end()))


def _sound(header: Header) -> Header:
    if not (header.width and header.height and header.channels):
        raise ValueError(f"a size of {header.width}x{header.height}")
    return header


def read_netpbm(data: Content, header: Header, path: str) -> Samples:
    """Return the samples: of PAM with the range of its MAXVAL, of PFM as floats.

    Raises:
        SsimtoolError: `unsupported`, a PAM of another kind than grey and RGB.
        ValueError: the samples are cut off, or beyond MAXVAL.
    """
    if len(data) < header.offset + header.size:
        raise ValueError(
            f"truncated: {len(data) - header.offset} bytes of samples, expected {header.size}"
        )
    shape = header.height, header.width, header.channels
    stored = np.frombuffer(data, header.dtype, int(np.prod(shape)), header.offset).reshape(shape)
    array: Array = stored.astype(header.dtype.newbyteorder("="))
    if not header.top:  # PFM begins with the lowest row
        array = np.ascontiguousarray(array[::-1])
        top = range_of_floats(array)
        return Samples(path=path, samples=array, space="rgb", data_range=top)
    if int(array.max()) > header.top:
        raise ValueError(f"a sample of {array.max()} above MAXVAL {header.top}")
    colours = TUPLES.get(header.kind.removesuffix("_ALPHA"), header.channels)
    has_alpha = header.kind.endswith("_ALPHA") or (not header.kind and header.channels in (2, 4))
    colours = header.channels - has_alpha if not header.kind else colours
    if colours not in (1, 3) or colours + has_alpha != header.channels:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: is a PAM of {header.channels} channels and the type "
            f"{header.kind or '(none)'}, expected GRAYSCALE or RGB, with _ALPHA or without; "
            "save it as PNG",
        )
    return Samples(
        path=path,
        samples=array[:, :, :colours] if has_alpha else array,
        alpha=array[:, :, -1] if has_alpha else None,
        space="grey" if colours == 1 else "rgb",
        data_range=header.top,
    )
