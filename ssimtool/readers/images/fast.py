"""Decode PNG and JPEG without Pillow, if that gives the same samples in less time or memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.kernels.internals import load_numba
from ssimtool.readers.files import Content, give_back
from ssimtool.readers.samples import Array, Samples, range_of_type

# Smaller images are decoded by Pillow. Loading imagecodecs takes about 10 ms. At this size it reads
# a pair of PNG files 7 ms faster than Pillow, a pair of JPEG files 1 ms faster; at 512x512 there is
# no gain.
FAST_DECODE_FROM_PIXELS = 2**19
# Decoding images of this size takes long enough to load torch meanwhile: a pair of PNG files of 8
# megapixels gains at least 60 ms, one of 2 megapixels gains nothing.
LOAD_TORCH_FROM_PIXELS = 2**22
# From this size on, the compressed bytes must not be in memory besides the samples.
STREAM_FROM_PIXELS = 2**26
PALETTE, RGB = 3, 2  # colour types (W3C PNG, section 11.2.1)

# Returns the samples, or None if the content is not in order: Pillow then decides what is wrong.
# Raises CancelledError once its argument returns true.
Decoder = Callable[[Callable[[], bool]], Array | None]


def find_decoder(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """Return the decoder of a large PNG or JPEG; None leaves the image to Pillow.

    This function loads all modules that the decoder needs. Loading them in the decoder's thread
    would compete with other imports that run meanwhile.

    Args:
        image: an image opened by Pillow, but not loaded.
        data: the content of the file.
        into: memory that the decoder may write to.
    """
    find = {"PNG": _png, "JPEG": _jpeg}.get(image.format or "")
    if find is None or image.width * image.height < FAST_DECODE_FROM_PIXELS:
        return None
    return find(image, data, _fitting(into, image))


def as_samples(array: Array, image: Image.Image, path: str) -> Samples:
    """Return a decoder's array as samples, with the alpha channel separate.

    Args:
        array: (H, W) or (H, W, C).
        image: the image opened by Pillow, for its profile.
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


# Gain from reused memory (two cores of an EPYC with AVX-512, 2026-11): reading a pair of 12
# megapixels takes 0.76 (PNG) and 0.89 (JPEG) of the processor time. Up to 2 megapixels there is no
# gain, because glibc keeps freed blocks below 32 MB.
def _fitting(into: Array | None, image: Image.Image) -> Array | None:
    """Return `into` if it holds exactly the image as 8-bit RGB, else None."""
    if into is None or image.mode != "RGB" or into.dtype != np.uint8:
        return None
    fits = into.shape == (image.height, image.width, 3) and into.flags.c_contiguous
    return into if fits and into.flags.writeable else None


def _png(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """Decoder of PNG: libpng, or for 8-bit RGB our own reader (twice as fast, needs Numba)."""
    depth, colour, interlaced = data[24], data[25], data[28]  # W3C PNG, section 11.2.1
    if depth < 8 or colour == PALETTE:
        return None
    from ssimtool.readers.images.png import check_chunks, decode_rgb

    # Processor time for 1920x1080 (two cores of an EPYC with AVX-512, 2026-11): 16 to 18 ms with
    # our own reader, 38 to 39 ms with libpng and with libspng (imagecodecs.spng_decode);
    # for 4000x3000 77 to 87 ms and 188 to 194 ms. For a single image, loading Numba takes longer
    # than it saves.
    numba_pays = sys.modules.get("numba") or image.width * image.height >= STREAM_FROM_PIXELS
    unfilter = _unfilter() if numba_pays and (depth, colour, interlaced) == (8, RGB, 0) else None
    if unfilter is not None:
        own = partial(decode_rgb, data, image.width, image.height, unfilter, into=into)
        return partial(_attempted, own, ValueError)
    from imagecodecs import PngError, png_decode

    from ssimtool.readers.images.png_stream import check_png

    def decode(cancelled: Callable[[], bool]) -> Array:
        check_chunks(data, cancelled)
        check_png(data, "")
        return np.asarray(png_decode(data, out=into if depth == 8 else None))

    return partial(_attempted, decode, (ValueError, PngError, SsimtoolError))


def load_for_many() -> None:
    """Load Numba if large PNG files have been decoded without: for many more, it pays."""
    if "ssimtool.readers.images.png" in sys.modules and "numba" not in sys.modules:
        load_numba(_unfilter)


def _unfilter() -> Callable[[Array, Array, int], bool] | None:
    """Function that undoes the filters of PNG; None if Numba cannot be imported."""
    try:
        from ssimtool.readers.images.compiled.unfilter import unfilter
    except ImportError:
        return None
    compiled: Callable[[Array, Array, int], bool] = unfilter
    return compiled


def _jpeg(image: Image.Image, data: Content, into: Array | None) -> Decoder | None:
    """Decoder of JPEG: libjpeg-turbo. CMYK, which some files invert, is left to Pillow."""
    if image.mode not in ("L", "RGB"):
        return None
    import simplejpeg  # noqa: F401  # loaded here, not in the thread of the decoder

    from ssimtool.readers.images.jpeg import check_markers, decode_jpeg

    def decode(cancelled: Callable[[], bool]) -> Array:
        check_markers(data)
        give_back(data, 0, len(data))
        array = decode_jpeg(data, image.mode, into=into)
        give_back(data, 0, len(data))
        return array

    return partial(_attempted, decode, ValueError)


def _attempted(
    decode: Callable[[Callable[[], bool]], Array],
    doubtful: type[Exception] | tuple[type[Exception], ...],
    cancelled: Callable[[], bool],
) -> Array | None:
    try:
        return decode(cancelled)
    except doubtful:
        return None
