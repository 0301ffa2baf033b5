"""The SSIM map as pixels: a .npy array or a PNG in one of four styles."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ssimtool.errors import printable
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison
from ssimtool.reports.frames import frame_words_of_map, ssim_of_map
from ssimtool.reports.rows import counted_words
from ssimtool.settings import MapStyle

# Perceptually uniform, from dark (similar) to bright (different), also in greyscale and for
# colour-blind readers (van der Walt, Smith 2015, matplotlib's magma).
COLOUR_MAP = "magma"
PANEL_SIDE = (256, 1024)  # pixels: the longest side of a tile of a panel is scaled into this range
MARGIN, TEXT_SIZE = 16, 16
TITLE = "SSIM map"
DARK = 0.2  # brightness of the reference outside the mask
NOTHING = (200, 200, 200)  # colour of a panel outside the mask; the map does not use it


def map_file(
    suffix: str, ssim_map: Array, pair: Pair, record: Comparison, style: MapStyle
) -> bytes:
    """Return the content of a map file: `.npy`, or a PNG in one of STYLES."""
    if suffix.lower() == ".npy":
        return map_npy(ssim_map)
    return map_png(ssim_map, pair, record, style)


def map_npy(ssim_map: Array) -> bytes:
    """Return a .npy file: (H, W), float32, the SSIM itself, NaN outside the mask."""
    file = io.BytesIO()
    np.save(file, ssim_map.astype(np.float32, copy=False))
    return file.getvalue()


def map_png(ssim_map: Array, pair: Pair, record: Comparison, style: MapStyle) -> bytes:
    """Return a PNG file in one of STYLES, with score, definition and version in its metadata.

    Args:
        ssim_map: (H, W), −1 to 1, NaN outside the mask. There the picture is transparent; `overlay`
            shows the darkened reference, and `panel` a plain grey.
        pair: the images that were compared.
        record: their record.
        style: a key of STYLES.
    """
    picture = STYLES[style](ssim_map, pair, record)
    info = PngImagePlugin.PngInfo()
    texts = {
        "Title": f"{TITLE} ({style})",
        "Software": f"ssimtool {record.version}",
        "ssim": repr(ssim_of_map(record)),
        "definition": json.dumps(record.definition),
        "data_range": repr(record.data_range),
        "reference": printable(record.reference),
        "distorted": printable(record.distorted),
    }
    if record.counted is not None:
        texts |= {
            "mask": printable(record.mask or ""),
            "regions": json.dumps(record.regions),
            "counted": repr(record.counted),
        }
    if (frame := frame_words_of_map(record)) is not None:
        texts["frame"] = frame
    for key, text in texts.items():
        info.add_itxt(key, text)
    file = io.BytesIO()
    picture.save(file, "png", pnginfo=info)
    return file.getvalue()


def is_map(head: bytes) -> bool:
    """Return whether a file is a PNG of `map_png`, by its first bytes up to the pixels."""
    try:
        with Image.open(io.BytesIO(head), formats=["PNG"]) as image:
            texts = image.info
    except Exception:  # noqa: BLE001  # whatever Pillow raises, it is none
        return False
    title, software = (str(texts.get(key, "")) for key in ("Title", "Software"))
    return title.startswith(TITLE) and software.startswith("ssimtool ")


def _gray(ssim_map: Array, pair: Pair, record: Comparison) -> Image.Image:
    """Draw 255·clip(SSIM, 0, 1), rounded: the same scale for every map."""
    grey = np.rint(255 * np.nan_to_num(ssim_map).clip(0, 1)).astype(np.uint8)
    return _cut(Image.fromarray(grey), ssim_map)


def _heat(ssim_map: Array, pair: Pair, record: Comparison) -> Image.Image:
    """Draw 1 − SSIM by the colour map, on the fixed scale 0 to 1."""
    return heat_picture(ssim_map)


def heat_picture(ssim_map: Array) -> Image.Image:
    """Draw 1 − SSIM in colour, transparent outside the mask."""
    return _cut(Image.fromarray(coloured(_errors(ssim_map))), ssim_map)


def _errors(ssim_map: Array) -> Array:
    """Return 1 − SSIM, 0 outside the mask."""
    errors: Array = 1 - np.nan_to_num(ssim_map, nan=1)
    return errors


def _cut(picture: Image.Image, ssim_map: Array) -> Image.Image:
    """Add an alpha channel to a picture if a mask excludes pixels."""
    outside = np.isnan(ssim_map)
    if outside.any():
        picture.putalpha(Image.fromarray(np.where(outside, 0, 255).astype(np.uint8)))
    return picture


def coloured(error: Array) -> Array:
    """Convert errors from 0 to 1 to colours: (H, W) to (H, W, 3), uint8."""
    import cmap

    table = np.rint(255 * cmap.Colormap(COLOUR_MAP).lut(256)[:, :3]).astype(np.uint8)
    colours: Array = table[np.rint(255 * error.clip(0, 1)).astype(np.uint8)]
    return colours


def _overlay(ssim_map: Array, pair: Pair, record: Comparison) -> Image.Image:
    """Draw the heat map over the reference in grey.

    It is opaque where SSIM is 0 and transparent where SSIM is 1. Outside the mask the reference is
    dark.
    """
    error = _errors(ssim_map)
    grey = np.asarray(as_picture(pair.reference, pair.data_range).convert("L"), dtype=np.float32)
    # The reference gets half of the range, so that bright colours are visible on white.
    under = np.where(np.isnan(ssim_map), DARK * grey, 0.5 * grey + 64)[:, :, None]
    opacity = error.clip(0, 1)[:, :, None]
    mixed = opacity * coloured(error) + (1 - opacity) * under
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def as_picture(samples: Array, data_range: float) -> Image.Image:
    """Convert samples (H, W, C) to 8-bit RGB: the first three channels, or the first as grey."""
    shown = samples[:, :, :3] if samples.shape[2] >= 3 else samples[:, :, :1].repeat(3, axis=2)
    scaled = np.rint(shown * np.float32(255 / data_range)).clip(0, 255)
    return Image.fromarray(np.ascontiguousarray(scaled.astype(np.uint8)))


def _panel(ssim_map: Array, pair: Pair, record: Comparison) -> Image.Image:
    """Draw reference, distorted image, heat map and a legend side by side."""
    pictures = [
        ("reference", as_picture(pair.reference, pair.data_range)),
        ("distorted", as_picture(pair.distorted, pair.data_range)),
        ("1 - SSIM", _heat(ssim_map, pair, record)),
    ]
    tiles = [(title, _fitted(picture)) for title, picture in pictures]
    width, height = tiles[0][1].size
    line = TEXT_SIZE + MARGIN // 2
    legend = 96
    canvas = Image.new(
        "RGB",
        (3 * (width + MARGIN) + MARGIN + legend, MARGIN + line + height + line + MARGIN),
        "white",
    )
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(TEXT_SIZE)
    for i, (title, tile) in enumerate(tiles):
        left = MARGIN + i * (width + MARGIN)
        draw.text((left, MARGIN // 2), title, "black", font)
        if (
            tile.mode == "RGBA"
        ):  # outside the mask, a white canvas would look like a colour of the map
            canvas.paste(NOTHING, (left, MARGIN + line, left + width, MARGIN + line + height))
        canvas.paste(tile, (left, MARGIN + line), tile if tile.mode == "RGBA" else None)
    _draw_legend(canvas, 3 * (width + MARGIN) + MARGIN, MARGIN + line, height)
    definition = (record.definition or {}).get("name")
    score = ssim_of_map(record)
    caption = f"SSIM {score:.6f} ({definition}, data range {record.data_range:g})"
    if (frame := frame_words_of_map(record)) is not None:
        caption += f"; {frame}"
    if record.counted is not None:
        caption += f"; {counted_words(record)}"
    draw.text((MARGIN, MARGIN + line + height + MARGIN // 4), caption, "black", font)
    return canvas


def _fitted(picture: Image.Image) -> Image.Image:
    low, high = PANEL_SIDE
    longest = max(picture.size)
    if longest > high:
        size = tuple(max(1, round(side * high / longest)) for side in picture.size)
        return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    factor = -(-low // longest)
    whole = (picture.width * factor, picture.height * factor)
    return picture.resize(whole, Image.Resampling.NEAREST) if factor > 1 else picture


def _draw_legend(canvas: Image.Image, left: int, top: int, height: int) -> None:
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(TEXT_SIZE)
    ramp = np.linspace(1, 0, height)[:, None].repeat(24, axis=1)
    canvas.paste(Image.fromarray(coloured(ramp)), (left, top))
    draw.rectangle((left, top, left + 23, top + height - 1), outline="black")
    for value, at in ((1, 0.0), (0.5, 0.5), (0, 1.0)):
        y = top + at * (height - 1)
        draw.line((left + 24, y, left + 29, y), "black")
        draw.text((left + 33, y), f"{value:g}", "black", font, anchor="lm")


STYLES: dict[MapStyle, Callable[[Array, Pair, Comparison], Image.Image]] = {
    "gray": _gray,
    "heat": _heat,
    "overlay": _overlay,
    "panel": _panel,
}
