"""The summary of many pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ssimtool.records.verdicts import StatisticVerdict, Status


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


@dataclass(frozen=True)
class Bin:
    """One bin of a histogram: the count of numbers from `low` to below `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Unmatched:
    """Unmatched files of two folders."""

    reference: tuple[str, ...] = ()
    distorted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worst:
    """One of the pairs with the worst scores by the first requested metric.

    `map` is the file of its map, if maps were written only for the worst pairs.
    """

    id: str | None
    reference: str
    distorted: str
    metric: str
    value: float
    map: str | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Summary of a batch: the last line of its output.

    `interrupted`: the run ended before the end of its input, by Ctrl-C or on an error.
    """

    schema: str = "ssimtool.batch.summary/1"
    status: Status
    pairs: int
    ok: int
    fail: int
    error: int
    unmatched: Unmatched = Unmatched()
    metrics: Mapping[str, Statistics] = field(default_factory=dict)
    worst: tuple[Worst, ...] = ()
    thresholds: tuple[StatisticVerdict, ...] = ()
    interrupted: bool = False
    elapsed_seconds: float | None = None
    version: str
