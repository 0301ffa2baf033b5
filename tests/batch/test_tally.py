"""The summary against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssimtool.batch.tally import Scored, Tally, bins_of, scored_before, statistics_of
from ssimtool.records.batch import Unmatched
from ssimtool.records.verdicts import StatisticThreshold

NONE = Unmatched()
RNG = np.random.RandomState(0)


def _summary(tally, *thresholds, unmatched=NONE, strict=False):
    return tally.summary(
        thresholds, unmatched=unmatched, strict=strict, interrupted=False, elapsed=1
    )


def _scored(value, status="ok", name="ssim"):
    metrics = {} if status == "error" else {name: value}
    return Scored(id=None, reference=f"{value}", distorted="d", status=status, metrics=metrics)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 1000])
def test_statistics_are_those_of_numpy(count):
    values = RNG.rand(count)
    found = statistics_of(list(values))
    assert found.mean == pytest.approx(values.mean(), rel=1e-14)
    assert found.std == pytest.approx(values.std(), rel=1e-12, abs=1e-15)
    assert (found.min, found.max) == (values.min(), values.max())
    for name, percent in {"median": 50, "p1": 1, "p5": 5, "p95": 95, "p99": 99}.items():
        assert getattr(found, name) == pytest.approx(np.percentile(values, percent), rel=1e-14)


def test_they_do_not_depend_on_the_order():
    values = list(RNG.rand(1000) * 10.0 ** RNG.randint(-9, 9, 1000))
    assert statistics_of(values) == statistics_of(values[::-1])


def test_infinities_and_nothing():
    found = statistics_of([30.0, math.inf, 40.0])
    assert (found.mean, found.std, found.min, found.max) == (math.inf, None, 30, math.inf)
    assert (found.median, found.p95) == (40, math.inf)
    assert statistics_of([]).mean is None
    assert statistics_of([math.inf] * 2).median == math.inf


@pytest.mark.parametrize(("metric", "worst"), [("ssim", [0, 1, 2]), ("mse", [9, 8, 7])])
def test_the_worst_come_first(metric, worst):
    tally = Tally(metrics=(metric,), worst=3)
    for place, value in enumerate([5, 0, 9, 3, 8, 1, 7, 2, 6, 4]):
        tally.add(place, _scored(value, name=metric))
    assert [w.value for w in _summary(tally).worst] == worst


def test_of_equals_the_first_are_the_worst():
    tally = Tally(metrics=("ssim",), worst=2)
    for place in (3, 1, 0, 2):
        pair = Scored(id=f"{place}", reference="", distorted="", status="ok", metrics={"ssim": 1.0})
        tally.add(place, pair)
    assert [w.id for w in _summary(tally).worst] == ["0", "1"]


def test_counts_and_status():
    tally = Tally(metrics=("ssim",), worst=0)
    tally.add(0, _scored(0.5))
    assert _summary(tally).status == "ok"
    alone = Unmatched(reference=("a",))
    assert _summary(tally, unmatched=alone).status == "ok"
    assert _summary(tally, unmatched=alone, strict=True).status == "fail"
    over = StatisticThreshold("mean", "ssim", "under", 0.6)
    assert _summary(tally, over).status == "fail"
    assert _summary(tally, over).thresholds[0].found == 0.5
    assert _summary(tally, StatisticThreshold("max", "ssim", "under", 0.5)).status == "ok"
    tally.add(1, _scored(0.1, "fail"))
    assert _summary(tally).status == "fail"
    tally.add(2, _scored(0, "error"))
    summary = _summary(tally, over)
    assert summary.status == "error"  # outranks
    assert (summary.pairs, summary.ok, summary.fail, summary.error) == (3, 1, 1, 1)
    assert summary.metrics["ssim"].mean == 0.3
    assert summary.worst == ()


def test_a_threshold_on_nothing_fails():
    (verdict,) = _summary(
        Tally(metrics=("ssim",), worst=1), StatisticThreshold("mean", "ssim", "over", 0.6)
    ).thresholds
    assert (verdict.found, verdict.holds) == (None, False)


def test_histogram():
    values = list(RNG.rand(1000))
    bins = bins_of(values, 7)
    counts, edges = np.histogram(values, 7)
    assert [b.count for b in bins] == list(counts)
    assert [b.low for b in bins] == pytest.approx(list(edges[:-1]))
    assert bins_of([], 3) == bins_of([math.inf], 3) == ()
    assert [(b.low, b.high, b.count) for b in bins_of([2.0, 2.0, math.inf], 3)] == [(2, 2, 2)]


def test_a_record_that_was_written_before():
    record = {"id": "1", "reference": "a", "distorted": "b", "status": "ok"}
    found = scored_before({**record, "metrics": {"psnr": None, "mse": 0}})
    assert found.metrics == {"psnr": math.inf, "mse": 0}


@pytest.mark.parametrize("unmatched", [Unmatched(("x",), ()), Unmatched((), ("y",))])
def test_a_file_without_a_partner_fails_a_strict_run_on_either_side(unmatched):
    tally = Tally(metrics=("ssim",), worst=0)
    tally.add(0, _scored(1))
    assert _summary(tally, unmatched=unmatched).status == "ok"
    assert _summary(tally, unmatched=unmatched, strict=True).status == "fail"
    assert _summary(tally, strict=True).status == "ok"
