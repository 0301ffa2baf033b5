"""Images of which nothing is seen: a warning, whatever the file calls transparent."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.images.opening import read_image

RGB = np.random.RandomState(6).randint(1, 256, (20, 30, 3)).astype(np.uint8)
GREY = RGB[:, :, :1].copy()
DEEP = RGB.astype(np.uint16) * 257


def _clear(colour: np.ndarray, alpha: int = 0) -> np.ndarray:
    return np.dstack([colour, np.full(colour.shape[:2], alpha, colour.dtype)])


def _pillow(array: np.ndarray, kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def _palette(kind: str) -> bytes:
    image, file = Image.fromarray(np.zeros((20, 30), np.uint8), "L").convert("P"), io.BytesIO()
    image.save(file, kind, transparency=0)
    return file.getvalue()


def _tiff(array: np.ndarray, alpha: str) -> bytes:
    file = io.BytesIO()
    kind = "rgb" if array.shape[2] == 4 else "minisblack"
    tifffile.imwrite(file, array, photometric=kind, extrasamples=[alpha])
    return file.getvalue()


CLEAR = {
    "png rgba": _pillow(_clear(RGB), "PNG"),
    "png grey alpha": _pillow(_clear(GREY), "PNG"),
    "png 16-bit rgba": imagecodecs.png_encode(_clear(DEEP)),
    "png 16-bit grey alpha": imagecodecs.png_encode(_clear(DEEP[:, :, :1])),
    "png palette": _palette("PNG"),
    "png transparent colour": _pillow(np.full_like(RGB, 7), "PNG", transparency=(7, 7, 7)),
    "png transparent grey": _pillow(np.full((20, 30), 7, np.uint8), "PNG", transparency=7),
    "png transparent 16-bit grey": _pillow(
        np.full((20, 30), 700, np.uint16), "PNG", transparency=700
    ),
    "gif": _palette("GIF"),
    "webp": _pillow(_clear(RGB), "WEBP", lossless=True, exact=True),
    "webp lossy": _pillow(_clear(RGB), "WEBP"),
    "avif": _pillow(_clear(RGB), "AVIF"),
    "tiff rgba": _tiff(_clear(RGB), "unassalpha"),
    "tiff premultiplied": _tiff(_clear(np.zeros_like(RGB)), "assocalpha"),
    "tiff grey alpha": _tiff(_clear(GREY), "unassalpha"),
    "tiff 16-bit rgba": _tiff(_clear(DEEP), "unassalpha"),
}


@pytest.mark.parametrize("background", ["checker", (200, 30, 90)])
@pytest.mark.parametrize("name", CLEAR)
def test_an_image_of_which_nothing_is_seen_is_warned_of(tmp_path, name, background):
    path, seen = tmp_path / "a", tmp_path / "seen.png"
    path.write_bytes(CLEAR[name])
    seen.write_bytes(_pillow(RGB, "PNG"))
    warning = f"{path}: is wholly transparent: only the background is compared"
    options = Reading(background=background)
    assert warning in read_pair(str(path), str(seen), options).warnings
    assert warning in read_pair(str(seen), str(path), options).warnings
    both = read_pair(str(path), str(path), options)
    assert both.warnings == (warning, warning)
    np.testing.assert_array_equal(both.reference, both.distorted)


def test_one_pixel_that_is_seen_is_enough(tmp_path):
    array = _clear(RGB)
    array[-1, -1, 3] = 1
    path = tmp_path / "a.png"
    path.write_bytes(_pillow(array, "PNG"))
    assert read_pair(str(path), str(path), Reading()).warnings == ()


def _bitmap(alpha: int, header: int = 108) -> bytes:
    """A 32-bit bitmap whose header names a mask for alpha, BITMAPV4HEADER or a sibling."""
    pixels = _clear(RGB[::-1, :, ::-1], alpha).tobytes()
    info = struct.pack("<IiiHHIIiiII", header, 30, 20, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    start = 14 + header
    whole = struct.pack("<IHHI", start + len(pixels), 0, 0, start)
    return b"BM" + whole + (info + masks).ljust(header, b"\0") + pixels


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_bitmap_whose_alpha_is_0_everywhere_is_opaque(tmp_path, header):
    path = tmp_path / "a.bmp"
    path.write_bytes(_bitmap(0, header))
    read = read_image(str(path))
    np.testing.assert_array_equal(read.samples, RGB)
    assert (read.alpha, read.steps) == (None, ("unused alpha dropped",))
    path.write_bytes(_bitmap(1, header))
    read = read_image(str(path))
    assert read.alpha is not None
    assert (read.alpha == 1).all()
