"""The summary of many pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ssimtool.records.verdicts import StatisticVerdict, Status


@dataclass(frozen=True)
class Statistics:
    """Of one metric over the pairs that have it: `std` divides by their number, the percentiles
    interpolate linearly. PSNR of identical images is inf; None where there is no number."""

    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    median: float | None
    p1: float | None
    p5: float | None
    p95: float | None
    p99: float | None


# The percentile that a statistic is, from the least to the greatest.
PERCENTS = {
    name: percent
    for percent, name in sorted(
        [(0, "min"), (50, "median"), (100, "max")]
        + [(int(f.name[1:]), f.name) for f in fields(Statistics) if f.name[1:].isdecimal()]
    )
}
STATISTICS = ("mean", "std", *PERCENTS)  # in the order in which they are shown


@dataclass(frozen=True)
class Bin:
    """Of a histogram: how many numbers lie from `low` to `high`, which belongs to the next one."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Unmatched:
    """Files of two folders without a partner."""

    reference: tuple[str, ...] = ()
    distorted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worst:
    """One of the pairs that score worst, by the first metric asked for, and the file of its map
    where it was only written since it is one of these."""

    id: str | None
    reference: str
    distorted: str
    metric: str
    value: float
    map: str | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Of a batch: the last line that it writes.

    `interrupted` says that the run ended before its input did: by Ctrl-C, or on an error.
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
