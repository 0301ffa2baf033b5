"""Statistics of one metric over many pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ssimtool.records.statistics import PERCENTS, STATISTICS, Statistics
from ssimtool.records.verdicts import StatisticThreshold, StatisticVerdict

NOTHING = "no pair has a number"
NOTHING_FINITE = "no pair has a finite number"
# From here on, sums of squares may overflow; a power of two scales the values first.
LARGE = 2.0**500


def statistics_of(values: Sequence[float]) -> Statistics:
    """Return the statistics of values; mean and deviation are those of the finite ones.

    >>> statistics_of([1, 2, 3, 4]).median
    2.5
    >>> statistics_of([30.0, 40.0, math.inf]).mean
    35.0
    """
    if not values:
        nothing = dict.fromkeys(STATISTICS)
        return Statistics(**nothing, infinite=0, reasons=dict.fromkeys(STATISTICS, NOTHING))
    ordered = sorted(values)
    finite = [v for v in ordered if math.isfinite(v)]
    mean, deviation = _moments(finite)
    infinite = len(ordered) - len(finite)
    if not finite and ordered[0] == ordered[-1]:
        mean = ordered[0]
    numbers = {name: _percentile(ordered, percent) for name, percent in PERCENTS.items()}
    shown = {"mean": mean, "std": deviation, **numbers}
    why = f"infinite for {infinite} of {len(ordered)} pairs" if finite else NOTHING_FINITE
    reasons = {n: why for n, v in shown.items() if v is None or math.isinf(v)}
    return Statistics(**shown, infinite=infinite, reasons=reasons)


def judged(threshold: StatisticThreshold, statistics: Statistics) -> StatisticVerdict:
    """Return the verdict of a threshold on the statistics of its metric."""
    name = threshold.statistic
    return threshold.judge(getattr(statistics, name), statistics.reasons.get(name))


def _moments(finite: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the mean and the standard deviation of sorted values; None without values.

    The sums are exact, so that the result does not depend on the order.
    """
    if not finite:
        return None, None
    if finite[0] == finite[-1]:  # a mean that is rounded would differ from all of them
        return float(finite[0]), 0.0
    largest = max(map(abs, finite))
    scale = 1.0 if largest < LARGE else math.ldexp(1, math.frexp(largest)[1] - 1)
    scaled = [v / scale for v in finite]
    mean = math.fsum(scaled) / len(scaled)
    variance = math.fsum((v - mean) ** 2 for v in scaled) / len(scaled)
    return mean * scale, math.sqrt(variance) * scale


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """Return a percentile by linear interpolation, as NumPy does by default."""
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    low, high = ordered[below], ordered[math.ceil(place)]
    return low if low == high else low + (high - low) * (place - below)
