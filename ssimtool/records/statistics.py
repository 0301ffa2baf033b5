"""Statistics of a metric over many pairs; a module of its own, since `--help` reads their names."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Statistics:
    """Statistics of one metric over the pairs that have it.

    `std` divides by the number of pairs; the percentiles interpolate linearly. PSNR of identical
    images is inf. A statistic without a number is None.
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


# The percentile of each statistic, in ascending order.
PERCENTS = {
    name: percent
    for percent, name in sorted(
        [(0, "min"), (50, "median"), (100, "max")]
        + [(int(f.name[1:]), f.name) for f in fields(Statistics) if f.name[1:].isdecimal()]
    )
}
STATISTICS = ("mean", "std", *PERCENTS)  # in the order of display
