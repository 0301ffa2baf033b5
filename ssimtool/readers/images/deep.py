"""Read colour of more than 8 bits per channel, which Pillow would cut to 8 without a warning."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content, shown
from ssimtool.readers.samples import Array, Samples, range_of_type


def is_deep(image: Image.Image, data: Content, name: str) -> bool:
    """Whether Pillow would cut this image to 8 bits, by its header.

    Raises:
        SsimtoolError: `unsupported`, it would, and this module cannot read the format.
    """
    bits = _bits(image, data)
    if bits <= 8:
        return False
    if image.format != "PNG":
        raise SsimtoolError(
            "unsupported",
            f"{name}: is a colour {image.format} of {bits} bits a channel, which Pillow cuts to 8, "
            "expected 8 bits, or 16 in a PNG or TIFF; save it as a 16-bit PNG",
        )
    return True


def _bits(image: Image.Image, data: Content) -> int:
    """Bits per channel of a colour image; 8 if Pillow keeps all bits."""
    if image.format == "PNG":  # W3C PNG, IHDR: bit depth at byte 24, colour type at 25
        return data[24] if data[25] in (2, 4, 6) else 8
    if image.format == "PPM" and data[:2] in (b"P3", b"P6", b"P7"):
        return _ppm_bits(data)
    if image.format == "SGI":  # SGI image file format 1.00: bytes of a channel at 3, channels at 10
        return 8 * data[3] if int.from_bytes(data[10:12], "big") > 1 else 8
    if image.format == "AVIF":  # ISO/IEC 23008-12, PixelInformationProperty
        at = data.find(b"pixi")
        return max(data[at + 9 : at + 9 + data[at + 8]], default=8) if at >= 0 else 8
    if image.format == "JPEG2000":  # ISO/IEC 15444-1, SOC and SIZ: Csiz at 40, then the first Ssiz
        at = data.find(b"\xff\x4f\xff\x51")
        return (data[at + 42] & 0x7F) + 1 if at >= 0 and data[at + 41] > 1 else 8
    return 8


def _ppm_bits(data: Content) -> int:
    """Bits of the largest value in the header of a PPM or PAM, after any comments."""
    head = re.sub(rb"#[^\n]*", b"", data[:65536])
    if data[:2] == b"P7":
        match = re.search(rb"MAXVAL\s+(\d+)", head)
        return int(match[1]).bit_length() if match else 8
    return int(head.split(maxsplit=4)[3]).bit_length()


def read_deep(image: Image.Image, data: Content, frame: int, path: str) -> Samples:
    """Read a 16-bit colour PNG by imagecodecs (libpng).

    Raises:
        SsimtoolError: `unsupported`, a later frame; `unreadable`.
    """
    samples = _decode_png(data, frame, path)
    alpha = None
    if samples.shape[2] in (2, 4):
        samples, alpha = samples[:, :, :-1], samples[:, :, -1]
    return Samples(
        path=path,
        samples=samples,
        alpha=alpha,
        space="grey" if samples.shape[2] == 1 else "rgb",
        data_range=range_of_type(samples.dtype),
        profile=image.info.get("icc_profile") or None,
    )


def _decode_png(data: Content, frame: int, path: str) -> Array:
    import imagecodecs

    if frame:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: is a frame of a 16-bit animation, expected a still image; save it as "
            "a 16-bit PNG",
        )
    try:
        return np.asarray(imagecodecs.png_decode(data))
    except imagecodecs.PngError as error:
        raise SsimtoolError(
            "unreadable",
            f"{shown(path)}: cannot be decoded ({error}), expected an intact PNG; save it again",
        ) from None
