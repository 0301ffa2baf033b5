"""Read JPEG XL by imagecodecs (libjxl), which returns samples but not what their colours mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content, shown
from ssimtool.readers.images.beginnings import CODESTREAM
from ssimtool.readers.images.codecs import codec
from ssimtool.readers.samples import Array, Samples, range_of_floats, range_of_type

HEADER_BYTES = 2**14  # the header is shorter, names of many extra channels aside
ALPHA = 0  # type of an extra channel
# Colour encodings (ISO/IEC 18181-1, annex E)
GREY, RGB, D65, SRGB_PRIMARIES, LINEAR, SRGB_TRANSFER = 1, 0, 1, 1, 8, 13
# White point and primaries of sRGB (IEC 61966-2-1), as x, y, Y
WHITE = (0.3127, 0.3290, 1.0)
PRIMARIES = (0.64, 0.33, 1.0, 0.30, 0.60, 1.0, 0.15, 0.06, 1.0)


@dataclass(frozen=True)
class Header:
    """Header of a JPEG XL.

    `channels` includes the alpha channel, if there is one. `is_linear` says that the samples are
    linear light; otherwise they are sRGB.
    """

    width: int
    height: int
    channels: int
    bits: int
    has_alpha: bool
    is_linear: bool


def read_jpeg_xl_header(data: Content, path: str) -> Header:
    """Read size, depth and colour space (ISO/IEC 18181-1, section on image headers).

    Raises:
        SsimtoolError: `unsupported`: an animation, premultiplied alpha, extra channels that are
            not alpha, or colours that are neither sRGB nor linear with its primaries.
        ValueError: the header is damaged or cut off.
    """
    take = _bits(_codestream(data)[2:])
    width, height = _size(take)
    reason, has_alpha, bits, grey, is_linear = None, False, 8, False, False
    if not take(1):  # otherwise all is as usual: 8 bits of sRGB, without extra channels
        if take(1):
            reason, width, height = _extra_fields(take, width, height)
        bits = _depth(take)
        take(1)  # modular_16bit
        has_alpha, worse = _extra_channels(take)
        take(1)  # xyb_encoded
        grey, is_linear, other = _colours(take)
        reason = reason or worse or other
    if reason:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: is a JPEG XL with {reason}, which is not read; save it as PNG",
        )
    return Header(width, height, (1 if grey else 3) + has_alpha, bits, has_alpha, is_linear)


def read_jpeg_xl(data: Content, header: Header, path: str) -> Samples:
    """Return the samples, upright: libjxl applies the orientation.

    Raises:
        SsimtoolError: `unsupported`, imagecodecs was built without JPEG XL.
        ValueError, RuntimeError: the file is damaged or cut off.
    """
    array: Array = np.asarray(codec("jpegxl", shown(path))(data))
    array = array if array.ndim == 3 else array[..., None]
    if array.shape != (header.height, header.width, header.channels):
        raise ValueError(f"samples of shape {array.shape}")
    if header.has_alpha and array.dtype.kind == "f":
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: has alpha beside floats, which is not read; save it without alpha",
        )
    top = range_of_floats(array) if array.dtype.kind == "f" else range_of_type(array.dtype)
    grey = header.channels - header.has_alpha == 1
    return Samples(
        path=path,
        samples=array[:, :, :-1] if header.has_alpha else array,
        alpha=array[:, :, -1] if header.has_alpha else None,
        space="grey" if grey else "rgb",
        data_range=top,
        profile=_linear_profile(grey) if header.is_linear else None,
    )


Take = Callable[[int], int]


def _bits(data: bytes) -> Take:
    """Return a function that takes bits from the data, the lowest of each byte first."""
    number, length, at = int.from_bytes(data, "little"), 8 * len(data), 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > length:
            raise ValueError("truncated: the header is cut off")
        at += count
        return (number >> (at - count)) & ((1 << count) - 1)

    return take


def _codestream(data: Content) -> bytes:
    """Return the beginning of the codestream, which can be in parts."""
    if data[:2] == CODESTREAM:
        return data[:HEADER_BYTES]
    at, parts = 0, b""
    while at + 8 <= len(data) and len(parts) < HEADER_BYTES:
        size, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = at + size if size else len(data)
        if end < start:
            break
        if kind in (b"jxlc", b"jxlp"):
            first = start + (4 if kind == b"jxlp" else 0)
            parts += data[first : min(end, first + HEADER_BYTES)]
        at = end
    if parts[:2] != CODESTREAM:
        raise ValueError("truncated: no codestream")
    return parts


def _u32(take: Take, *choices: tuple[int, int]) -> int:
    """Take an integer: two bits choose an offset and a number of further bits."""
    offset, bits = choices[take(2)]
    return offset + take(bits)


def _enum(take: Take) -> int:
    return _u32(take, (0, 0), (1, 0), (2, 4), (18, 6))


def _size(take: Take) -> tuple[int, int]:
    """Take the width and the height."""
    small = take(1)

    def side() -> int:
        if small:
            return 8 * (1 + take(5))
        return _u32(take, (1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = take(3)
    ratios = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
    if not ratio:
        return side(), height
    over, under = ratios[ratio - 1]
    return height * over // under, height


def _extra_fields(take: Take, width: int, height: int) -> tuple[str | None, int, int]:
    """Take orientation, intrinsic size, preview and animation; return the size upright."""
    if take(3) >= 4:  # orientation 5 to 8
        width, height = height, width
    if take(1):
        _size(take)
    if take(1):
        return "a preview", width, height
    return ("several frames" if take(1) else None), width, height


def _depth(take: Take) -> int:
    if take(1):
        bits = _u32(take, (32, 0), (16, 0), (24, 0), (1, 6))
        take(4)  # bits of the exponent
        return bits
    return _u32(take, (8, 0), (10, 0), (12, 0), (1, 6))


def _extra_channels(take: Take) -> tuple[bool, str | None]:
    """Take the extra channels: whether there is alpha, and what is not read."""
    number = _u32(take, (0, 0), (1, 0), (2, 4), (1, 12))
    if number > 1:
        return False, f"{number} extra channels"
    if not number or take(1):  # one of the usual kind is alpha of 8 bits
        return bool(number), None
    kind = _enum(take)
    if kind != ALPHA:
        return False, "an extra channel that is not alpha"
    _depth(take)
    _u32(take, (0, 0), (3, 0), (4, 0), (1, 3))  # its smaller size
    for _ in range(_u32(take, (0, 0), (0, 4), (16, 5), (48, 10))):  # its name
        take(8)
    return True, "premultiplied alpha" if take(1) else None


def _colours(take: Take) -> tuple[bool, bool, str | None]:
    """Take the colour encoding: whether it is grey, whether linear, and what is not read."""
    if take(1):
        return False, False, None
    has_profile, space = take(1), _enum(take)
    grey = space == GREY
    if has_profile:
        return grey, False, "an ICC profile"
    if space not in (GREY, RGB):
        return grey, False, "colours other than grey and RGB"
    if _enum(take) != D65 or (not grey and _enum(take) != SRGB_PRIMARIES):
        return grey, False, "primaries other than those of sRGB"
    transfer = None if take(1) else _enum(take)
    if transfer not in (LINEAR, SRGB_TRANSFER):
        return grey, False, "a transfer function that is neither linear nor that of sRGB"
    return grey, transfer == LINEAR, None


@cache
def _linear_profile(grey: bool) -> bytes:
    """Return the ICC profile of linear light, without the date of its making."""
    import imagecodecs

    kind, primaries = ("gray", None) if grey else ("rgb", PRIMARIES)
    profile = bytes(imagecodecs.cms_profile(kind, whitepoint=WHITE, primaries=primaries, gamma=1.0))
    # bytes 24 to 35 are the date (ICC.1:2022, table 17)
    return profile[:24] + bytes(12) + profile[36:]
