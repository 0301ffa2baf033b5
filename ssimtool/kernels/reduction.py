"""Samples as they lie, reduced by a whole factor; without torch."""

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
    """Each factor × factor samples to their mean; what is left over on the right and at the bottom
    is dropped. The sums are exact for 8 and 16 bits, and in float64 for floats.

    Args:
        samples: one line of memory.
        starts: of the planes in it.
        step: how far apart their rows are.
        shape: of what is reduced, at least factor rows and columns.
        factor: 2 or more.
        out: one line of float32 or float64, which holds the planes without gaps afterwards.
        threads: how many may compute; None: as many as torch may use.
    """
    planes, height, width, channels = shape
    rows, columns = height // factor, width // factor
    kind = np.zeros(0, np.int64 if samples.dtype.kind in "ui" else np.float64)
    share(
        lambda first, last: call(
            means, first, last, samples, starts, step, factor, rows, columns, channels, kind, out
        ),
        planes * rows,
        planes * height * width * channels,
        threads=threads,
    )
