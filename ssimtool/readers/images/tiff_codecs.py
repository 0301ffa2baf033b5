"""Decode a strip or a tile of a TIFF to samples, by the codecs of imagecodecs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ssimtool.readers.images.codecs import codec
from ssimtool.readers.images.jpeg import check_markers
from ssimtool.readers.images.tiff_tags import FLOAT, JPEG, NONE, SIGNED, UNSIGNED, VOID, Page
from ssimtool.readers.samples import Array

# Compressions of bytes (TIFF 6.0; libtiff's tiff.h for the numbers above 32767), and their codecs.
DEFLATE = (8, 32946)
PACKBITS = 32773
BYTES = {5: "lzw", **dict.fromkeys(DEFLATE, "deflate"), PACKBITS: "packbits", 34925: "lzma"}
BYTES[50000] = "zstd"
# Compressions of images: their codec returns samples.
WEBP, JPEG_XL, JPEG_XL_DNG, LERC = 50001, 50002, 52546, 34887
IMAGES = {JPEG: "jpeg8", WEBP: "webp", JPEG_XL: "jpegxl", JPEG_XL_DNG: "jpegxl", LERC: "lerc"}
REVERSED = 2  # fill order: the first pixel in the lowest bit
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # predictors
KINDS = {UNSIGNED: "u", VOID: "u", SIGNED: "i", FLOAT: "f"}
JPEG_SPACES = {0: "GRAYSCALE", 1: "GRAYSCALE", 2: "RGB", 5: "CMYK", 6: "YCBCR"}  # by photometric


def dtype_of(page: Page) -> np.dtype[Any] | None:
    """Return the type that holds the samples of a page; None if there is none, or no single one.

    Integers of 1 to 7 bits are held in 8, of 9 to 15 bits in 16.
    """
    kind, bits = KINDS.get(page.kind[0] if page.kind else 0), page.bits[0] if page.bits else 0
    if kind is None or len(set(page.bits)) != 1 or len(set(page.kind)) != 1:
        return None
    if kind == "u" and 1 <= bits < 16:
        return np.dtype("u1" if bits <= 8 else "u2")
    return np.dtype(f"{kind}{bits // 8}") if bits in _BITS[kind] else None


_BITS = {"u": (16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}


def segment_decoder(page: Page, name: str) -> Callable[[bytes], Array] | None:
    """Return a function from the bytes of a segment to its samples, (rows, width, channels).

    The last strip has fewer rows than the others, or as many.

    Args:
        page: a page with one type of samples.
        name: the name of the file in messages.

    Returns:
        the function, which raises ValueError or RuntimeError for damaged bytes; None if the page
        is of a kind that is not known.

    Raises:
        SsimtoolError: `unsupported`, imagecodecs was built without the codec.
    """
    if page.compression in IMAGES:
        return _image_decoder(page, name)
    if page.compression not in (NONE, *BYTES) or page.fill_order not in (1, REVERSED):
        return None
    if not _is_predictor_known(page):
        return None
    inflate = _inflater(page, name)
    return lambda data: _unpacked(inflate(data), page)


def _is_predictor_known(page: Page) -> bool:
    """Whether all readers undo a predictor in the same way."""
    if page.predictor == 1 or page.compression == NONE:  # there, libtiff ignores it
        return True
    if page.compression == PACKBITS:  # libtiff ignores it, tifffile does not
        return False
    if page.predictor == DIFFERENCES:
        return page.bits[0] in (8, 16, 32, 64)
    return page.predictor == FLOAT_DIFFERENCES and KINDS[page.kind[0]] == "f"


def _inflater(page: Page, name: str) -> Callable[[bytes], bytes]:
    """Return the function that undoes the compression of bytes."""
    size = row_bytes(page) * page.segment[1]
    reverse = codec("bitorder", name) if page.fill_order == REVERSED else bytes
    if page.compression == NONE:
        return lambda data: bytes(reverse(data))
    if page.compression in DEFLATE:
        return lambda data: _deflated(bytes(reverse(data)), size)
    decode = codec(BYTES[page.compression], name)
    return lambda data: bytes(decode(reverse(data), out=size))


def _deflated(data: bytes, size: int) -> bytes:
    """Inflate at most `size` bytes; the checksum of a stream that ends there is checked."""
    from isal import isal_zlib

    inflater = isal_zlib.decompressobj()
    try:
        inflated = inflater.decompress(data, size)
        inflater.decompress(inflater.unconsumed_tail, 1)
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub does not know that it is a class
        raise ValueError(str(error)) from None
    return bytes(inflated)


def row_bytes(page: Page) -> int:
    """Return the bytes of a row of a segment, whose end is filled up to a byte."""
    return (page.segment[0] * _together(page) * page.bits[0] + 7) // 8


def _together(page: Page) -> int:
    """Return the channels that one segment holds."""
    return page.channels if page.planar == 1 else 1


def _unpacked(data: bytes, page: Page) -> Array:
    width, channels, bits = page.segment[0], _together(page), page.bits[0]
    dtype = dtype_of(page)
    rows = min(len(data) // row_bytes(page), page.segment[1])
    data = data[: rows * row_bytes(page)]
    shape = rows, width, channels
    if dtype is None or not rows:
        return np.empty((0, width, channels), dtype)
    if bits % 8:
        from imagecodecs import packints_decode

        unpacked: Array = packints_decode(data, dtype, bits, runlen=width * channels)
        return np.asarray(unpacked).reshape(shape)
    array: Array = np.frombuffer(data, dtype.newbyteorder(page.order)).reshape(shape)
    predictor = page.predictor if page.compression != NONE else 1
    if predictor == FLOAT_DIFFERENCES:
        from imagecodecs import floatpred_decode

        return np.asarray(floatpred_decode(array, axis=-2)).astype(dtype, copy=False)
    array = array.astype(dtype, copy=False)
    if predictor == DIFFERENCES:
        from imagecodecs import delta_decode

        unsigned = np.ascontiguousarray(array).view(f"u{dtype.itemsize}")
        return np.asarray(delta_decode(unsigned, axis=-2)).view(dtype)
    return array


def _image_decoder(page: Page, name: str) -> Callable[[bytes], Array] | None:
    """Return the decoder of a compression of whole images; their bits are those of the tags."""
    if page.predictor != 1 or page.fill_order != 1:
        return None
    options: dict[str, Any] = {}
    if page.compression == JPEG:
        if page.bits[0] != 8 or page.photometric not in JPEG_SPACES:
            return None
        if page.planar != 1 and page.photometric == 6:
            return None
        space = "GRAYSCALE" if page.planar != 1 else JPEG_SPACES[page.photometric]
        options = {"colorspace": space, "outcolorspace": "RGB" if space == "YCBCR" else space}
        options["tables"] = page.jpeg_tables or None
    elif page.compression == WEBP:
        options = {"hasalpha": _together(page) == 4}
    elif page.compression in (JPEG_XL, JPEG_XL_DNG):
        options = {"keeporientation": True}
    elif page.lerc[1:2] not in ((), (0,)):  # compressed once more
        return None
    decode, dtype = codec(IMAGES[page.compression], name), dtype_of(page)

    def decoded(data: bytes) -> Array:
        if page.compression == JPEG and _together(page) in (1, 3):
            check_markers(data)
        array = np.asarray(decode(data, **options))
        array = array if array.ndim == 3 else array[..., None]
        if array.dtype != dtype or array.shape[1:] != (page.segment[0], _together(page)):
            raise ValueError(f"a segment of {array.dtype} and shape {array.shape}")
        return array

    return decoded
