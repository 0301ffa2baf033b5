"""Ranges of samples: a requested one that is mapped, and samples that do not fit their range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ssimtool.readers.files import shown
from ssimtool.readers.samples import Array, Samples, is_within
from ssimtool.settings import ValueRange

# Greatest samples of masks and of 8, 10, 12 and 16 bits, with their names. Not of 14 bits: samples
# that fill a quarter of their type are those of a dark image as often.
USUAL = {1: "0 and 1", 255: "8-bit", 1023: "10-bit", 4095: "12-bit", 65535: "16-bit"}
FAR = 16  # times smaller than its type is a range that the samples seem to have
ROWS = 16  # one of so many rows is looked at first


def usual_range(highest: float, full: float) -> int | None:
    """Return the range that samples up to `highest` seem to have if it is far below `full`.

    >>> usual_range(4094, 65535), usual_range(40000, 65535), usual_range(1, 255)
    (4095, None, 1)
    """
    fitting = (top for top in USUAL if 0 < highest <= top and FAR * top <= full + 1)
    return next(fitting, None)


def in_value_range(
    x: Samples, y: Samples, value_range: ValueRange | None
) -> tuple[Samples, Samples]:
    """Map LOW to 0 and HIGH to 1 in the images of floats, or in both if both hold integers."""
    if value_range is None:
        return x, y
    has_floats = "f" in (x.samples.dtype.kind, y.samples.dtype.kind)
    first, second = (
        image if has_floats and image.samples.dtype.kind != "f" else _mapped(image, value_range)
        for image in (x, y)
    )
    return first, second


def _mapped(image: Samples, value_range: ValueRange) -> Samples:
    return replace(
        image,
        samples=mapped(image.samples, value_range),
        data_range=1,
        steps=(*image.steps, mapping_step(value_range)),
        warnings=(*image.warnings, *beyond_warnings(image, *value_range)),
    )


def mapping_step(value_range: ValueRange) -> str:
    """Return the step of a mapping, as a record states it."""
    low, high = value_range
    return f"mapped from [{low:g}, {high:g}] to [0, 1]"


def mapped(samples: Array, value_range: ValueRange) -> Array:
    """Map LOW to 0 and HIGH to 1, in float64."""
    low, high = value_range
    moved = samples.astype(np.float64)
    moved -= low
    moved /= high - low
    return moved


def beyond_warnings(image: Samples, low: float, high: float) -> tuple[str, ...]:
    """Return a warning if samples are beyond the range that SSIM takes them from."""
    least, most = float(image.samples.min()), float(image.samples.max())
    if is_within(least, most, low, high):
        return ()
    return (
        f"{shown(image.path)}: samples from {least:.6g} to {most:.6g} are beyond the range from "
        f"{low:g} to {high:g}; {_range_hint(least, most)}",
    )


def _range_hint(least: float, most: float) -> str:
    """Return the option that fits samples: the data range begins at 0, a value range anywhere."""
    if least >= 0:
        return "pass a larger --data-range"
    return f"pass --value-range {value_range_of(least, most)}"


def value_range_of(least: float, most: float) -> str:
    """Return the value range of samples in words: that of a tanh if they are within -1 and 1."""
    return "-1 1" if is_within(least, most, -1, 1) else "LOW HIGH"


def unfilled_warnings(images: Sequence[Samples], full: float) -> tuple[str, ...]:
    """Return warnings about integers that fill a small part of their range.

    Args:
        images: two images of one type.
        full: the range of the type or bit depth.
    """
    most = max((top for top in USUAL if FAR * top <= full + 1), default=0)
    if not most:
        return ()
    tops = [_highest(image.samples, most) for image in images]
    if seeming := usual_range(max(tops), full):
        return (_unfilled(images[tops.index(max(tops))], max(tops), full, seeming),)
    (low, dark), (high, bright) = sorted(zip(tops, images, strict=True), key=lambda pair: pair[0])
    seeming = usual_range(low, full)
    if seeming in (1, 255) and high > FAR * seeming:
        return (
            f"{shown(dark.path)}: {dark.samples.dtype} samples up to {low} look like "
            f"{USUAL[seeming]}, and those of {shown(bright.path)} do not: they seem to be scaled "
            "differently; scale both alike",
        )
    return ()


def _unfilled(image: Samples, highest: int, full: float, seeming: int) -> str:
    return (
        f"{shown(image.path)}: {image.samples.dtype} samples up to {highest} are compared with the "
        f"range {full:g}, but look like {USUAL[seeming]}; if so, pass --data-range {seeming}"
    )


def _highest(samples: Array, most: int) -> int:
    """Return the greatest sample; any one above `most` if there is one, which some rows show."""
    some = int(samples[::ROWS].max())
    return some if some > most else int(samples.max())
