"""A pair and its map as embedded pictures of a page, within a budget for each pair."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ssimtool.readers.samples import Array, Pair
from ssimtool.reports.maps import as_picture, coloured, heat_picture

# Every browser shows WebP, lossless or lossy; it is smaller than PNG and JPEG.
EXACT_PIXELS = 1 << 19  # of one picture: larger ones rarely fit losslessly, and trying is slow
# The longest side and the quality, tried in turn until a pair fits into its budget.
STEPS = ((1280, 90), (1024, 85), (1024, 70), (768, 70), (512, 70), (384, 60), (256, 50), (96, 30))


@dataclass(frozen=True)
class Pictures:
    """Three pictures as data URIs, each `width` x `height`.

    `heat` is 1 − SSIM in colour, transparent outside the mask. `exact`: every pixel is lossless,
    for samples of 8 bits.
    """

    reference: str
    distorted: str
    heat: str
    width: int
    height: int
    exact: bool


@dataclass(frozen=True)
class Case:
    """A pair with pictures: its index among the comparisons, and its pictures or a remark."""

    index: int
    pictures: Pictures | None
    remark: str | None


def draw(pair: Pair, ssim_map: Array, *, budget: int) -> Pictures:
    """Draw the pictures of a pair: lossless if they fit, else smaller until they fit.

    Args:
        pair: the images that were compared.
        ssim_map: (H, W), −1 to 1, NaN outside the mask.
        budget: bytes of the three data URIs; pictures that never fit have a longest side of 96
            pixels.
    """
    three = (
        as_picture(pair.reference, pair.data_range),
        as_picture(pair.distorted, pair.data_range),
        heat_picture(ssim_map),
    )
    if three[0].width * three[0].height <= EXACT_PIXELS:
        uris = [_uri(picture, quality=None) for picture in three]
        if sum(map(len, uris)) <= budget:
            return _pictures(uris, three[0], exact=True)
    for side, quality in STEPS:
        small = [_within(picture, side) for picture in three]
        uris = [_uri(picture, quality=quality) for picture in small]
        if sum(map(len, uris)) <= budget:
            break
    return _pictures(uris, small[0], exact=False)


def _pictures(uris: list[str], of: Image.Image, *, exact: bool) -> Pictures:
    return Pictures(uris[0], uris[1], uris[2], of.width, of.height, exact)


def _within(picture: Image.Image, side: int) -> Image.Image:
    longest = max(picture.size)
    if longest <= side:
        return picture
    width, height = (max(1, round(length * side / longest)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)


def _uri(picture: Image.Image, *, quality: int | None) -> str:
    file = io.BytesIO()
    if quality is None:
        picture.save(
            file, "webp", lossless=True, quality=40, method=2
        )  # quality: effort of the search
    else:
        picture.save(file, "webp", quality=quality, method=2)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def colour_stops() -> tuple[str, ...]:
    """Return the colours of 1 − SSIM from 0 to 1, for a legend."""
    (row,) = coloured(np.linspace(0, 1, 11)[None])
    return tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in row)
