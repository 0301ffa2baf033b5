"""Find the dynamic range of two images, and bring their samples to one unit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Samples


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
    if all(floats):
        return x, y, requested or _range_of_floats(x, y), ()
    if kinds[0] == kinds[1]:
        return x, y, requested or kinds[0][1] or 1, () if requested else _wide_type_warnings(x)
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
    return bool(image.samples.min() >= 0 and image.samples.max() <= data_range)


def _wide_type_warnings(image: Samples) -> tuple[str, ...]:
    """Warn if the range of the type is probably not the range of the samples."""
    if image.samples.dtype.kind == "f" or image.samples.dtype.itemsize < 4:
        return ()
    low, high = image.samples.min(), image.samples.max()
    return (
        f"{shown(image.path)}: {image.samples.dtype} values from {low} to {high} are compared with "
        f"the full range of the type, {image.data_range}; pass --data-range to change it",
    )


def _range_of_floats(*images: Samples) -> float:
    for image in images:
        if image.data_range is None:
            low, high = float(image.samples.min()), float(image.samples.max())
            raise SsimtoolError(
                "data_range",
                f"{shown(image.path)}: float values from {low:.6g} to {high:.6g}; "
                f"pass --data-range (e.g. {_example_range(low, high):.6g})",
            )
    return 1


def _example_range(low: float, high: float) -> float:
    """Smallest 1, 2 or 5 times a power of ten that holds the values, or 255 or 65535 if they fit.

    >>> _example_range(-1000, 996), _example_range(0, 200), _example_range(-1, 1)
    (2000.0, 255.0, 2.0)
    """
    for depth in (255.0, 65535.0):
        if low >= 0 and depth / 2 < high <= depth:
            return depth
    span = min(max(max(high, 0) - min(low, 0), 1e-300), 1e300)
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
