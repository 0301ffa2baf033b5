"""Find the dynamic range of two images, and bring their samples to one unit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.ranges import (
    beyond_warnings,
    unfilled_warnings,
    usual_range,
    value_range_of,
)
from ssimtool.readers.samples import Samples, is_within

WIDE = 4  # bytes of an integer type that images rarely fill


def same_depth(
    x: Samples, y: Samples, requested: float | None
) -> tuple[Samples, Samples, float, tuple[str, ...]]:
    """Bring two images to one unit.

    Images of one type stay unchanged; others are divided by their own ranges.

    Args:
        x, y: the images.
        requested: the dynamic range of --data-range; None takes that of the samples.

    Returns:
        the images, their dynamic range, and warnings.

    Raises:
        SsimtoolError: `data_range`, the range is unknown or cannot apply to both images.
    """
    kinds = [(i.samples.dtype.kind, i.data_range) for i in (x, y)]
    floats = [kind == "f" for kind, _ in kinds]
    if all(floats) or kinds[0] == kinds[1]:
        data_range = requested or (_range_of_floats(x, y) if all(floats) else kinds[0][1]) or 1
        return x, y, data_range, _range_warnings(x, y, data_range, requested)
    if requested is not None:
        known = requested in (kinds[0][1], kinds[1][1])
        if known and _within(x, requested) and _within(y, requested):
            return x, y, requested, ()  # both images already use the unit of one of the types
        raise SsimtoolError(
            "data_range",
            f"{shown(y.path)}: is {_depth(y)}, but {shown(x.path)} is {_depth(x)}, and one "
            f"--data-range {requested:g} cannot apply to both; convert one, or remove the option",
        )
    if any(floats):
        _range_of_floats(*(i for i in (x, y) if i.samples.dtype.kind == "f"))
    wide_types = (warning for image in (x, y) for warning in _wide_type_warnings(image))
    scaling = f"{_depth(x)} compared with {_depth(y)}: each is scaled by its own range to [0, 1]"
    return _scaled(x), _scaled(y), 1, (scaling, *wide_types)


def _within(image: Samples, data_range: float) -> bool:
    return is_within(float(image.samples.min()), float(image.samples.max()), 0, data_range)


def _range_warnings(
    x: Samples, y: Samples, data_range: float, requested: float | None
) -> tuple[str, ...]:
    """Warn if the samples of two images of one type do not fit the data range."""
    kind, size = x.samples.dtype.kind, x.samples.dtype.itemsize
    if requested is None and kind != "f" and size >= WIDE:
        return _wide_type_warnings(x)
    beyond: tuple[str, ...] = ()
    if requested is not None or kind == "i":
        beyond = tuple(w for i in (x, y) for w in beyond_warnings(i, 0, data_range))
    if beyond or requested is not None or kind == "f":
        return beyond
    return unfilled_warnings((x, y), data_range)


def _wide_type_warnings(image: Samples) -> tuple[str, ...]:
    """Warn if the range of the type is probably not the range of the samples."""
    if image.samples.dtype.kind == "f" or image.samples.dtype.itemsize < WIDE:
        return ()
    low, high = int(image.samples.min()), int(image.samples.max())
    seeming = usual_range(high, image.data_range or 1) if low >= 0 else None
    example = f" (e.g. {seeming})" if seeming else ""
    return (
        f"{shown(image.path)}: {image.samples.dtype} values from {low} to {high} are compared with "
        f"the full range of the type, {image.data_range}; pass --data-range{example} to change it",
    )


def _range_of_floats(*images: Samples) -> float:
    for image in images:
        if image.data_range is None:
            low, high = float(image.samples.min()), float(image.samples.max())
            raise SsimtoolError(
                "data_range",
                f"{shown(image.path)}: float values from {low:.6g} to {high:.6g}; "
                f"{_needed(low, high)}",
            )
    return 1


def _needed(low: float, high: float) -> str:
    if low < 0:
        return f"pass --value-range {value_range_of(low, high)}, the values of black and white"
    return f"pass --data-range (e.g. {_example_range(high):.6g})"


def _example_range(high: float) -> float:
    """Smallest 1, 2 or 5 times a power of ten that holds the values, or 255 or 65535 if they fit.

    >>> _example_range(1996), _example_range(200), _example_range(2)
    (2000.0, 255.0, 2.0)
    """
    for depth in (255.0, 65535.0):
        if depth / 2 < high <= depth:
            return depth
    span = min(max(high, 1e-300), 1e300)
    power = 10.0 ** math.floor(math.log10(span))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= span * (1 - 1e-12))


def _depth(image: Samples) -> str:
    if image.samples.dtype.kind == "f" or image.data_range is None:
        return str(image.samples.dtype)
    return f"{int(image.data_range).bit_length()}-bit"


def _scaled(image: Samples) -> Samples:
    if image.samples.dtype.kind == "f" or image.data_range is None:
        return image
    return replace(
        image,
        samples=image.samples / np.float64(image.data_range),
        steps=(*image.steps, f"divided by {image.data_range}"),
    )
