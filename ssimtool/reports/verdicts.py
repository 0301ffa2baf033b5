"""Thresholds in words: what a table, a CI job and standard error say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ssimtool.errors import printable
from ssimtool.records.comparison import Comparison
from ssimtool.records.explanation import Explanation
from ssimtool.records.loss import LossReport
from ssimtool.records.record import Record
from ssimtool.records.verdicts import StatisticVerdict, Verdict
from ssimtool.reports.rows import numbers_of

# How a number relates to its threshold, by the option and by whether it passes.
RELATIONS = {
    ("under", False): "<",
    ("under", True): ">=",
    ("over", False): ">",
    ("over", True): "<=",
}


def relation(verdict: Verdict | StatisticVerdict, value: float | None) -> str:
    """The number, how it relates to the threshold, and the threshold.

    >>> relation(Verdict("ssim", "under", 0.98, False), 0.957)
    'ssim 0.957 < 0.98'
    >>> relation(Verdict("ssim", "under", 0.98, False), 0.97999999)
    'ssim 0.97999999 < 0.98'
    """
    statistic = f"{verdict.statistic} " if isinstance(verdict, StatisticVerdict) else ""
    limit, name = _exact(verdict.value), f"{statistic}{verdict.metric}"
    if value is None:
        return f"{name} has no value, expected {RELATIONS[verdict.op, True]} {limit}"
    short = f"{value:.6g}"
    # rounded, a number that misses the threshold by little would read as if it met it
    rounded_meets = (
        float(short) >= verdict.value if verdict.op == "under" else (float(short) <= verdict.value)
    )
    shown = short if rounded_meets == verdict.holds else repr(value)
    return f"{name} {shown} {RELATIONS[verdict.op, verdict.holds]} {limit}"


def _exact(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def verdict_line(record: Record, verdict: Verdict) -> str:
    """One threshold, and whether it passed."""
    return f"{_word(verdict)}  {relation(verdict, numbers_of(record)[verdict.metric])}"


def statistic_line(verdict: StatisticVerdict) -> str:
    """One threshold on a statistic, and whether it passed."""
    return f"{_word(verdict)}  {relation(verdict, verdict.found)}"


def _word(verdict: Verdict | StatisticVerdict) -> str:
    return "pass" if verdict.holds else "FAIL"


def failed_relations(
    numbers: Mapping[str, float | None], verdicts: Sequence[Verdict]
) -> tuple[str, ...]:
    """The thresholds that failed, each as a relation."""
    return tuple(relation(v, numbers.get(v.metric)) for v in verdicts if not v.holds)


def failures_of(record: Record | Explanation) -> tuple[str, ...]:
    """A line for each threshold that failed: the distorted file (for a loss the reconstruction, for
    latents the mean) and the relation."""
    if isinstance(record, Explanation):  # has no thresholds
        return ()
    if isinstance(record, Comparison):
        path = record.distorted
    else:
        path = record.recon if isinstance(record, LossReport) else record.mu
    return failure_lines(path, failed_relations(numbers_of(record), record.thresholds))


def failure_lines(path: str, relations: Sequence[str]) -> tuple[str, ...]:
    """A line for each threshold that a file failed.

    >>> failure_lines("shots/search.png", ["ssim 0.086 < 0.98"])
    ('FAIL shots/search.png  ssim 0.086 < 0.98',)
    """
    return tuple(f"FAIL {printable(path)}  {text}" for text in relations)


def statistic_failures(verdicts: Sequence[StatisticVerdict]) -> tuple[str, ...]:
    """A line for each statistic that failed."""
    return tuple(f"FAIL {relation(v, v.found)}" for v in verdicts if not v.holds)
