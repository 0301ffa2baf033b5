"""Statistics of a metric over many pairs; a module of its own, since `--help` reads their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Statistics:
    """Statistics of one metric over the pairs that have it.

    `mean` and `std` are those of the finite numbers; `std` divides by their count. If all numbers
    are infinite, so is the mean. `infinite` counts the pairs with an infinite number (PSNR of
    identical images). The percentiles are those of all numbers and interpolate linearly; they may
    be infinite. A statistic without a number is None. `reasons` holds the reason
    for each statistic that is None or infinite.
    """

    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    median: float | None
    p1: float | None
    p5: float | None
    p95: float | None
    p99: float | None
    infinite: int = 0
    reasons: Mapping[str, str] = field(default_factory=dict)


# The percentile of each statistic, in ascending order.
PERCENTS = {
    name: percent
    for percent, name in sorted(
        [(0, "min"), (50, "median"), (100, "max")]
        + [(int(f.name[1:]), f.name) for f in fields(Statistics) if f.name[1:].isdecimal()]
    )
}
STATISTICS = ("mean", "std", *PERCENTS)  # in the order of display
