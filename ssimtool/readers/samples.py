"""The samples of one image, and of two comparable images, as the readers return them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssimtool.readers.images.colour_description import ColourDescription
from ssimtool.readers.regions import ALL, RegionOfInterest

Array = NDArray[Any]
# Samples so little beyond a range, as a part of it, are inside: float32 rounds 1 to 1.0000001.
ROUNDING = 1e-6
Space = Literal["grey", "rgb", "cmyk", "other"]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """One image as the file stores it.

    `samples` is (H, W, C). `alpha` is (H, W) with the same dtype and range, or None. `data_range`
    is the dynamic range of the type or bit depth, None for floats outside [0, 1]. `profile` is the
    embedded ICC profile, `colour` the colour space if the file describes it otherwise. `steps`
    lists the conversions, `warnings` the likely mistakes.
    """

    path: str
    samples: Array
    alpha: Array | None = None
    space: Space
    data_range: float | None
    profile: bytes | None = None
    colour: ColourDescription | None = None
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameStack:
    """The frames of one input with several, which are read one after another.

    `numbers` are those of `--frame`, from 0, in ascending order. `memory` is the approximate number
    of bytes of one frame and its decoder. `read(number)` returns one frame; ascending numbers are
    read fastest.
    """

    numbers: tuple[int, ...]
    memory: int
    read: Callable[[int], Samples]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two comparable images, (H, W, C) each, with one shape and one dynamic range.

    `sample_type` is the type of the reference in its file, before any scaling. `reading` holds the
    reading options. `region` is the requested region of interest, `counted` the number of its
    pixels or the sum of their weights. `weight` is the weight of each pixel, (H, W), as bool,
    float32 or float64; None if all weights are equal.
    """

    reference_path: str
    distorted_path: str
    reference: Array
    distorted: Array
    data_range: float
    sample_type: str
    colour: str = "rgb"
    reading: Mapping[str, Any] = field(default_factory=dict)
    region: RegionOfInterest = ALL
    counted: float | None = None
    weight: Array | None = None
    steps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def range_of_type(dtype: np.dtype[Any]) -> float | None:
    """Dynamic range of an integer type; None for floats.

    >>> range_of_type(np.dtype("uint8"))
    255
    """
    if dtype.kind == "b":
        return 1
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return int(limits.max) - int(limits.min)
    return None


def is_within(least: float, most: float, low: float, high: float) -> bool:
    """Return whether samples from `least` to `most` are within `low` to `high`, up to rounding.

    >>> is_within(0, 1.0000001, 0, 1), is_within(0, 1.001, 0, 1)
    (True, False)
    """
    slack = ROUNDING * (high - low)
    return least >= low - slack and most <= high + slack


def range_of_floats(samples: Array) -> float | None:
    """Dynamic range of floats: 1 if they are within 0 and 1, else None."""
    return 1.0 if is_within(float(samples.min()), float(samples.max()), 0, 1) else None
