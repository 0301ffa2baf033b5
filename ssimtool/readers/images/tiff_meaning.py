"""Say what the channels of a TIFF mean: its photometric interpretation and its extra samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.images.modes import from_pillow
from ssimtool.readers.images.tiff_tags import Page
from ssimtool.readers.samples import Array, Samples, range_of_floats, range_of_type

# PhotometricInterpretation (TIFF 6.0, sections 4 to 6 and 16 to 23), and the channels of colour
MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
COLOURS = {
    **{MIN_IS_WHITE: 1, MIN_IS_BLACK: 1, PALETTE: 1, SEPARATED: 4},
    **dict.fromkeys((RGB, YCBCR, CIELAB), 3),
}
CMYK = 1  # InkSet
# ExtraSamples (section 18); 999 is written by Corel Draw 10
UNSPECIFIED, ASSOCIATED, UNASSOCIATED, COREL = 0, 1, 2, 999


def as_samples(raw: Array, page: Page, path: str) -> Samples:
    """Return the samples of a page by what its channels mean; no profile is set.

    Grey and colour of 1, 2 and 4 bits are scaled to 8; other depths keep their own range.

    Args:
        raw: as stored, (height, width, channels).
        page: the tags of the page.
        path: the name of the file in the record.

    Raises:
        SsimtoolError: `unsupported`, the file does not say what its channels mean, or the meaning
            is not known here.
        ValueError: the palette is damaged.
    """
    colours = COLOURS.get(page.photometric)
    if colours is None or page.channels < colours:
        raise _unread(path, f"{page.channels} channels of photometric {page.photometric}")
    extra = _extra(page, path, colours)
    reason = _refused(page, extra)
    if reason:
        raise _unread(path, reason)
    steps = () if all(extra) else ("unspecified channels dropped",)
    samples, alpha = raw[:, :, :colours], raw[:, :, colours] if any(extra) else None
    if page.photometric == PALETTE:
        return _coloured(samples, alpha, page, path, steps)
    if page.photometric in (YCBCR, CIELAB):
        return _by_pillow(raw, {YCBCR: "YCbCr", CIELAB: "LAB"}[page.photometric], path)
    if extra[:1] == (ASSOCIATED,):
        return _by_pillow(raw[:, :, : colours + 1], "RGBa" if colours == 3 else "La", path)
    return _plain(samples, alpha, page, path, steps)


def _extra(page: Page, path: str, colours: int) -> tuple[int, ...]:
    """Return the kinds of the channels after those of colour."""
    number = page.channels - colours
    if not page.extra and number == 1 and page.photometric == RGB:
        return (UNASSOCIATED,)  # many writers forget the tag: Pillow does the same
    extra = page.extra if len(page.extra) == number else (UNSPECIFIED,) * number
    if extra and page.photometric in (MIN_IS_WHITE, MIN_IS_BLACK, PALETTE) and 0 in extra:
        raise _unread(path, f"{page.channels} channels whose meaning it does not state")
    return extra


def _refused(page: Page, extra: tuple[int, ...]) -> str | None:
    """Return what is not known about a page, or None."""
    bits, is_unsigned = page.bits[0], page.kind[0] in (1, 4)
    small = is_unsigned and bits <= 8
    if extra[:1] not in ((), (0,), (ASSOCIATED,), (UNASSOCIATED,), (COREL,)) or any(extra[1:]):
        return f"extra channels of kinds {extra}"
    if any(extra) and not (is_unsigned and bits in (8, 16)):
        return f"alpha beside samples of {bits} bits that are not 8- or 16-bit integers"
    if extra[:1] == (ASSOCIATED,) and not (small and page.photometric in (MIN_IS_BLACK, RGB)):
        return "premultiplied alpha beside more than 8 bits or another colour space than RGB"
    if page.photometric == MIN_IS_WHITE and not is_unsigned:
        return "MinIsWhite samples that are signed or floats, whose white is not defined"
    if page.photometric == PALETTE and not small:
        return f"a palette of {bits} bits"
    eight = small and bits == 8
    if page.photometric == SEPARATED and (page.inks != CMYK or any(extra) or not eight):
        return "inks that are not CMYK of 8 bits"
    if page.photometric in (YCBCR, CIELAB) and (extra or not eight):
        return "YCbCr or CIELAB of other than 8 bits"
    return None


def _plain(
    samples: Array, alpha: Array | None, page: Page, path: str, steps: tuple[str, ...]
) -> Samples:
    bits, top = page.bits[0], range_of_type(samples.dtype)
    if page.kind[0] in (1, 4) and bits < 16:
        top = 2**bits - 1
    if page.photometric == MIN_IS_WHITE and top is not None:
        samples = samples.dtype.type(top) - samples
    if bits in (1, 2, 4):
        samples, top = samples * np.uint8(255 // (2**bits - 1)), 255
    if bits == 1 and samples.shape[2] == 1 and alpha is None:
        samples, steps = np.repeat(samples, 3, axis=2), (*steps, "bilevel to RGB")
    if samples.dtype.kind == "f":
        top = range_of_floats(samples)
    space: dict[int, Literal["grey", "rgb", "cmyk"]] = {1: "grey", 3: "rgb", 4: "cmyk"}
    return Samples(
        path=path,
        samples=np.ascontiguousarray(samples) if alpha is None else samples,
        alpha=alpha,
        space=space[samples.shape[2]],
        data_range=top,
        steps=steps,
    )


def _coloured(
    indices: Array, alpha: Array | None, page: Page, path: str, steps: tuple[str, ...]
) -> Samples:
    """Look up a palette: 16-bit reds, then greens, then blues (TIFF 6.0, section 5)."""
    entries = 2 ** page.bits[0]
    if len(page.palette) != 3 * entries:
        raise ValueError(f"a palette of {len(page.palette)} values, expected {3 * entries}")
    palette = np.array(page.palette).reshape(3, entries).T
    # Some writers store 8 bits; libtiff tells them apart like this (tif_getimage.c, checkcmap).
    palette = palette >> 8 if palette.max() >= 256 else palette
    samples: Array = palette.astype(np.uint8)[indices[:, :, 0]]
    steps = (*steps, "palette to RGB")
    return Samples(
        path=path, samples=samples, alpha=alpha, space="rgb", data_range=255, steps=steps
    )


def _by_pillow(raw: Array, mode: str, path: str) -> Samples:
    """Convert colours as Pillow does."""
    from PIL import Image

    size = raw.shape[1], raw.shape[0]
    image = Image.frombytes(mode, size, np.ascontiguousarray(raw).tobytes())
    return replace(from_pillow(image, path), path=path)


def _unread(path: str, reason: str) -> SsimtoolError:
    return SsimtoolError(
        "unsupported",
        f"{shown(path)}: is a TIFF with {reason}, which is not read; save it as PNG, or as grey or "
        "RGB without it",
    )
