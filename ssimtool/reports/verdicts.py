"""Thresholds in words, for tables, CI jobs and standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ssimtool.errors import printable
from ssimtool.records.comparison import Comparison
from ssimtool.records.frames import Frames
from ssimtool.records.verdicts import StatisticVerdict, Verdict
from ssimtool.reports.rows import numbers_of

if TYPE_CHECKING:  # a comparison loads no record of another command
    from ssimtool.records.explanation import Explanation
    from ssimtool.records.record import Record

# The relation of a number to its threshold, by the option and by whether it passed.
RELATIONS = {
    ("under", False): "<",
    ("under", True): ">=",
    ("over", False): ">",
    ("over", True): "<=",
}


def relation(verdict: Verdict | StatisticVerdict, value: float | None) -> str:
    """Return the number, its relation to the threshold, and the threshold.

    >>> relation(Verdict("ssim", "under", 0.98, False), 0.957)
    'ssim 0.957 < 0.98'
    >>> relation(Verdict("ssim", "under", 0.98, False), 0.97999999)
    'ssim 0.97999999 < 0.98'
    """
    limit, name = _exact(verdict.value), verdict.metric
    if verdict.statistic is not None:
        name = f"{verdict.statistic} {name}"
    if value is None:
        reason = verdict.reason if isinstance(verdict, StatisticVerdict) else None
        why = f" ({reason})" if reason else ""
        return f"{name} has no value{why}, expected {RELATIONS[verdict.op, True]} {limit}"
    short = f"{value:.6g}"
    # a number that barely misses the threshold must not appear to meet it after rounding
    rounded_meets = (
        float(short) >= verdict.value if verdict.op == "under" else (float(short) <= verdict.value)
    )
    shown = short if rounded_meets == verdict.holds else repr(value)
    return f"{name} {shown} {RELATIONS[verdict.op, verdict.holds]} {limit}"


def _exact(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def verdict_line(record: Record, verdict: Verdict) -> str:
    """Return the line of one threshold: whether it passed, and the relation."""
    return f"{_word(verdict)}  {_relation(verdict, numbers_of(record), _frames_of(record))}"


def statistic_line(verdict: StatisticVerdict) -> str:
    """Return the line of one threshold on a statistic: whether it passed, and the relation."""
    return f"{_word(verdict)}  {relation(verdict, verdict.found)}"


def _word(verdict: Verdict | StatisticVerdict) -> str:
    return "pass" if verdict.holds else "FAIL"


def failed_relations(
    numbers: Mapping[str, float | None], verdicts: Sequence[Verdict], frames: Frames | None = None
) -> tuple[str, ...]:
    """Return the relation of each failed threshold, with the frame of one on the worst frame.

    Args:
        numbers: the numbers of the record, by name.
        verdicts: the thresholds.
        frames: the frames of two stacks, if the record is of stacks.
    """
    return tuple(_relation(v, numbers, frames) for v in verdicts if not v.holds)


def _relation(verdict: Verdict, numbers: Mapping[str, float | None], frames: Frames | None) -> str:
    if verdict.statistic is None or frames is None or verdict.metric not in frames.worst:
        return relation(verdict, numbers.get(verdict.metric))
    worst = frames.worst[verdict.metric]
    return f"{relation(verdict, worst.value)} at frame {worst.frame}"


def _frames_of(record: Record) -> Frames | None:
    return record.frames if isinstance(record, Comparison) else None


def failures_of(record: Record | Explanation) -> tuple[str, ...]:
    """Return a line for each failed threshold: the file and the relation.

    The file is the distorted image, the reconstruction of a loss, or mu of a latent space.
    """
    if isinstance(record, Comparison):
        path = record.distorted
    else:
        from ssimtool.records.explanation import Explanation
        from ssimtool.records.loss import LossReport

        if isinstance(record, Explanation):  # has no thresholds
            return ()
        path = record.recon if isinstance(record, LossReport) else record.mu
    return failure_lines(
        path, failed_relations(numbers_of(record), record.thresholds, _frames_of(record))
    )


def failure_lines(path: str, relations: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each threshold that a file failed.

    >>> failure_lines("shots/search.png", ["ssim 0.086 < 0.98"])
    ('FAIL shots/search.png  ssim 0.086 < 0.98',)
    """
    return tuple(f"FAIL {printable(path)}  {text}" for text in relations)


def statistic_failures(verdicts: Sequence[StatisticVerdict]) -> tuple[str, ...]:
    """Return a line for each failed threshold on a statistic."""
    return tuple(f"FAIL {relation(v, v.found)}" for v in verdicts if not v.holds)
