"""Thresholds as they are written, without a command line."""

from __future__ import annotations

import pytest

from ssimtool.errors import ArgumentError
from ssimtool.records.thresholds import STATISTICS, parse_batch_thresholds, parse_thresholds
from ssimtool.records.verdicts import StatisticThreshold, Threshold

METRICS = ("ssim", "mse")


def test_the_metric_may_be_left_out():
    found = parse_thresholds(["0.9", "mse=1"], ["mse=2e3"], metrics=METRICS)
    assert found == (
        Threshold("ssim", "under", 0.9),
        Threshold("mse", "under", 1),
        Threshold("mse", "over", 2000),
    )


def test_statistics_are_kept_apart():
    texts = ["p5:0.8", "mse=1", "mean:mse=2", "max:=1"]
    each, all_pairs = parse_batch_thresholds(texts, [], metrics=METRICS)
    assert each == (Threshold("mse", "under", 1),)
    assert all_pairs == (
        StatisticThreshold("p5", "ssim", "under", 0.8),
        StatisticThreshold("mean", "mse", "under", 2),
        StatisticThreshold("max", "ssim", "under", 1),
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


@pytest.mark.parametrize(
    ("op", "text", "words"),
    [
        ("under", "98", "'98' would always fail: ssim is in the range -1 to 1; did you mean 0.98?"),
        ("under", "mean:ssim=98", "'mean:ssim=98' would always fail: "),
        ("under", "ssim=101", "'ssim=101' would always fail: ssim is in the range -1 to 1"),
        ("over", "1.5", "'1.5' would never fail: "),
        ("over", "-2", "'-2' would always fail: "),
        ("under", "mse=-1", "'mse=-1' would never fail: mse is in the range 0 to data_range^2"),
    ],
)
def test_a_threshold_beyond_the_range_of_its_metric_is_refused(op, text, words):
    texts = {"under": [], "over": [], op: [text]}
    with pytest.raises(ArgumentError) as error:
        parse_batch_thresholds(texts["under"], texts["over"], metrics=METRICS)
    assert str(error.value).startswith(words)
    assert ("did you mean" in str(error.value)) == ("98" in text)
    assert error.value.argument == f"fail_{op}"


def test_a_threshold_at_an_end_of_the_range_is_accepted():
    """Equal to the best value means: must be identical."""
    texts = ["1", "-1", "psnr=inf", "psnr=-100"], ["1", "mse=0", "mse=inf"]
    assert len(parse_thresholds(*texts, metrics=("ssim", "mse", "psnr"))) == 7


def test_a_metric_may_be_spelt_as_in_the_literature():
    thresholds = parse_thresholds(["SSIM=0.9", "MS-SSIM=0.8"], [], metrics=("ssim", "ms_ssim"))
    assert [t.metric for t in thresholds] == ["ssim", "ms_ssim"]
