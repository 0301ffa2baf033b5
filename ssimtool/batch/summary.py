"""Many comparisons in a few numbers: what a summary line says, from the records alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ssimtool import __version__
from ssimtool.batch.tally import statistics_of
from ssimtool.plugins import known_metric
from ssimtool.records.batch import Statistics, Summary, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import StatisticVerdict, Status

WORST = 10  # as many as batch lists by default


def metrics_of(comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """The metrics of all comparisons, each once, in the order in which they come."""
    return tuple(dict.fromkeys(name for record in comparisons for name in record.metrics))


def worst_first(comparisons: Sequence[Comparison]) -> list[int]:
    """Which comparisons have the first metric, from the worst to the best; ties in their order."""
    names = metrics_of(comparisons)
    if not names:
        return []
    metric = names[0]
    row = known_metric(metric)
    sign = -1 if row is not None and row.better == "lower" else 1
    found = [i for i, record in enumerate(comparisons) if metric in record.metrics]
    return sorted(found, key=lambda i: sign * comparisons[i].metrics[metric])


def summarise(
    comparisons: Sequence[Comparison], *, said: Summary | None = None, worst: int = WORST
) -> Summary:
    """The summary of comparisons.

    Args:
        comparisons: all of them.
        said: the summary that the run wrote, if it came so far. What records do not tell is taken
            from it: files without a partner, thresholds on statistics, the time, an interruption.
        worst: how many of the pairs that score worst are listed.

    Returns:
        counts, statistics and the worst, from the comparisons themselves.
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
        metrics=metrics,
        worst=tuple(_worst(comparisons[i], names[0]) for i in worst_first(comparisons)[:worst]),
        version=comparisons[-1].version if comparisons else __version__,
    )
    if said is None:
        return counted
    verdicts = tuple(_found(verdict, metrics) for verdict in said.thresholds)
    holds = all(verdict.holds for verdict in verdicts)
    return replace(
        counted,
        status="fail" if counted.status == "ok" and not holds else counted.status,
        unmatched=said.unmatched,
        thresholds=verdicts,
        interrupted=said.interrupted,
        elapsed_seconds=said.elapsed_seconds,
        version=said.version,
    )


def _worst(record: Comparison, metric: str) -> Worst:
    return Worst(record.id, record.reference, record.distorted, metric, record.metrics[metric])


def _found(verdict: StatisticVerdict, metrics: dict[str, Statistics]) -> StatisticVerdict:
    """A verdict with what was found: where that is infinite, JSON has no number for it."""
    if verdict.found is not None or verdict.metric not in metrics:
        return verdict
    return replace(verdict, found=getattr(metrics[verdict.metric], verdict.statistic, None))
