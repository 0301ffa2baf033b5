"""Range of the samples of an array, accumulated piece by piece."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.samples import Array


@dataclass
class Span:
    """Smallest and largest sample of the array `name`."""

    name: str
    low: float = math.inf
    high: float = -math.inf

    def add(self, array: Array) -> None:
        """Extend the range by another piece of the array.

        Raises:
            SsimtoolError: `non_finite`.
        """
        low, high = float(array.min()), float(array.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise non_finite(self.name)
        self.low, self.high = min(self.low, low), max(self.high, high)
