"""What looks like a mistake in saved arrays and is not one for certain: warned of, never mended."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssimtool.readers.npy import non_finite
from ssimtool.readers.samples import Array, range_of_type
from ssimtool.readers.vae import Arrays

FLOAT32_EXP_LIMIT = 88.72  # exp of more overflows float32: ln(3.4028e38)


@dataclass
class Span:
    """The least, the greatest and the mean of an array, piece by piece."""

    low: float = math.inf
    high: float = -math.inf
    total: float = 0
    count: int = 0

    def add(self, array: Array, name: str) -> None:
        """Takes one more piece into account.

        Raises:
            SsimtoolError: `non_finite`.
        """
        low, high = float(array.min()), float(array.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise non_finite(name)
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.total += float(array.sum(dtype=np.float64))
        self.count += array.size


def image_warnings(arrays: Arrays, given: float | None, spans: dict[str, Span]) -> list[str]:
    """Of recon and raw: samples beyond [0, 1], different ranges, channels that come last.

    Args:
        arrays: recon and raw.
        given: the data range that was asked for; None takes 1 and scales integers to it.
        spans: by name.
    """
    warned = _layout_warnings(arrays)
    limit = given or 1
    images = []
    for name, source in (("recon", arrays.recon), ("raw", arrays.raw)):
        full = range_of_type(source.dtype) if given is None else None
        low, high = spans[name].low / (full or 1), spans[name].high / (full or 1)
        images.append((source.name, low, high))
        if full is not None and source.dtype.itemsize >= 4:
            warned.append(
                f"{source.name}: holds {source.dtype} from {spans[name].low:g} to "
                f"{spans[name].high:g}, and is divided by the range of that type, {full:g}; "
                "say another with --data-range"
            )
        elif given is None and (low < 0 or high > 1):
            warned.append(
                f"{source.name}: holds samples from {low:.6g} to {high:.6g}, beyond [0, 1]; a data "
                "range of 1 is taken, say another with --data-range"
            )
    (one, low, high), (other, low2, high2) = images
    signed = min(low, low2) < -0.25 * limit <= -0.01 * limit <= max(low, low2)
    larger = max(high, high2) > 2 * limit and min(high, high2) <= 1.05 * limit
    if signed or larger:
        warned.append(
            f"{one} lies in [{low:.6g}, {high:.6g}], {other} in [{low2:.6g}, {high2:.6g}]: they "
            "seem to be scaled differently; scale both alike"
        )
    return warned


def _layout_warnings(arrays: Arrays) -> list[str]:
    shape = arrays.recon.shape
    if len(shape) != 4 or arrays.layout == "nhwc" or shape[1] <= 4 or shape[3] > 4:
        return []
    return [
        f"{arrays.recon.name}: has shape {shape}, taken as (N, C, H, W), and its last axis looks "
        "like channels; if it is, give --layout nhwc"
    ]


def latent_warnings(name: str, span: Span) -> list[str]:
    """Of logvar: a variance in its place, and an overflow of its exponential."""
    warned = []
    mean = span.total / span.count
    if span.low >= 0 and span.high > 0 and 0.5 <= mean <= 2:
        warned.append(
            f"{name}: is never negative and {mean:.3g} on average, which looks like a variance or "
            "a standard deviation; the logarithm of the variance is expected"
        )
    if span.high > FLOAT32_EXP_LIMIT:
        warned.append(
            f"{name}: rises to {span.high:.6g}, and exp(logvar) overflows float32 above "
            f"{FLOAT32_EXP_LIMIT}; look at the encoder"
        )
    return warned
