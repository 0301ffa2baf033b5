"""Downsampling of samples in their memory layout by a whole factor, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.compiled.means import means
from ssimtool.kernels.compiling import call
from ssimtool.kernels.threads import share

Shape = tuple[int, int, int, int]  # (planes, rows, columns, channels of a pixel)


def reduced_planes(
    samples: NDArray[Any],
    starts: NDArray[np.int64],
    step: int,
    shape: Shape,
    factor: int,
    out: NDArray[np.floating],
    *,
    threads: int | None = None,
) -> None:
    """Replace each block of factor × factor samples by its mean.

    Incomplete blocks on the right and at the bottom are dropped. The sums are exact for 8 and 16
    bits, and in float64 for floats.

    Args:
        samples: one line of memory.
        starts: the start of each plane in it.
        step: the distance between the rows of a plane.
        shape: the shape before the reduction, with at least `factor` rows and columns.
        factor: 2 or more.
        out: one line of float32 or float64, into which the planes are written without gaps.
        threads: the most threads that may compute; None: as many as torch may use.
    """
    planes, height, width, channels = shape
    rows, columns = height // factor, width // factor
    kind = np.zeros(0, np.int64 if samples.dtype.kind in "ui" else np.float64)
    share(
        lambda queue, most: call(
            means, queue, most, samples, starts, step, factor, rows, columns, channels, kind, out
        ),
        planes * rows,
        planes * height * width * channels,
        threads=threads,
    )
