"""The summary of many pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ssimtool.records.statistics import Statistics
from ssimtool.records.verdicts import Failure, StatisticVerdict, Status

# `fail`: missing files fail the run, and new ones are warned of; `strict`: both fail it.
UnmatchedPolicy = Literal["fail", "strict", "warn", "ignore"]
MISSING_FAIL, NEW_FAIL = ("fail", "strict"), ("strict",)


@dataclass(frozen=True)
class Bin:
    """One bin of a histogram: the count of numbers from `low` to below `high`."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Unmatched:
    """Files of two folders without a partner.

    A reference without a distorted image is missing; a distorted image without a reference is new.
    `policy` says what they mean for the run.
    """

    reference: tuple[str, ...] = ()
    distorted: tuple[str, ...] = ()
    policy: UnmatchedPolicy = "warn"

    @property
    def fails(self) -> bool:
        """Whether the run fails because of these files."""
        missing = bool(self.reference) and self.policy in MISSING_FAIL
        return missing or (bool(self.distorted) and self.policy in NEW_FAIL)


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

    `identical` counts the pairs of identical images. `interrupted`: the run ended before the end of
    its input, by Ctrl-C or on an error. `problem` says why the input could not be read, or why
    there was nothing to compare; then the status is `error`.
    """

    schema: str = "ssimtool.batch.summary/1"
    status: Status
    pairs: int
    ok: int
    fail: int
    error: int
    identical: int = 0
    unmatched: Unmatched = Unmatched()
    metrics: Mapping[str, Statistics] = field(default_factory=dict)
    worst: tuple[Worst, ...] = ()
    thresholds: tuple[StatisticVerdict, ...] = ()
    interrupted: bool = False
    problem: Failure | None = None
    elapsed_seconds: float | None = None
    version: str
