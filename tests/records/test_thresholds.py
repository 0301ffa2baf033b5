"""Thresholds as they are written, without a command line."""

from __future__ import annotations

import pytest

from ssimtool.errors import ArgumentError
from ssimtool.records.thresholds import STATISTICS, parse_batch_thresholds, parse_thresholds
from ssimtool.records.verdicts import StatisticThreshold, Threshold

METRICS = ("ssim", "mse")


def test_the_metric_may_be_left_out():
    found = parse_thresholds(["0.9", "mse=-1"], ["mse=2e3"], metrics=METRICS)
    assert found == (
        Threshold("ssim", "under", 0.9),
        Threshold("mse", "under", -1),
        Threshold("mse", "over", 2000),
    )


def test_statistics_are_kept_apart():
    texts = ["p5:0.8", "mse=1", "mean:mse=2", "max:=3"]
    each, all_pairs = parse_batch_thresholds(texts, [], metrics=METRICS)
    assert each == (Threshold("mse", "under", 1),)
    assert all_pairs == (
        StatisticThreshold("p5", "ssim", "under", 0.8),
        StatisticThreshold("mean", "mse", "under", 2),
        StatisticThreshold("max", "ssim", "under", 3),
    )
    assert "std" not in STATISTICS


@pytest.mark.parametrize(
    ("text", "default", "words"),
    [
        ("x", "ssim", "'x' is not [METRIC=]VALUE"),
        ("nan", "ssim", "'nan' is not [METRIC=]VALUE"),
        ("", "ssim", "'' is not [METRIC=]VALUE"),
        ("kl=1", "ssim", "'kl=1': 'kl' is not one of ssim, mse"),
        ("mean:ssim=1", "ssim", "'mean:ssim=1' names a statistic"),
        ("p2:ssim=1", "ssim", "'p2:ssim=1': 'p2' is not one of mean, min"),
        ("1", None, "'1' is not FIGURE=VALUE: name one of ssim, mse"),
    ],
)
@pytest.mark.parametrize("op", ["under", "over"])
def test_what_cannot_be_parsed_names_its_option(text, default, words, op):
    under, over = ([text], []) if op == "under" else ([], [text])
    with pytest.raises(ArgumentError) as error:
        parse_thresholds(under, over, metrics=METRICS, default=default)
    assert str(error.value).startswith(words)
    assert error.value.argument == f"fail_{op}"


def test_a_batch_says_its_form():
    with pytest.raises(ArgumentError, match=r"'x' is not \[STAT:\]\[METRIC=\]VALUE"):
        parse_batch_thresholds(["x"], [], metrics=METRICS)
