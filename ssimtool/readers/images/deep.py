"""Read colour of more than 8 bits per channel, which Pillow would cut to 8 without a warning."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content, shown
from ssimtool.readers.samples import Array, Samples, range_of_type

# TIFF 6.0 tags and values
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES_PER_PIXEL, PLANAR, EXTRA_SAMPLES = 258, 262, 277, 284, 338
BLACK_IS_ZERO, RGB = 1, 2
UNASSOCIATED_ALPHA = 2


def is_deep(image: Image.Image, data: Content, name: str) -> bool:
    """Whether Pillow would cut this image to 8 bits, by its header.

    Raises:
        SsimtoolError: `unsupported`, it would, and this module cannot read the format.
    """
    bits = _bits(image, data)
    if bits <= 8:
        return False
    if image.format not in ("PNG", "TIFF"):
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
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        several = tags.get(SAMPLES_PER_PIXEL, 1) > 1
        return max(tags.get(BITS_PER_SAMPLE, (8,))) if several else 8
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
    """Read a 16-bit colour PNG or TIFF by imagecodecs (libpng, libtiff).

    Raises:
        SsimtoolError: `unsupported`, a kind of TIFF that this module cannot read; `unreadable`.
    """
    samples, has_alpha = (
        (_decode_png(data, frame, path), None)
        if image.format == "PNG"
        else _decode_tiff(image, data, frame, path)
    )
    channels = samples.shape[2]
    alpha = None
    if has_alpha or (has_alpha is None and channels in (2, 4)):
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
        raise _unread(path, "a frame of a 16-bit animation")
    try:
        return np.asarray(imagecodecs.png_decode(data))
    except imagecodecs.PngError as error:
        raise SsimtoolError(
            "unreadable",
            f"{shown(path)}: cannot be decoded ({error}), expected an intact PNG; save it again",
        ) from None


def _decode_tiff(image: Image.Image, data: Content, frame: int, path: str) -> tuple[Array, bool]:
    import imagecodecs

    tags: Any = getattr(image, "tag_v2", {})
    extra = tags.get(EXTRA_SAMPLES, ())
    if tags.get(PHOTOMETRIC) not in (BLACK_IS_ZERO, RGB) or len(extra) > 1:
        raise _unread(path, "a TIFF of more than 8 bits that is neither grey nor RGB")
    if extra and extra[0] != UNASSOCIATED_ALPHA:
        raise _unread(path, "a TIFF of more than 8 bits with premultiplied alpha")
    try:
        samples = np.asarray(imagecodecs.tiff_decode(data, index=frame))
    except (imagecodecs.TiffError, NotImplementedError, IndexError, ValueError) as error:
        raise _unread(path, f"a TIFF that libtiff cannot decode ({error})") from None
    if tags.get(PLANAR) == 2:
        samples = np.moveaxis(samples, 0, -1)
    return samples, bool(extra)


def _unread(path: str, kind: str) -> SsimtoolError:
    return SsimtoolError(
        "unsupported",
        f"{shown(path)}: is {kind}, expected grey or RGB of 8 or 16 bits; save it as a 16-bit PNG",
    )
