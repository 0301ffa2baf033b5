"""Thresholds in words."""

from __future__ import annotations

import math

import pytest

from ssimtool.records.comparison import Comparison
from ssimtool.records.explanation import Explanation
from ssimtool.records.loss import LossReport
from ssimtool.records.verdicts import StatisticThreshold, Threshold
from ssimtool.reports.verdicts import failures_of, relation, statistic_failures, statistic_line


@pytest.mark.parametrize(
    ("op", "limit", "value", "text"),
    [
        ("under", 0.98, 0.957, "ssim 0.957 < 0.98"),
        ("under", 0.98, 0.98, "ssim 0.98 >= 0.98"),
        ("over", 0.5, 0.75, "ssim 0.75 > 0.5"),
        ("over", 0.5, 0.25, "ssim 0.25 <= 0.5"),
        ("under", 0.98, 0.97999999, "ssim 0.97999999 < 0.98"),  # never "0.98 < 0.98"
        ("over", 0.98, 0.98000001, "ssim 0.98000001 > 0.98"),
        ("under", 0.9999999, 0.99, "ssim 0.99 < 0.9999999"),  # never "0.99 < 1"
        ("under", 0.123456789, 0.123456799, "ssim 0.123457 >= 0.123456789"),
        ("under", 0.1234564, 0.1234564, "ssim 0.1234564 >= 0.1234564"),
        ("over", 30, math.inf, "ssim inf > 30"),
    ],
)
def test_a_relation_is_true_as_it_stands(op, limit, value, text):
    assert relation(Threshold("ssim", op, limit).judge(value), value) == text


def test_statistics():
    limit = StatisticThreshold("p5", "psnr", "under", 30)
    assert statistic_line(limit.judge(31.5)) == "pass  p5 psnr 31.5 >= 30"
    assert statistic_line(limit.judge(29)) == "FAIL  p5 psnr 29 < 30"
    found = [limit.judge(31.5), limit.judge(29), limit.judge(None)]
    assert statistic_failures(found) == (
        "FAIL p5 psnr 29 < 30",
        "FAIL p5 psnr has no value, expected >= 30",
    )


def test_failures_name_the_file_that_was_judged():
    verdicts = Threshold("ssim", "under", 0.5).judge(0.25), Threshold("mse", "over", 9).judge(1)
    record = Comparison(
        status="fail",
        reference="a.png",
        distorted="two\nlines.png",
        metrics={"ssim": 0.25, "mse": 1},
        thresholds=verdicts,
        version="0",
    )
    assert failures_of(record) == ("FAIL two\\nlines.png  ssim 0.25 < 0.5",)
    loss = LossReport(
        status="fail", recon="r.npy", raw="x.npy", alpha=1, beta=0, ssim=0.25, mse=1,
        thresholds=verdicts, version="0",
    )  # fmt: skip
    assert failures_of(loss) == ("FAIL r.npy  ssim 0.25 < 0.5",)
    explained = Explanation(status="ok", reference="a", distorted="b", version="0")
    assert failures_of(explained) == ()
