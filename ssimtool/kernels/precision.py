"""Where float32 does not hold the promised precision of 1 − SSIM, so that float64 computes.

The promise: the error is at most 1e-6 of 1 − SSIM, or 1e-7 of SSIM if that is larger. The kernels
hold it by `compiled.moments`, as far as these limits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssimtool.kernels.formula import Formula

# The second moments about a sample of a window are at most 1/weight of the variance for each axis;
# with less, rounding is magnified too much. The sample is at most so far from the middle, since
# twice as many windows share it (`compiled.vectors`).
FROM_MIDDLE = 2
LEAST_WEIGHT = 1 / 16
# An outlier at that place of a window magnifies rounding most: by 121 if the window is uniform. Of
# few windows it may be there in most, and the mean keeps that error: up to 4e-6 of 1 − SSIM was
# found. Among 8 windows along an axis it is there in one.
FEWEST = 8
# The constants of the formula and their product must be far from the smallest float32, 1e-38, since
# squares of differences a millionth as large are computed beside them.
LEAST_CONSTANT = 1e-24
# Column means are rounded as distances from the centre, to 6e-8 of them. At 100·k2·L (three data
# ranges with k2 = 0.03) this changes sigma² + c2 by up to 5e-7 of it.
FARTHEST = 100


def needs_float64(formula: Formula, height: int, width: int) -> bool:
    """Return whether a formula and the size of an image leave too few digits to float32."""
    if min(height, width) - formula.shrink < FEWEST:
        return True
    weights = formula.weights
    c1, c2 = ((k * formula.data_range) ** 2 for k in (formula.k1, formula.k2))
    farthest = len(weights) // 2 + FROM_MIDDLE
    is_short = farthest >= len(weights) or weights[farthest] < LEAST_WEIGHT
    return is_short or min(c1, c2, c1 * c2) < LEAST_CONSTANT


def are_far(peaks: Any, formula: Formula) -> Any:
    """Whether squared distances from the centre are too large for float32, or not finite.

    Args:
        peaks: an array, or one number.
        formula: the formula of SSIM.
    """
    limit = (FARTHEST * formula.k2 * formula.data_range) ** 2
    return np.logical_not(peaks <= limit)
