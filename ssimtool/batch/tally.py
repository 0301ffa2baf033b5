"""The summary of many pairs, made as they come: counts, statistics, the pairs that score worst."""

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
from ssimtool.plugins import find_metric
from ssimtool.records.batch import PERCENTS, Bin, Statistics, Summary, Unmatched, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import StatisticThreshold, StatisticVerdict, Status, Verdict
from ssimtool.reports.verdicts import failed_relations, failure_lines, failures_of

BINS = 10  # of the histogram that a person sees


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What of a pair stands in the summary: of a record, or of a line that was written before.

    `columns` say which of its pixels count, `map` is the file that its map is written to if it
    turns out to be one of the worst, `failures` are the lines of the thresholds that failed.
    """

    id: str | None
    reference: str
    distorted: str
    status: Status
    metrics: Mapping[str, float]
    columns: Mapping[str, str] = field(default_factory=dict)
    map: str | None = None
    failures: tuple[str, ...] = ()


def scored(record: Comparison, path: str | None) -> Scored:
    """Of a record."""
    return Scored(
        id=record.id,
        reference=record.reference,
        distorted=record.distorted,
        status=record.status,
        metrics=record.metrics,
        columns=record.columns,
        map=path,
        failures=failures_of(record) if record.status == "fail" else (),
    )


def scored_before(record: Mapping[str, Any], path: str | None = None) -> Scored:
    """Of the JSON of one, where the PSNR of identical images is null."""
    metrics = {k: math.inf if v is None else v for k, v in record["metrics"].items()}
    verdicts = [
        Verdict(v["metric"], v["op"], v["value"], v["holds"])
        for v in (record["thresholds"] if record["status"] == "fail" else ())
    ]
    return Scored(
        id=record["id"],
        reference=record["reference"],
        distorted=record["distorted"],
        status=record["status"],
        metrics=metrics,
        columns=record.get("columns") or {},
        map=path,
        failures=failure_lines(record["distorted"], failed_relations(metrics, verdicts)),
    )


@dataclass(kw_only=True)
class Tally:
    """Counts the pairs. It holds 8 bytes of each number, and the pairs that score worst.

    Args:
        metrics: in the order of the summary; the first one decides what is worst.
        worst: how many of these.
    """

    metrics: Sequence[str]
    worst: int
    counts: Counter[str] = field(default_factory=Counter)
    failures: Failures = field(default_factory=Failures)
    _values: dict[str, array[float]] = field(default_factory=dict)
    _sums: Counter[str] = field(default_factory=Counter)
    _heap: list[tuple[float, int, Scored]] = field(default_factory=list)

    def add(self, place: int, pair: Scored) -> None:
        """One more pair; `place` is its number in the order of the input."""
        self.counts[pair.status] += 1
        self.failures.add(pair.failures)
        for name, value in pair.metrics.items():
            self._values.setdefault(name, array("d")).append(value)
            self._sums[name] += value  # type: ignore[assignment]  # a Counter of floats
        if self.worst and self.metrics[0] in pair.metrics:
            value = pair.metrics[self.metrics[0]]
            badness = -value if find_metric(self.metrics[0]).better == "higher" else value
            entry = (badness, -place, pair)  # of equals, the first
            if len(self._heap) < self.worst:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    @property
    def pairs(self) -> int:
        """How many there are."""
        return self.counts.total()

    def mean(self, metric: str) -> float | None:
        """Of what has come so far, for the eye: the summary adds more carefully."""
        values = self._values.get(metric)
        return self._sums[metric] / len(values) if values else None

    def values(self, metric: str) -> Sequence[float]:
        """All numbers of a metric."""
        return self._values.get(metric, array("d"))

    def worst_first(self) -> list[Scored]:
        """The pairs that score worst, from the worst on."""
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
        strict: bool,
        interrupted: bool,
        elapsed: float,
    ) -> Summary:
        """What came, in all; with `strict`, files without a partner are a failure."""
        found = {name: statistics_of(self._values.get(name, ())) for name in self.metrics}
        verdicts = tuple(t.judge(getattr(found[t.metric], t.statistic)) for t in thresholds)
        alone = strict and bool(unmatched.reference or unmatched.distorted)
        return Summary(
            status=self._status(verdicts, alone),
            pairs=self.pairs,
            ok=self.counts["ok"],
            fail=self.counts["fail"],
            error=self.counts["error"],
            unmatched=unmatched,
            metrics=found,
            worst=self._worst(),
            thresholds=verdicts,
            interrupted=interrupted,
            elapsed_seconds=elapsed,
            version=__version__,
        )

    def _status(self, verdicts: Sequence[StatisticVerdict], alone: bool) -> Status:
        if self.counts["error"]:
            return "error"
        failed = self.counts["fail"] or alone or not all(v.holds for v in verdicts)
        return "fail" if failed else "ok"


def statistics_of(values: Sequence[float]) -> Statistics:
    """Of some numbers; what is no number, the deviation of infinities, is None.

    >>> statistics_of([1, 2, 3, 4]).median
    2.5
    """
    if not values:
        return Statistics(*[None] * 9)
    ordered = sorted(values)
    mean = math.fsum(ordered) / len(ordered)  # exact, so that the order does not matter
    deviation = None
    if math.isfinite(mean):
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in ordered) / len(ordered))
    percentiles = {name: _percentile(ordered, percent) for name, percent in PERCENTS.items()}
    return Statistics(mean=mean, std=deviation, **percentiles)


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """By linear interpolation between the two that it lies between, as NumPy's default."""
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    low, high = ordered[below], ordered[math.ceil(place)]
    return low if low == high else low + (high - low) * (place - below)


def bins_of(values: Sequence[float], count: int) -> tuple[Bin, ...]:
    """A histogram of the finite ones, from the least to the greatest, in bins of one width.

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
