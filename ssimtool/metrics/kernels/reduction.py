"""Images as decoders leave them, reduced by a whole factor; without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1 << 20  # of a band of rows: what stays in the caches


def reduced(image: NDArray[Any], factor: int, kind: type[np.floating]) -> NDArray[Any]:
    """Each factor × factor samples to their mean; what is left over on the right and at the bottom
    is dropped. The sums are exact for 8 and 16 bits, and in float64 for floats.

    Args:
        image: (H, W, C), at least factor samples high and wide.
        factor: 2 or more.
        kind: float32 or float64, of the result.

    Returns:
        (H // factor, W // factor, C).
    """
    height, width, channels = image.shape[0] // factor, image.shape[1] // factor, image.shape[2]
    used = image[: height * factor, : width * factor]
    sums = np.int64 if image.dtype.kind in "ui" else np.float64
    result = np.empty((height, width, channels), kind)
    step = max(1, SAMPLES // (factor * width * factor * channels))
    for at in range(0, height, step):
        band = used[at * factor : (at + step) * factor]
        rows = band.reshape(-1, factor, width * factor * channels).sum(axis=1, dtype=sums)
        columns = rows.reshape(-1, width, factor, channels)
        total = columns[:, :, 0]
        for k in range(1, factor):
            total = total + columns[:, :, k]
        result[at : at + step] = total / np.float64(factor * factor)
    return result
