"""Summary of many comparisons, computed from the records only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ssimtool import __version__
from ssimtool.batch.statistics import statistics_of
from ssimtool.plugins import known_metric
from ssimtool.records.batch import Summary, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.statistics import Statistics
from ssimtool.records.verdicts import StatisticVerdict, Status

WORST = 10  # the default of `batch --worst`


def metrics_of(comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """Return the metrics of all comparisons, each once, in order of appearance."""
    return tuple(dict.fromkeys(name for record in comparisons for name in record.metrics))


def worst_first(comparisons: Sequence[Comparison]) -> list[int]:
    """Return the indices of comparisons with the first metric, worst first; ties keep order."""
    names = metrics_of(comparisons)
    if not names:
        return []
    metric = names[0]
    row = known_metric(metric)
    sign = -1 if row is not None and row.better == "lower" else 1
    scored = [i for i, record in enumerate(comparisons) if metric in record.metrics]
    return sorted(scored, key=lambda i: sign * comparisons[i].metrics[metric])


def summarise(
    comparisons: Sequence[Comparison], *, written: Summary | None = None, worst: int = WORST
) -> Summary:
    """Return the summary of comparisons.

    Args:
        comparisons: records of all pairs.
        written: summary that the run wrote, if any. It supplies the data that records lack: files
            without a partner, thresholds on statistics, the time, an interruption, a problem.
        worst: number of lowest-scoring pairs to list.

    Returns:
        counts, statistics and the lowest-scoring pairs, computed from the comparisons.
    """
    names = metrics_of(comparisons)
    metrics = {
        name: statistics_of([r.metrics[name] for r in comparisons if name in r.metrics])
        for name in names
    }
    count: dict[Status, int] = {"ok": 0, "fail": 0, "error": 0}
    for record in comparisons:
        count[record.status] += 1
    counted = Summary(
        status="error" if count["error"] else "fail" if count["fail"] else "ok",
        pairs=len(comparisons),
        ok=count["ok"],
        fail=count["fail"],
        error=count["error"],
        identical=sum(record.identical is True for record in comparisons),
        metrics=metrics,
        worst=tuple(_worst(comparisons[i], names[0]) for i in worst_first(comparisons)[:worst]),
        version=comparisons[-1].version if comparisons else __version__,
    )
    if written is None:
        return counted
    verdicts = tuple(_with_value(verdict, metrics) for verdict in written.thresholds)
    fails = written.unmatched.fails or not all(verdict.holds for verdict in verdicts)
    status = "fail" if counted.status == "ok" and fails else counted.status
    return replace(
        counted,
        status="error" if written.problem is not None else status,
        unmatched=written.unmatched,
        thresholds=verdicts,
        interrupted=written.interrupted,
        problem=written.problem,
        elapsed_seconds=written.elapsed_seconds,
        version=written.version,
    )


def _worst(record: Comparison, metric: str) -> Worst:
    return Worst(record.id, record.reference, record.distorted, metric, record.metrics[metric])


def _with_value(verdict: StatisticVerdict, metrics: dict[str, Statistics]) -> StatisticVerdict:
    """Return the verdict with its statistic, which is null in JSON if it is infinite."""
    if verdict.found is not None or verdict.metric not in metrics:
        return verdict
    return replace(verdict, found=getattr(metrics[verdict.metric], verdict.statistic, None))
