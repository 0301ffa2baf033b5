"""Numbers to the elements of a chart: bars, a curve, ticks and marks, in its coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssimtool.readers.samples import Array
from ssimtool.records.verdicts import Threshold

# Size of the drawing and of the frame within it, in the units of its view box.
WIDTH, HEIGHT = 440, 150
LEFT, RIGHT, TOP, BOTTOM = 46.0, 432.0, 14.0, 128.0
BINS = 48
POINTS = 300  # of a curve: more than one per pixel is not visible
INFINITE = 22.0  # width reserved for infinite numbers


@dataclass(frozen=True)
class Bar:
    """A rectangle; `label` is its tooltip."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Tick:
    """A position on an axis, and the number there."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A line across the frame, at a threshold or the median."""

    at: float
    label: str
    kind: str


@dataclass(frozen=True)
class Chart:
    """Bars or the points of a curve, with the ticks of both axes; `label` describes the chart."""

    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    bars: tuple[Bar, ...] = ()
    points: str = ""
    area: str = ""


@dataclass(frozen=True)
class Scale:
    """Linear map of numbers to coordinates: `low` to `start`, `high` to `stop`."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the coordinate of a number, rounded to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)

    def holds(self, value: float) -> bool:
        """Return whether a number lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self, count: int) -> tuple[Tick, ...]:
        """Return about `count` ticks, at multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.7)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        largest = max(abs(first), abs(last), 1) * step
        # enough digits to distinguish neighbouring ticks
        digits = max(4, 1 + math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9))
        return tuple(Tick(self(i * step), f"{i * step:.{digits}g}") for i in range(first, last + 1))


def histogram(values: Sequence[float], limits: Sequence[Threshold]) -> Chart:
    """Return a histogram; infinite numbers have their own bar at the right.

    Args:
        values: scores, at least one.
        limits: thresholds on this metric; those within the range are drawn.
    """
    finite, infinite = _parted(values)
    across = _axis(finite, LEFT, RIGHT - INFINITE if infinite else RIGHT)
    counts, edges = np.histogram(finite, bins=BINS, range=(across.low, across.high))
    up = Scale(0, max(int(counts.max()), infinite, 1), BOTTOM, TOP)
    bars = [
        _bar(across(a), across(b), up(int(n)), f"{a:.5g} to {b:.5g}: {_pairs(int(n))}")
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
        if n
    ]
    ticks = across.ticks(6)
    if infinite:
        bars.append(_bar(RIGHT - 12, RIGHT, up(infinite), f"infinite: {_pairs(infinite)}"))
        ticks = (*ticks, Tick(RIGHT - 6, "∞"))
    return Chart(
        label=f"Histogram of {_pairs(len(values))}",
        x_ticks=ticks,
        y_ticks=tuple(t for t in up.ticks(3) if "." not in t.label),
        marks=_marks(across, values, limits),
        bars=tuple(bars),
    )


def curve(values: Sequence[float], limits: Sequence[Threshold], *, better: str) -> Chart:
    """Return the curve of the sorted numbers over the share of the pairs, the worst at the left.

    Args:
        values: scores, at least one.
        limits: thresholds on this metric; those within the range are drawn.
        better: `higher` or `lower`.
    """
    finite, infinite = _parted(values)
    up = _axis(finite, BOTTOM, TOP + INFINITE if infinite else TOP)
    across = Scale(0, 100, LEFT, RIGHT)
    ordered = np.concatenate([finite, np.full(infinite, math.inf)])
    if better == "lower":
        ordered = ordered[::-1]
    count = len(ordered)
    places = np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(int))
    heights = [up(v) if math.isfinite(v) else TOP for v in ordered[places].tolist()]
    points = [(across(100 * (i + 0.5) / count), y) for i, y in zip(places, heights, strict=True)]
    if count == 1:
        points = [(LEFT, points[0][1]), (RIGHT, points[0][1])]
    line = " ".join(f"{x},{y}" for x, y in points)
    return Chart(
        label=f"{_pairs(len(values))}, sorted, the worst at the left",
        x_ticks=tuple(Tick(across(v), f"{v} %") for v in (0, 25, 50, 75, 100)),
        y_ticks=(*up.ticks(4), *([Tick(TOP, "∞")] if infinite else [])),
        marks=_marks(up, values, limits),
        points=line,
        area=f"{points[0][0]},{BOTTOM} {line} {points[-1][0]},{BOTTOM}",
    )


def _parted(values: Sequence[float]) -> tuple[Array, int]:
    """Return the finite numbers, sorted, and the count of the others."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    finite: Array = ordered[np.isfinite(ordered)]
    return finite, len(ordered) - len(finite)


def _axis(finite: Array, start: float, stop: float) -> Scale:
    """Return an axis over all numbers; around a single number it has some margin."""
    low, high = (float(finite[0]), float(finite[-1])) if len(finite) else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        margin = abs(low) * 0.05 or 0.05
        return Scale(low - margin, high + margin, start, stop)
    return Scale(low, high, start, stop)


def _bar(left: float, right: float, top: float, label: str) -> Bar:
    # Leave a gap of about a pixel between bars; one pixel of height keeps a single pair visible.
    top = min(top, BOTTOM - 1)
    return Bar(left, top, round(max(right - left - 0.8, 0.8), 1), round(BOTTOM - top, 1), label)


def _marks(axis: Scale, values: Sequence[float], limits: Sequence[Threshold]) -> tuple[Mark, ...]:
    middle = float(np.median(values)) if all(map(math.isfinite, values)) else math.inf
    marks = [Mark(axis(middle), "median", "median")] if axis.holds(middle) else []
    signs = {"under": "≥", "over": "≤"}
    return (
        *marks,
        *(
            Mark(axis(limit.value), f"{signs[limit.op]} {limit.value:g}", "limit")
            for limit in dict.fromkeys(limits)
            if axis.holds(limit.value)
        ),
    )


def _pairs(count: int) -> str:
    return f"{count:,} pair{'s' if count != 1 else ''}"
