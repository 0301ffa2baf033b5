"""Thresholds, their verdicts, and failures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ssimtool.errors import EXIT_INPUT, EXIT_OK, EXIT_THRESHOLD

Status = Literal["ok", "fail", "error"]
Op = Literal["under", "over"]
OfFrames = Literal["worst"]  # what a threshold on one pair may name of its frames
EXIT_CODES: dict[Status, int] = {"ok": EXIT_OK, "fail": EXIT_THRESHOLD, "error": EXIT_INPUT}


@dataclass(frozen=True)
class Threshold:
    """A threshold on one pair: `metric` fails if it is `op` (under or over) `value`.

    `statistic` is None for the number of the pair, which is the mean of the frames of a stack, or
    `worst` for the worst frame.
    """

    metric: str
    op: Op
    value: float
    statistic: OfFrames | None = None

    def judge(self, number: float) -> Verdict:
        """Compare a number with the threshold; a number equal to it passes."""
        holds = number >= self.value if self.op == "under" else number <= self.value
        return Verdict(self.metric, self.op, self.value, holds, self.statistic)


@dataclass(frozen=True)
class Verdict:
    """A threshold on one pair, and whether it passed (`holds`)."""

    metric: str
    op: Op
    value: float
    holds: bool
    statistic: OfFrames | None = None

    @property
    def name(self) -> str:
        """Name of the number: the metric, after the statistic if there is one."""
        return self.metric if self.statistic is None else f"{self.statistic} {self.metric}"


def judged(
    thresholds: Sequence[Threshold], figures: Mapping[str, float | None]
) -> tuple[Verdict, ...]:
    """Compare the figures of a record with thresholds; a missing figure fails its threshold."""
    numbers = {name: math.nan if v is None else v for name, v in figures.items()}
    return tuple(t.judge(numbers[t.metric]) for t in thresholds)


def status_of(verdicts: tuple[Verdict, ...]) -> Status:
    """Return `ok` if every threshold passed, else `fail`."""
    return "ok" if all(v.holds for v in verdicts) else "fail"


@dataclass(frozen=True)
class Failure:
    """The error that is recorded instead of numbers."""

    code: str
    message: str


@dataclass(frozen=True)
class StatisticThreshold:
    """A threshold on all pairs: `statistic` of `metric` fails if it is `op` `value`."""

    statistic: str
    metric: str
    op: Op
    value: float

    def judge(self, number: float | None, reason: str | None = None) -> StatisticVerdict:
        """Compare a statistic with the threshold; without a number the threshold fails.

        Args:
            number: the statistic.
            reason: why the statistic is None or infinite.
        """
        holds = number is not None and Threshold("", self.op, self.value).judge(number).holds
        parts = self.statistic, self.metric, self.op, self.value
        return StatisticVerdict(*parts, number, holds, reason)


@dataclass(frozen=True)
class StatisticVerdict:
    """A threshold on all pairs, the statistic (`found`), and whether it passed (`holds`).

    `reason` says why `found` is None or infinite.
    """

    statistic: str
    metric: str
    op: Op
    value: float
    found: float | None
    holds: bool
    reason: str | None = None
