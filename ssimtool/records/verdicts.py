"""Thresholds, whether they hold, and why there is no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssimtool.errors import EXIT_INPUT, EXIT_OK, EXIT_THRESHOLD

Status = Literal["ok", "fail", "error"]
Op = Literal["under", "over"]
EXIT_CODES: dict[Status, int] = {"ok": EXIT_OK, "fail": EXIT_THRESHOLD, "error": EXIT_INPUT}


@dataclass(frozen=True)
class Threshold:
    """`metric` fails when it is `op` (under, over) `value`."""

    metric: str
    op: Op
    value: float

    def judge(self, found: float) -> Verdict:
        """Holds what was found against the threshold; a value equal to it holds."""
        holds = found >= self.value if self.op == "under" else found <= self.value
        return Verdict(self.metric, self.op, self.value, holds)


@dataclass(frozen=True)
class Verdict:
    """A threshold and whether it holds."""

    metric: str
    op: Op
    value: float
    holds: bool


def status_of(verdicts: tuple[Verdict, ...]) -> Status:
    """`ok` where every threshold holds, else `fail`."""
    return "ok" if all(v.holds for v in verdicts) else "fail"


@dataclass(frozen=True)
class Failure:
    """Why there is no number."""

    code: str
    message: str


@dataclass(frozen=True)
class StatisticThreshold:
    """`statistic` of `metric` over all pairs fails when it is `op` (under, over) `value`."""

    statistic: str
    metric: str
    op: Op
    value: float

    def judge(self, found: float | None) -> StatisticVerdict:
        """Holds what was found against the threshold; where there is no number, it fails."""
        holds = found is not None and Threshold("", self.op, self.value).judge(found).holds
        return StatisticVerdict(self.statistic, self.metric, self.op, self.value, found, holds)


@dataclass(frozen=True)
class StatisticVerdict:
    """A threshold on a statistic of all pairs, what was found, and whether it holds."""

    statistic: str
    metric: str
    op: Op
    value: float
    found: float | None
    holds: bool
