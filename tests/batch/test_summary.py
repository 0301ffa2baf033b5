"""The summary of records, against NumPy and the standard library."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from reports.scores import broken, made_up, summary_of

from ssimtool.batch.statistics import statistics_of
from ssimtool.batch.summary import metrics_of, summarise, worst_first
from ssimtool.records.batch import Unmatched
from ssimtool.records.statistics import Statistics
from ssimtool.records.verdicts import StatisticVerdict

RECORDS = [made_up(i) for i in range(40)] + [broken("a", "b")]


def test_statistics():
    values = [r.metrics["ssim"] for r in RECORDS[:-1]]
    found = statistics_of(values)
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-15)
    assert found.std == pytest.approx(statistics.pstdev(values), rel=1e-12)
    assert (found.min, found.max) == (min(values), max(values))
    assert found.median == pytest.approx(statistics.median(values), rel=1e-15)
    for name, share in (("p1", 1), ("p5", 5), ("p95", 95), ("p99", 99)):
        assert getattr(found, name) == pytest.approx(np.percentile(values, share), rel=1e-14)


def test_statistics_with_infinite_numbers():
    found = statistics_of([1, 2, math.inf])
    assert (found.mean, found.std, found.max) == (1.5, 0.5, math.inf)
    assert (found.min, found.median) == (1, 2)
    assert found.p95 == math.inf  # between 2 and inf
    assert statistics_of([math.inf] * 3).median == math.inf
    assert statistics_of([3]) == Statistics(3, 0, 3, 3, 3, 3, 3, 3, 3)


def test_counts_and_the_worst():
    found = summarise(RECORDS, worst=3)
    assert (found.pairs, found.ok + found.fail, found.error) == (41, 40, 1)
    assert found.status == "error"
    assert found.elapsed_seconds is None
    assert found.identical == sum(r.identical is True for r in RECORDS)
    ssim = sorted(r.metrics["ssim"] for r in RECORDS[:-1])
    assert [pair.value for pair in found.worst] == ssim[:3]
    assert metrics_of(RECORDS) == ("ssim", "ssim_loss", "mse", "psnr")
    # Of a metric that is better when it is lower, the highest is the worst.
    errors = [replace(r, metrics={"mse": r.metrics.get("mse", 0)}) for r in RECORDS[:-1]]
    assert summarise(errors).worst[0].value == max(r.metrics["mse"] for r in errors)
    assert worst_first([RECORDS[-1]]) == []
    assert summarise([]).pairs == 0


def test_what_only_the_run_knows_is_taken_from_its_summary():
    written = summary_of(RECORDS, Unmatched(("x",), ()))
    found = summarise(RECORDS, written=replace(written, interrupted=True))
    assert (found.unmatched, found.interrupted, found.elapsed_seconds) == (
        Unmatched(("x",), ()),
        True,
        83.4,
    )
    good = [r for r in RECORDS if r.status == "ok"]
    failing = StatisticVerdict("max", "psnr", "over", 50, None, False)
    found = summarise(good, written=replace(written, thresholds=(failing,)))
    assert found.status == "fail"
    assert found.thresholds[0].found == max(r.metrics["psnr"] for r in good)
    # an error outweighs a threshold that fails
    assert summarise(RECORDS, written=replace(written, thresholds=(failing,))).status == "error"
    unknown = replace(failing, metric="later")
    assert (
        summarise(good, written=replace(written, thresholds=(unknown,))).thresholds[0].found is None
    )
