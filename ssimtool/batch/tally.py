"""Running summary of many pairs: counts, statistics, the lowest-scoring pairs."""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ssimtool import __version__
from ssimtool.batch.failures import Failures
from ssimtool.batch.statistics import judged, statistics_of
from ssimtool.plugins import find_metric
from ssimtool.readers.lists.decode import decode
from ssimtool.records.batch import Bin, Summary, Unmatched, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.frames import Frames
from ssimtool.records.verdicts import (
    Failure,
    StatisticThreshold,
    StatisticVerdict,
    Status,
    Verdict,
)
from ssimtool.reports.verdicts import failed_relations, failure_lines, failures_of

BINS = 10  # of the printed histogram


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Data of a pair for the summary, from a new record or from a line of an earlier run.

    `columns` name its region of interest. `map` is the path of its map if it is one of the
    lowest-scoring pairs. `failures` are the lines of the thresholds that failed.
    """

    id: str | None
    reference: str
    distorted: str
    status: Status
    metrics: Mapping[str, float]
    identical: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    map: str | None = None
    failures: tuple[str, ...] = ()


def scored(record: Comparison, path: str | None) -> Scored:
    """Return the data of a record for the summary; `path` is the path of its map."""
    return Scored(
        id=record.id,
        reference=record.reference,
        distorted=record.distorted,
        status=record.status,
        metrics=record.metrics,
        identical=bool(record.identical),
        columns=record.columns,
        map=path,
        failures=failures_of(record) if record.status == "fail" else (),
    )


def scored_before(record: Mapping[str, Any], path: str | None = None) -> Scored:
    """Return the data of a JSON record, where the PSNR of identical images is null."""
    metrics = {k: math.inf if v is None else v for k, v in record["metrics"].items()}
    verdicts = [
        Verdict(v["metric"], v["op"], v["value"], v["holds"], v.get("statistic"))
        for v in (record["thresholds"] if record["status"] == "fail" else ())
    ]
    frames = record.get("frames") and decode(Frames, record["frames"])
    return Scored(
        id=record["id"],
        reference=record["reference"],
        distorted=record["distorted"],
        status=record["status"],
        metrics=metrics,
        identical=record.get("identical") is True,
        columns=record.get("columns") or {},
        map=path,
        failures=failure_lines(record["distorted"], failed_relations(metrics, verdicts, frames)),
    )


@dataclass(kw_only=True)
class Tally:
    """Counts and scores of the pairs so far: 8 bytes per score, and the lowest-scoring pairs.

    Args:
        metrics: metrics in the order of the summary; the first one ranks the pairs.
        worst: number of lowest-scoring pairs to keep.
    """

    metrics: Sequence[str]
    worst: int
    counts: Counter[str] = field(default_factory=Counter)
    failures: Failures = field(default_factory=Failures)
    _values: dict[str, array[float]] = field(default_factory=dict)
    _sums: Counter[str] = field(default_factory=Counter)  # of the finite values
    _finite: Counter[str] = field(default_factory=Counter)
    _identical: int = 0
    _heap: list[tuple[float, int, Scored]] = field(default_factory=list)

    def add(self, place: int, pair: Scored) -> None:
        """Add a pair; `place` is its position in the input."""
        self.counts[pair.status] += 1
        self._identical += pair.identical
        self.failures.add(pair.failures)
        for name, value in pair.metrics.items():
            self._values.setdefault(name, array("d")).append(value)
            if math.isfinite(value):
                self._sums[name] += value  # type: ignore[assignment]  # a Counter of floats
                self._finite[name] += 1
        if self.worst and self.metrics[0] in pair.metrics:
            value = pair.metrics[self.metrics[0]]
            badness = -value if find_metric(self.metrics[0]).better == "higher" else value
            entry = (badness, -place, pair)  # ties: the first
            if len(self._heap) < self.worst:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    @property
    def pairs(self) -> int:
        """Number of pairs so far."""
        return self.counts.total()

    def mean(self, metric: str) -> float | None:
        """Return the mean of the finite values so far, for display; the summary sums exactly."""
        count = self._finite[metric]
        return self._sums[metric] / count if count else None

    def values(self, metric: str) -> Sequence[float]:
        """Return all values of a metric."""
        return self._values.get(metric, array("d"))

    def worst_first(self) -> list[Scored]:
        """Return the lowest-scoring pairs, worst first."""
        ordered = sorted(self._heap, key=lambda entry: entry[:2], reverse=True)
        return [pair for _, _, pair in ordered]

    def _worst(self) -> tuple[Worst, ...]:
        name = self.metrics[0]
        return tuple(
            Worst(pair.id, pair.reference, pair.distorted, name, pair.metrics[name])
            for pair in self.worst_first()
        )

    def summary(
        self,
        thresholds: Sequence[StatisticThreshold],
        *,
        unmatched: Unmatched,
        problem: Failure | None = None,
        interrupted: bool,
        elapsed: float,
    ) -> Summary:
        """Return the summary; `problem` says why the input could not be read or is empty."""
        statistics = {name: statistics_of(self._values.get(name, ())) for name in self.metrics}
        verdicts = tuple(judged(t, statistics[t.metric]) for t in thresholds)
        return Summary(
            status="error" if problem else self._status(verdicts, unmatched),
            pairs=self.pairs,
            ok=self.counts["ok"],
            fail=self.counts["fail"],
            error=self.counts["error"],
            identical=self._identical,
            unmatched=unmatched,
            metrics=statistics,
            worst=self._worst(),
            thresholds=verdicts,
            interrupted=interrupted,
            problem=problem,
            elapsed_seconds=elapsed,
            version=__version__,
        )

    def _status(self, verdicts: Sequence[StatisticVerdict], unmatched: Unmatched) -> Status:
        if self.counts["error"]:
            return "error"
        failed = self.counts["fail"] or unmatched.fails or not all(v.holds for v in verdicts)
        return "fail" if failed else "ok"


def bins_of(values: Sequence[float], count: int) -> tuple[Bin, ...]:
    """Return a histogram of the finite values, from minimum to maximum, in bins of equal width.

    >>> [b.count for b in bins_of([0, 1, 2, 3, 4], 2)]
    [2, 3]
    """
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return ()
    low, high = min(finite), max(finite)
    if low == high:
        return (Bin(low, high, len(finite)),)
    width = (high - low) / count
    counts = Counter(min(int((v - low) / width), count - 1) for v in finite)
    return tuple(Bin(low + i * width, low + (i + 1) * width, counts[i]) for i in range(count))
