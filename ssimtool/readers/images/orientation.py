"""The EXIF orientation of an image, and the samples turned by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from ssimtool.readers.images.damage import DAMAGED
from ssimtool.readers.samples import Array, Samples

ORIENTATION = 0x0112  # the EXIF tag


def orientation_of(
    image: Image.Image, read: Callable[[Image.Image], Image.Exif] = lambda image: image.getexif()
) -> int:
    """Return the EXIF orientation of an image, 1 to 8; 1 where it has none.

    Args:
        image: opened by Pillow.
        read: reads its EXIF.
    """
    try:
        value = read(image).get(ORIENTATION, 1)
    except DAMAGED:  # unreadable EXIF has no orientation
        return 1
    return value if value in range(2, 9) else 1


def turned(samples: Samples, orientation: int, *, done: bool) -> Samples:
    """Turn samples by their EXIF orientation (EXIF 2.32, section 4.6.4, tag 0x0112).

    Args:
        samples: as they were decoded.
        orientation: 1 to 8.
        done: whether the decoder has turned them, so that only the step is recorded.
    """
    if orientation == 1:
        return samples
    step = (*samples.steps, f"EXIF orientation {orientation} applied")
    if done:
        return replace(samples, steps=step)

    def turn(array: Array) -> Array:
        if orientation >= 5:
            array = array.swapaxes(0, 1)
        if orientation in (3, 4, 7, 8):
            array = array[::-1]
        if orientation in (2, 3, 6, 7):
            array = array[:, ::-1]
        return np.ascontiguousarray(array)

    alpha = samples.alpha
    return replace(
        samples,
        samples=turn(samples.samples),
        alpha=None if alpha is None else turn(alpha),
        steps=step,
    )
