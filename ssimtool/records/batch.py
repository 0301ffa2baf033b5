"""The summary of many pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ssimtool.records.statistics import Statistics
from ssimtool.records.verdicts import StatisticVerdict, Status


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
