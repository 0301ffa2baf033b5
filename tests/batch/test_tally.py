"""The summary against NumPy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ssimtool.batch.statistics import NOTHING, NOTHING_FINITE, statistics_of
from ssimtool.batch.tally import Scored, Tally, bins_of, scored_before
from ssimtool.records.batch import Unmatched
from ssimtool.records.statistics import STATISTICS
from ssimtool.records.verdicts import Failure, StatisticThreshold
from ssimtool.reports.verdicts import relation

NONE = Unmatched()
RNG = np.random.RandomState(0)


def _summary(tally, *thresholds, unmatched=NONE, problem=None):
    return tally.summary(
        thresholds, unmatched=unmatched, problem=problem, interrupted=False, elapsed=1
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
    assert (found.mean, found.std, found.min, found.max) == (35, 5, 30, math.inf)
    assert (found.median, found.p95, found.infinite) == (40, math.inf, 1)
    assert found.reasons == dict.fromkeys(("p95", "p99", "max"), "infinite for 1 of 3 pairs")
    nothing = statistics_of([])
    assert (nothing.mean, nothing.infinite) == (None, 0)
    assert nothing.reasons == dict.fromkeys(STATISTICS, NOTHING)
    identical = statistics_of([math.inf] * 2)
    assert (identical.mean, identical.std, identical.median) == (math.inf, None, math.inf)
    assert identical.reasons == dict.fromkeys(STATISTICS, NOTHING_FINITE)
    assert statistics_of([1.0, 2.0]).reasons == {}


def test_numbers_whose_squares_overflow():
    found = statistics_of([1e300, 1.5e308, 1.5e308])
    # a rounding or two of float64; the deviation of 0, 1.5 and 1.5 is sqrt(0.5), 1e-8 aside
    assert found.mean == pytest.approx(1e308, rel=1e-8)
    assert found.std == pytest.approx(math.sqrt(0.5) * 1e308, rel=1e-7)


def test_a_mean_of_identical_pairs_only_is_above_every_limit():
    """As each such pair passes `psnr=40`; with other pairs, it is the mean of those."""
    tally = Tally(metrics=("psnr",), worst=0)
    limits = [StatisticThreshold("mean", "psnr", op, 40) for op in ("under", "over")]
    for place in range(2):
        tally.add(place, replace(_scored(math.inf, name="psnr"), identical=True))
    under, over = _summary(tally, *limits).thresholds
    assert (under.found, under.holds, over.holds) == (math.inf, True, False)
    assert under.reason == NOTHING_FINITE
    tally.add(2, _scored(30.0, name="psnr"))
    summary = _summary(tally, *limits)
    assert [(v.found, v.holds, v.reason) for v in summary.thresholds] == [
        (30, False, None), (30, True, None),
    ]  # fmt: skip
    assert (summary.identical, summary.status, tally.mean("psnr")) == (2, "fail", 30)


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
    assert _summary(tally, unmatched=replace(alone, policy="fail")).status == "fail"
    assert _summary(tally, problem=Failure("not_found", "x: no such folder")).status == "error"
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
    assert (verdict.found, verdict.holds, verdict.reason) == (None, False, NOTHING)
    assert relation(verdict, None) == f"mean ssim has no value ({NOTHING}), expected <= 0.6"


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
    record |= {"metrics": {"psnr": None, "mse": 0}, "identical": True}
    found = scored_before(record)
    assert (found.metrics, found.identical) == ({"psnr": math.inf, "mse": 0}, True)


@pytest.mark.parametrize(
    ("policy", "missing", "new"),
    [
        ("ignore", "ok", "ok"),
        ("warn", "ok", "ok"),
        ("fail", "fail", "ok"),
        ("strict",) + 2 * ("fail",),
    ],
)
def test_files_without_a_partner(policy, missing, new):
    tally = Tally(metrics=("ssim",), worst=0)
    tally.add(0, _scored(1))
    for unmatched, status in ((Unmatched(("x",)), missing), (Unmatched((), ("y",)), new)):
        assert _summary(tally, unmatched=replace(unmatched, policy=policy)).status == status
    assert _summary(tally, unmatched=Unmatched(policy=policy)).status == "ok"


@pytest.mark.parametrize("value", [0.1, 0.9999999999999999, 1 / 3, -37.3, 5e-324, 1.7e308])
@pytest.mark.parametrize("count", [1, 3, 400])
def test_equal_numbers_have_no_deviation(value, count):
    found = statistics_of([value] * count)
    assert (found.mean, found.std) == (value, 0)
