"""What looks like a mistake in saved arrays and is not one for certain: warned of, never mended."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssimtool.metrics.moments import FLOAT32_EXP_LIMIT, Moments
from ssimtool.readers.arrays.npy import non_finite
from ssimtool.readers.arrays.vae import Arrays
from ssimtool.readers.samples import Array, range_of_type

FEW = 8  # values, dimensions: so few have one sign by chance


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


def posterior_warnings(mu: str, logvar: str, found: Moments) -> list[str]:
    """Of mu and logvar, by their names: a variance in place of its logarithm, the two exchanged,
    values that are clamped or all the same, and an overflow of the exponential."""
    low, high = float(found.logvar_low.min()), float(found.logvar_high.max())
    warned = []
    if is_variance(found):
        warned.append(
            f"{logvar}: is never negative and {_mean_logvar(found):.3g} on average, which looks "
            "like a variance or a standard deviation; the logarithm of the variance is expected"
        )
    elif is_exchanged(found):
        warned.append(
            f"{mu} and {logvar}: the first looks like the logarithm of a variance and the second "
            "like a mean; mu is expected first, then logvar"
        )
    if low == high and found.count > 1:
        warned.append(
            f"{logvar}: is {low:g} throughout; a posterior whose variance is fixed, or an encoder "
            "that has not been trained"
        )
    at_low, at_high = at_extremes(found)
    for word, value, count in (("least", low, at_low), ("greatest", high, at_high)):
        if is_many(count, found):
            warned.append(
                f"{logvar}: {count} of {_values(found)} values are the {word}, {value:.6g}, which "
                "looks like a clamp: no gradient passes there; look at the encoder"
            )
    if high > FLOAT32_EXP_LIMIT:
        warned.append(
            f"{logvar}: rises to {high:.6g}, and exp(logvar) overflows float32 above "
            f"{FLOAT32_EXP_LIMIT}; look at the encoder"
        )
    return warned


def is_variance(found: Moments) -> bool:
    """Whether logvar looks like a variance or a standard deviation.

    Neither is ever negative, and a logarithm that is not either has some other reason in two cases:
    there are but few dimensions, or it is near 0, of an encoder hardly trained. Then it is taken
    for what comes nearer to the prior: near the optimum of a VAE, the mean of mu² and that of the
    variance make up 1.
    """
    low, mean = found.logvar_low.min(), _mean_logvar(found)
    if low < 0 or found.logvar_high.max() <= 0 or mean > 2 or _values(found) < FEW:
        return False
    if low > 0 and mean > 0.05 and len(found.mean) >= FEW:
        return True
    second = _second_moment(found)
    as_variance = _distance(np.log(_above_zero(second + found.logvar / found.count)))
    as_deviation = _distance(np.log(_above_zero(second + found.logvar_squares / found.count)))
    return min(as_variance, as_deviation) < _as_given(found)


def is_exchanged(found: Moments) -> bool:
    """Whether mu and logvar look exchanged: the other way round, their second moments come much
    nearer to those of the prior, and what is given for mu is below 0 on the whole."""
    if _values(found) < FEW or not found.mean.mean() < min(0, _mean_logvar(found)):
        return False
    # the mean of exp(mu), of a Gaussian: that of the exponentials would need a pass of its own
    log_variance = found.mean + found.squares / found.count / 2
    square = np.log(_above_zero(found.logvar_squares / found.count))
    given = _as_given(found)
    return given > 0.25 and _distance(np.logaddexp(square, log_variance)) < given / 2


def at_extremes(found: Moments) -> tuple[int, int]:
    """How many values of logvar are the least and the greatest of all, but for those of dimensions
    that do not vary."""
    fixed = found.logvar_low[found.logvar_low == found.logvar_high]
    low, high = found.logvar_low.min(), found.logvar_high.max()
    return (
        found.at_low - found.count * int((fixed == low).sum()),
        found.at_high - found.count * int((fixed == high).sum()),
    )


def is_many(count: int, found: Moments) -> bool:
    """Whether so many values at one extreme are a clamp, and not chance."""
    return count >= max(10, _values(found) / 1000)


def _values(found: Moments) -> int:
    return found.count * len(found.mean)


def _mean_logvar(found: Moments) -> float:
    return float(found.logvar.mean()) / found.count


def _second_moment(found: Moments) -> Array:
    second: Array = found.mean**2 + found.squares / found.count
    return second


def _as_given(found: Moments) -> float:
    return _distance(np.log(_above_zero(_second_moment(found) + found.variance / found.count)))


def _above_zero(values: Array) -> Array:
    return np.maximum(values, np.finfo(np.float64).tiny)


def _distance(logs: Array) -> float:
    """Of second moments from 1, over the dimensions: the few that carry most count most."""
    return float(np.sqrt((logs**2).mean()))
