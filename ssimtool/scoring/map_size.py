"""The SSIM map at the size of the image, whatever the definition averages over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssimtool.catalog import Definition
from ssimtool.readers.samples import Array

MAP_SAMPLES = 1 << 22  # samples of a band, which bound the memory of its map and temporaries


def definition_of_map(definition: Definition, height: int, width: int) -> Definition:
    """Return the definition of the map of an image of a size.

    Valid windows are replaced by symmetric padding, because their map is smaller than the image.
    """
    definition = definition.for_size(height, width)
    if definition.border == "valid":
        return replace(definition, border="symmetric")
    return definition


def enlarged(ssim_map: Array, factor: int, height: int, width: int) -> Array:
    """Repeat each number for the pixels that were averaged, and at the edges for the remainder."""
    if factor > 1:
        ssim_map = ssim_map.repeat(factor, axis=0).repeat(factor, axis=1)
        rows, columns = height - ssim_map.shape[0], width - ssim_map.shape[1]
        ssim_map = np.pad(ssim_map, ((0, rows), (0, columns)), mode="edge")
    return ssim_map
