"""Convert Pillow's image modes to samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Array, Samples, Space, range_of_floats, range_of_type

SPACE: dict[str, Space] = {
    "L": "grey",
    "LA": "grey",
    "RGB": "rgb",
    "RGBA": "rgb",
    "CMYK": "cmyk",
    "I": "grey",
    "F": "grey",
}
WITH_ALPHA = {"1": "LA", "L": "LA", "RGB": "RGBA"}  # of images with a transparent colour
CONVERTED = {
    "1": ("RGB", "bilevel to RGB"),
    "RGBX": ("RGB", "unused fourth channel dropped"),
    "RGBa": ("RGBA", "premultiplied alpha undone"),
    "La": ("LA", "premultiplied alpha undone"),
    "YCbCr": ("RGB", "YCbCr to RGB"),
    "LAB": ("RGB", "CIELAB to RGB"),
    "HSV": ("RGB", "HSV to RGB"),
    "PA": ("RGBA", "palette to RGB"),
}
BITS_PER_SAMPLE, SAMPLE_FORMAT = 258, 339  # TIFF tags
SIGNED = 2
# Many programs leave the fourth byte of a 32-bit bitmap 0, even where its header calls the byte
# alpha. If all are 0, every viewer shows the colours.
BITMAPS = ("BMP", "DIB")
BAND = 256  # rows


def from_pillow(image: Image.Image, path: str) -> Samples:
    """Return the samples of a loaded image; palettes, bilevel and rare modes become RGB.

    Raises:
        SsimtoolError: `unsupported`, an unknown mode.
    """
    profile = image.info.get("icc_profile") or None
    step = None
    if image.mode == "P":
        clear = "transparency" in image.info or getattr(image.palette, "mode", "") == "RGBA"
        image, step = image.convert("RGBA" if clear else "RGB"), "palette to RGB"
    elif image.mode in WITH_ALPHA and "transparency" in image.info:
        image = image.convert(WITH_ALPHA[image.mode])
        step = "transparent colour to alpha"
    elif image.mode in CONVERTED:
        mode, step = CONVERTED[image.mode]
        image = _to_rgb_of_lab(image) if image.mode == "LAB" else image.convert(mode)
    samples, data_range = _samples(image, path)
    alpha = None
    if image.mode in ("LA", "RGBA"):
        samples, alpha = samples[:, :, :-1], samples[:, :, -1]
        if image.format in BITMAPS and not alpha.any():
            samples, alpha, step = np.ascontiguousarray(samples), None, "unused alpha dropped"
    elif image.mode.startswith("I;16") and "transparency" in image.info:
        alpha = np.where(samples[:, :, 0] == image.info["transparency"], 0, 65535)
        alpha, step = alpha.astype(np.uint16), "transparent colour to alpha"
    return Samples(
        path=path,
        samples=samples,
        alpha=alpha,
        space=SPACE.get(image.mode, "grey"),
        data_range=data_range,
        profile=profile,
        steps=(step,) if step else (),
    )


def _to_rgb_of_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # Pillow converts CIELAB only through a profile

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    # Otherwise a table of 33 steps is used: off by up to 13 levels at the edges of the gamut.
    exact = ImageCms.Flags.NOOPTIMIZE
    turned = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB", flags=exact)
    if turned is None:  # happens only for conversion in place
        raise RuntimeError("no image")
    return turned


def _samples(image: Image.Image, path: str) -> tuple[Array, float | None]:
    """Samples, (H, W, C) in native byte order, and their dynamic range."""
    if image.mode not in SPACE and not image.mode.startswith("I;16"):
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: has the pixel mode {image.mode}, expected grey, RGB, CMYK or a "
            "palette; save it as PNG",
        )
    array = _array(image)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim == 2:
        array = array[:, :, None]
    if image.mode == "I" and image.format == "PPM":  # Pillow scales every PGM to 0..65535
        return array.astype(np.uint16), 65535
    if image.mode == "I" and image.format == "TIFF":
        return _of_tiff(array, getattr(image, "tag_v2", {}), path)
    if image.mode == "F":
        return array, range_of_floats(array)
    bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]
    if array.dtype == np.uint16 and bits < 16:
        return array, 2**bits - 1
    return array, range_of_type(array.dtype)


def _array(image: Image.Image) -> Array:
    """Pixels of an image, copied in bands: of a whole image, Pillow would hold two copies."""
    width, height = image.size
    bands = (
        np.asarray(image.crop((0, top, width, min(top + BAND, height))))
        for top in range(0, height, BAND)
    )
    first = next(bands)
    if height <= BAND:
        return first
    array = np.empty((height, *first.shape[1:]), first.dtype)
    array[:BAND] = first
    for i, band in enumerate(bands, start=1):
        array[i * BAND : (i + 1) * BAND] = band
    return array


def _of_tiff(array: Array, tags: Any, path: str) -> tuple[Array, float | None]:
    """Undo Pillow's conversion of signed 16 bits and of all 32 bits to int32."""
    kind = (tags.get(BITS_PER_SAMPLE, (1,))[0], tags.get(SAMPLE_FORMAT, (1,))[0] == SIGNED)
    known = {(16, True): np.int16, (32, True): np.int32, (32, False): np.uint32}
    if kind not in known:
        raise SsimtoolError(
            "unsupported",
            f"{shown(path)}: has samples of {kind[0]} bits, expected 8, 16 or 32; save it as PNG",
        )
    array = array.astype(known[kind])  # of 32 bits: the same bits in their own type
    return array, range_of_type(array.dtype)
