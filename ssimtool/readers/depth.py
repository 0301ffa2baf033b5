"""The dynamic range of two images, and their samples brought to one unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Samples


def same_depth(
    x: Samples, y: Samples, given: float | None
) -> tuple[Samples, Samples, float, tuple[str, ...]]:
    """Two images in one unit: as they are where they have one type, else divided by their ranges.

    Args:
        x, y: the images.
        given: the dynamic range that was requested; None: that of the samples.

    Returns:
        the images, their dynamic range, and warnings.

    Raises:
        SsimtoolError: `data_range`, it cannot be told or cannot hold for both.
    """
    kinds = [(i.samples.dtype.kind, i.data_range) for i in (x, y)]
    floats = [kind == "f" for kind, _ in kinds]
    if all(floats):
        return x, y, given or _range_of_floats(x, y), ()
    if kinds[0] == kinds[1]:
        return x, y, given or kinds[0][1] or 1, () if given else _wide(x)
    if given is not None:
        if given in (kinds[0][1], kinds[1][1]) and _within(x, given) and _within(y, given):
            return x, y, given, ()  # the samples of both are in the units of one of the types
        raise SsimtoolError(
            "data_range",
            f"{shown(y.path)}: is {_depth(y)} beside {_depth(x)} in {shown(x.path)}, and one "
            f"--data-range {given:g} cannot hold for both; convert one, or leave the option out",
        )
    if any(floats):
        _range_of_floats(*(i for i in (x, y) if i.samples.dtype.kind == "f"))
    wide = (warning for image in (x, y) for warning in _wide(image))
    warned = f"{_depth(x)} beside {_depth(y)}: each is scaled by its own range to [0, 1]"
    return _scaled(x), _scaled(y), 1, (warned, *wide)


def _within(image: Samples, data_range: float) -> bool:
    return bool(image.samples.min() >= 0 and image.samples.max() <= data_range)


def _wide(image: Samples) -> tuple[str, ...]:
    """A warning where the range of the type is hardly the range of the samples."""
    if image.samples.dtype.kind == "f" or image.samples.dtype.itemsize < 4:
        return ()
    low, high = image.samples.min(), image.samples.max()
    return (
        f"{shown(image.path)}: holds {image.samples.dtype} from {low} to {high}, and the range of "
        f"that type, {image.data_range}, is taken; say another with --data-range",
    )


def _range_of_floats(*images: Samples) -> float:
    for image in images:
        if image.data_range is None:
            low, high = float(image.samples.min()), float(image.samples.max())
            raise SsimtoolError(
                "data_range",
                f"{shown(image.path)}: holds floats from {low:.6g} to {high:.6g}, and beyond "
                "[0, 1] their range cannot be told; say it with --data-range",
            )
    return 1


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
