"""Warnings about arrays that look like a mistake; the arrays are never changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssimtool.metrics.moments import FLOAT32_EXP_LIMIT, Moments
from ssimtool.readers.arrays.vae import Arrays
from ssimtool.readers.ranges import usual_range, value_range_of
from ssimtool.readers.samples import Array, is_within, range_of_type
from ssimtool.settings import LossSettings, ValueRange
from ssimtool.vae.spans import Span
from ssimtool.vae.units import units_of

MAX_CHANNELS = 4  # a longer axis does not look like channels
# Images in [-1, 1] reach far below 0, but a slight undershoot of recon does not. As fractions of
# the data range: the minimum of one array is below the first, of the other not below the second.
SIGNED, UNSIGNED = -0.25, -0.01
# As fractions of the data range: the maximum of one array is above the first, that of the other not
# above the second, which allows for an overshoot of recon.
LARGER, WITHIN = 2, 1.05
WIDE_TYPE = 4  # bytes of an integer type that images rarely fill
FEW = 8  # values or dimensions; fewer may all have one sign by chance
LARGE_LOGVAR = 2  # a higher mean is not a variance of posteriors, which is rarely above 1
UNTRAINED_LOGVAR = 0.05  # up to this mean, it may be the log-variance of a hardly trained encoder
FAR_FROM_PRIOR = 0.25  # of second moments, see `_distance`; below it, no decision
FEWEST_CLAMPED = 10  # values at an extreme; fewer may be equal by chance
CLAMPED_SHARE = 1 / 1000  # fraction of all values, in addition


def image_warnings(arrays: Arrays, settings: LossSettings, recon: Span, raw: Span) -> list[str]:
    """Return warnings about samples that do not fit their range, different ranges and channels that
    come last.

    Args:
        arrays: recon and raw.
        settings: the data range or the value range, as requested.
        recon, raw: the ranges of their samples.
    """
    units = units_of(arrays.recon.dtype, arrays.raw.dtype, settings)
    warned = _layout_warnings(arrays)
    for source, span, unit in zip((arrays.recon, arrays.raw), (recon, raw), units, strict=True):
        if settings.data_range is None:
            warned += _range_warnings(span, source.dtype, unit)
    return warned + _scale_warnings(recon, raw, units, settings.data_range or 1)


def _layout_warnings(arrays: Arrays) -> list[str]:
    shape = arrays.recon.shape
    if len(shape) != 4 or arrays.layout == "nhwc":
        return []
    if shape[1] <= MAX_CHANNELS or shape[3] > MAX_CHANNELS:
        return []
    return [
        f"{arrays.recon.name}: has shape {shape}, taken as (N, C, H, W), and its last axis looks "
        "like channels; if so, pass --layout nhwc"
    ]


def _range_warnings(span: Span, dtype: np.dtype[Any], unit: ValueRange) -> list[str]:
    """Return warnings about a range that was not requested, or that the samples exceed."""
    full = range_of_type(dtype)
    if unit != (0, full or 1):
        if is_within(span.low, span.high, *unit):
            return []
        return [
            f"{span.name}: samples from {span.low:.6g} to {span.high:.6g}, beyond the value range "
            f"from {unit[0]:g} to {unit[1]:g}; pass --value-range LOW HIGH"
        ]
    seeming = None if full is None else usual_range(span.high, full)
    if full is not None and (seeming or dtype.itemsize >= WIDE_TYPE):
        example = f" (e.g. {seeming})" if seeming else ""
        return [
            f"{span.name}: {dtype} values from {span.low:g} to {span.high:g} are divided by the "
            f"range of that type, {full:g}; pass --data-range{example} for another"
        ]
    if is_within(span.low, span.high, 0, full or 1):
        return []
    low, high = span.low / (full or 1), span.high / (full or 1)
    signed = f"--value-range {value_range_of(span.low, span.high)}"
    return [
        f"{span.name}: samples from {low:.6g} to {high:.6g}, beyond [0, 1]; the data range is "
        f"taken as 1, pass {signed if low < 0 else '--data-range'} for another"
    ]


def _scale_warnings(
    recon: Span, raw: Span, units: tuple[ValueRange, ValueRange], limit: float
) -> list[str]:
    """Return a warning if recon and raw seem to have different scales."""
    (low, high), (low2, high2) = (
        ((span.low - zero) / (one - zero), (span.high - zero) / (one - zero))
        for span, (zero, one) in zip((recon, raw), units, strict=True)
    )
    signed = min(low, low2) < SIGNED * limit and max(low, low2) >= UNSIGNED * limit
    larger = max(high, high2) > LARGER * limit and min(high, high2) <= WITHIN * limit
    if not (signed or larger):
        return []
    return [
        f"{recon.name} is in [{low:.6g}, {high:.6g}], {raw.name} in [{low2:.6g}, {high2:.6g}]: "
        "they seem to be scaled differently; scale both alike"
    ]


def posterior_warnings(mu: str, logvar: str, moments: Moments) -> list[str]:
    """Return warnings about the values of mu and logvar.

    They cover a variance instead of its logarithm, exchanged arrays, clamped or constant values,
    and overflow of exp(logvar).

    Args:
        mu, logvar: names of the arrays.
        moments: moments of all samples.
    """
    low, high = float(moments.logvar_low.min()), float(moments.logvar_high.max())
    warned = []
    if is_variance(moments):
        warned.append(
            f"{logvar}: is never negative and {_mean_logvar(moments):.3g} on average, which looks "
            "like a variance or a standard deviation; the logarithm of the variance is expected"
        )
    elif is_exchanged(moments):
        warned.append(
            f"{mu} and {logvar}: the first looks like the logarithm of a variance and the second "
            "like a mean; mu is expected first, then logvar"
        )
    if low == high and moments.count > 1:
        warned.append(
            f"{logvar}: is {low:g} throughout; a posterior whose variance is fixed, or an encoder "
            "that has not been trained"
        )
    at_low, at_high = at_extremes(moments)
    for word, value, count in (("least", low, at_low), ("greatest", high, at_high)):
        if is_many(count, moments):
            warned.append(
                f"{logvar}: {count} of {_values(moments)} values are the {word}, {value:.6g}, "
                "which looks like a clamp: no gradient passes there; look at the encoder"
            )
    if high > FLOAT32_EXP_LIMIT:
        warned.append(
            f"{logvar}: rises to {high:.6g}, and exp(logvar) overflows float32 above "
            f"{FLOAT32_EXP_LIMIT}; look at the encoder"
        )
    return warned


def is_variance(moments: Moments) -> bool:
    """Return whether logvar looks like a variance or a standard deviation.

    Both are never negative. A logarithm may be positive too if there are few dimensions, or if
    the encoder is hardly trained and all values are near 0. In these cases, the interpretation
    that is closer to the prior decides: near the optimum of a VAE, the mean of mu² and the mean
    variance add up to 1.
    """
    low, mean = moments.logvar_low.min(), _mean_logvar(moments)
    if low < 0 or moments.logvar_high.max() <= 0 or mean > LARGE_LOGVAR:
        return False
    if _values(moments) < FEW:
        return False
    if low > 0 and mean > UNTRAINED_LOGVAR and len(moments.mean) >= FEW:
        return True
    second = _second_moment(moments)
    as_variance = _distance(np.log(_above_zero(second + moments.logvar / moments.count)))
    as_deviation = _distance(np.log(_above_zero(second + moments.logvar_squares / moments.count)))
    return min(as_variance, as_deviation) < _as_named(moments)


def is_exchanged(moments: Moments) -> bool:
    """Return whether mu and logvar look exchanged.

    Then mu is below 0 on average, and the second moments of the exchanged arrays are much closer
    to those of the prior.
    """
    if _values(moments) < FEW or not moments.mean.mean() < min(0, _mean_logvar(moments)):
        return False
    # The mean of exp(mu) if mu is Gaussian: the true mean would need another pass over the data.
    log_variance = moments.mean + moments.squares / moments.count / 2
    square = np.log(_above_zero(moments.logvar_squares / moments.count))
    distance = _as_named(moments)
    exchanged = _distance(np.logaddexp(square, log_variance))
    return distance > FAR_FROM_PRIOR and exchanged < distance / 2


def at_extremes(moments: Moments) -> tuple[int, int]:
    """Return how many values of logvar equal its minimum and its maximum, without constant
    dimensions."""
    fixed = moments.logvar_low[moments.logvar_low == moments.logvar_high]
    low, high = moments.logvar_low.min(), moments.logvar_high.max()
    return (
        moments.at_low - moments.count * int((fixed == low).sum()),
        moments.at_high - moments.count * int((fixed == high).sum()),
    )


def is_many(count: int, moments: Moments) -> bool:
    """Return whether `count` values at one extreme are too many for chance, which means a clamp."""
    return count >= max(FEWEST_CLAMPED, _values(moments) * CLAMPED_SHARE)


def _values(moments: Moments) -> int:
    return moments.count * len(moments.mean)


def _mean_logvar(moments: Moments) -> float:
    return float(moments.logvar.mean()) / moments.count


def _second_moment(moments: Moments) -> Array:
    second: Array = moments.mean**2 + moments.squares / moments.count
    return second


def _as_named(moments: Moments) -> float:
    return _distance(
        np.log(_above_zero(_second_moment(moments) + moments.variance / moments.count))
    )


def _above_zero(values: Array) -> Array:
    return np.maximum(values, np.finfo(np.float64).tiny)


def _distance(logs: Array) -> float:
    """Return how far second moments are from 1: the root mean square of their logarithms."""
    return float(np.sqrt((logs**2).mean()))
