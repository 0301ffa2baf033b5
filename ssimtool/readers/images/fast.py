"""PNG and JPEG without Pillow, where that gives the same samples in less time or memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from ssimtool.readers.files import Content, give_back
from ssimtool.readers.samples import Array, Samples, range_of_type

# Pixels from which it pays. To load imagecodecs takes some 10 ms; with it, a pair of PNG of this
# size is read 7 ms faster than by Pillow, a pair of JPEG 1 ms, and at 512x512 nothing is gained.
LARGE = 2**19
# Pixels from which decoding takes so long that it pays to load torch meanwhile: of 8 megapixels a
# pair of PNG gains 60 ms and more, of 2 it gains nothing.
LONG = 2**22
# Pixels from which the compressed bytes must not be in memory beside the samples.
HUGE = 2**26
PALETTE, RGB = 3, 2  # colour types (W3C PNG, section 11.2.1)

# The samples, or None where the content is not in order and Pillow is to say what it is;
# CancelledError where the argument became true.
Decoder = Callable[[Callable[[], bool]], Array | None]


def find_decoder(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """What decodes a large PNG or JPEG; None where Pillow does.

    All that it needs is loaded here, not in the thread that it may run in, which would compete with
    what is loaded meanwhile.

    Args:
        image: opened by Pillow and not loaded.
        data: the content of the file.
        into: memory that may be written to.
    """
    find = {"PNG": _png, "JPEG": _jpeg}.get(image.format or "")
    if find is None or image.width * image.height < LARGE:
        return None
    return find(image, data, _fitting(into, image))


def as_samples(array: Array, image: Image.Image, path: str) -> Samples:
    """What a decoder gave, with the alpha apart.

    Args:
        array: (H, W) or (H, W, C).
        image: opened by Pillow, for the profile.
        path: the name of the file.
    """
    array = array if array.ndim == 3 else array[:, :, None]
    has_alpha = array.shape[2] in (2, 4)
    return Samples(
        path=path,
        samples=array[:, :, :-1] if has_alpha else array,
        alpha=array[:, :, -1] if has_alpha else None,
        space="grey" if array.shape[2] < 3 else "rgb",
        data_range=range_of_type(array.dtype),
        profile=image.info.get("icc_profile") or None,
    )


# Memory written to again (two cores of an EPYC with AVX-512, 2026-11): to read a pair of 12
# megapixels takes 0.76 (PNG) and 0.89 (JPEG) of the processor time; up to 2 megapixels, where glibc
# keeps what is freed (blocks below 32 MB), nothing is gained.
def _fitting(into: Array | None, image: Image.Image) -> Array | None:
    """What of `into` holds the image just so, as 8-bit RGB; None where it does not."""
    if into is None or image.mode != "RGB" or into.dtype != np.uint8:
        return None
    fits = into.shape == (image.height, image.width, 3) and into.flags.c_contiguous
    return into if fits and into.flags.writeable else None


def _png(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """libpng; for RGB of 8 bits our own reader, which needs Numba and takes half the time."""
    depth, colour, interlaced = data[24], data[25], data[28]  # W3C PNG, section 11.2.1
    if depth < 8 or colour == PALETTE:
        return None
    from ssimtool.readers.images.png import check_chunks, decode_rgb

    # Processor time of one 1920x1080 (two cores of an EPYC with AVX-512, 2026-11): 16 to 18 ms by
    # our own reader, 38 to 39 by libpng and by libspng (imagecodecs.spng_decode) alike; of
    # 4000x3000 77 to 87, and 188 to 194. For a single image, loading Numba takes longer than it
    # saves.
    pays = sys.modules.get("numba") or image.width * image.height >= HUGE
    unfilter = _unfilter() if pays and (depth, colour, interlaced) == (8, RGB, 0) else None
    if unfilter is not None:
        own = partial(decode_rgb, data, image.width, image.height, unfilter, into=into)
        return partial(_attempted, own, ValueError)
    from imagecodecs import PngError, png_decode

    def decode(cancelled: Callable[[], bool]) -> Array:
        check_chunks(data, cancelled)
        return np.asarray(png_decode(data, out=into if depth == 8 else None))

    return partial(_attempted, decode, (ValueError, PngError))


def _unfilter() -> Callable[[Array, Array, int], bool] | None:
    """What undoes the filters of PNG; None where Numba cannot be imported."""
    try:
        from ssimtool.readers.images.compiled.unfilter import unfilter
    except ImportError:
        return None
    compiled: Callable[[Array, Array, int], bool] = unfilter
    return compiled


def _jpeg(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """libjpeg-turbo; CMYK, whose inversion is a matter of conventions, is left to Pillow."""
    if image.mode not in ("L", "RGB"):
        return None
    from imagecodecs import Jpeg8Error, jpeg8_decode

    from ssimtool.readers.images.jpeg import check_markers

    def decode(cancelled: Callable[[], bool]) -> Array:
        check_markers(data)
        give_back(data, 0, len(data))
        array = np.asarray(jpeg8_decode(data, out=into))
        give_back(data, 0, len(data))
        return array

    return partial(_attempted, decode, (ValueError, Jpeg8Error))


def _attempted(
    decode: Callable[[Callable[[], bool]], Array],
    doubts: type[Exception] | tuple[type[Exception], ...],
    cancelled: Callable[[], bool],
) -> Array | None:
    try:
        return decode(cancelled)
    except doubts:
        return None
