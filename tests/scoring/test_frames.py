"""The record of two stacks: means, worst frames, steps and warnings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import ssimtool
from ssimtool.errors import SsimtoolError
from ssimtool.records.frames import WorstFrame
from ssimtool.records.verdicts import Threshold
from ssimtool.scoring.frames import record_of_frames
from ssimtool.settings import CompareSettings

T, H, W = 4, 24, 32
RANDOM = np.random.RandomState(7)
X = RANDOM.randint(0, 256, (T, H, W, 3)).astype(np.uint8)
# Frame 1 is identical, frame 3 the worst.
NOISE = RANDOM.randint(-3, 4, X.shape) * np.array([1, 0, 2, 9])[:, None, None, None]
Y = (X.astype(int) + NOISE).clip(0, 255).astype(np.uint8)
METRICS = ["ssim", "mse", "psnr", "mae"]


@pytest.fixture(scope="module")
def each():
    return [ssimtool.compare(x, y, metrics=METRICS).record for x, y in zip(X, Y, strict=True)]


@pytest.mark.parametrize(
    "stacks", [(X, Y), tuple(torch.from_numpy(i).permute(0, 3, 1, 2) for i in (X, Y))]
)
def test_metrics_are_the_means_of_the_frames(each, stacks):
    result = ssimtool.compare(*stacks, metrics=METRICS)
    record = result.record
    for name in ("ssim_loss", "mse", "mae"):
        # The same operations on the same numbers; only the order of the sum can differ.
        assert record.metrics[name] == pytest.approx(
            np.mean([r.metrics[name] for r in each]), 1e-15
        )
    assert record.metrics["ssim"] == 1 - record.metrics["ssim_loss"]
    finite = [r.metrics["psnr"] for r in each if math.isfinite(r.metrics["psnr"])]
    assert len(finite) == 3
    assert record.metrics["psnr"] == pytest.approx(np.mean(finite), 1e-15)
    channels = np.mean([r.per_channel["ssim"] for r in each], axis=0)
    np.testing.assert_allclose(record.per_channel["ssim"], channels, rtol=1e-15)
    assert (record.frames.count, record.frames.identical, record.identical) == (4, 1, False)
    for name in record.metrics:
        assert record.frames.worst[name] == WorstFrame(each[3].metrics[name], 3)
    np.testing.assert_array_equal(result.pair.reference, X[3])
    assert "worst SSIM" in result._repr_html_()


def test_many_gives_the_same():
    (record,) = ssimtool.compare_many([(X, Y)], metrics=METRICS)
    one = ssimtool.compare(X, Y, metrics=METRICS).record
    assert (record.metrics, record.frames) == (one.metrics, one.frames)  # the same bits
    table = ssimtool.compare_many([(X, Y)], metrics="mse").to_pandas()
    assert table["frames.count"].tolist() == [4]


def test_identical_stacks():
    record = ssimtool.compare(X, X).record
    assert record.identical
    assert record.frames.identical == T
    assert record.metrics["psnr"] == record.frames.worst["psnr"].value == math.inf
    assert (record.metrics["ssim"], record.metrics["ssim_loss"]) == (1, 0)
    assert record.frames.worst["ssim"] == WorstFrame(1, 0)


def test_one_frame_is_an_image_and_a_number_picks_one(each):
    assert ssimtool.compare(X[3:], Y[3:], metrics=METRICS).record == each[3]
    record = ssimtool.compare(X, Y, metrics=METRICS, frame=3).record
    assert record.metrics == each[3].metrics
    assert record.frames is None
    assert record.steps == ("reference: frame 3", "distorted: frame 3")


def test_the_map_is_that_of_the_worst_ssim():
    """MSE has another worst frame: a constant shift of a frame leaves its structure."""
    x, y = X.copy(), Y.copy()
    x[0] = X[0] // 4 + 150
    y[0] = x[0] + 20
    result = ssimtool.compare(x, y, metrics=["mse", "ssim"], map=True)
    worst = result.record.frames.worst
    assert (worst["mse"].frame, worst["ssim"].frame) == (0, 3)
    np.testing.assert_array_equal(result.map, ssimtool.compare(x[3], y[3], map=True).map)


def test_ms_ssim_of_stacks():
    x = RANDOM.randint(0, 256, (2, 48, 48)).astype(np.uint8)
    y = x ^ np.array([1, 15], np.uint8)[:, None, None]
    options = {"metrics": "ms_ssim", "scales": 2}
    stack = ssimtool.compare(x, y, layout="thw", **options)
    each = [
        ssimtool.compare(a, b, **options).metrics["ms_ssim_loss"] for a, b in zip(x, y, strict=True)
    ]
    assert stack.metrics["ms_ssim_loss"] == pytest.approx(np.mean(each), 1e-15)
    assert stack.record.frames.worst["ms_ssim"].frame == 1


def test_a_mask_and_regions_apply_to_every_frame():
    mask = np.zeros((H, W), bool)
    mask[:20, :20] = True
    options = {"mask": mask, "regions": [(4, 4, 16, 16)], "metrics": METRICS}
    record = ssimtool.compare(X, Y, **options).record
    each = [ssimtool.compare(a, b, **options).metrics["mse"] for a, b in zip(X, Y, strict=True)]
    assert record.metrics["mse"] == pytest.approx(np.mean(each), 1e-15)
    assert (record.counted, record.regions) == (256, ((4, 4, 16, 16),))
    y = X.copy()
    y[2, 22:] ^= 1  # outside
    assert ssimtool.compare(X, y, **options).record.identical


def test_floats_have_one_range():
    x, y = X / np.float32(255), Y / np.float32(255)
    assert ssimtool.compare(x, y).record.data_range == 1
    y[2] *= 3
    with pytest.raises(SsimtoolError, match=r"pass data_range .*\(frame 2\)"):
        ssimtool.compare(x, y)
    assert ssimtool.compare(x, y, data_range=3).record.data_range == 3


def _frames(each, changes):
    return [replace(record, **change) for record, change in zip(each, changes, strict=True)]


def test_steps_and_warnings_stand_once(each):
    changes = [
        {"steps": ("a", "b"), "warnings": ("x.npy: from 1 to 5", "y.npy: from 1 to 5")},
        {"steps": ("a",), "warnings": ("x.npy: from 1 to 7", "y.npy: from 1 to 5")},
        {"steps": ("a", "c"), "warnings": ("x.npy: from 1 to 5", "y.npy: from 1 to 5")},
        {"steps": ("a", "c"), "warnings": ("x.npy: from 1 to 5", "y.npy: from 1 to 5")},
    ]
    record, _ = record_of_frames(_frames(each, changes), range(T), CompareSettings())
    assert record.steps == ("a", "b (frame 0)", "c (frame 2 and 1 more)")
    assert record.warnings == ("x.npy: from 1 to 5 (frame 0 and 3 more)", "y.npy: from 1 to 5")


def test_frames_of_two_sizes_and_a_grey_one(each):
    one = {"channels": 1, "per_channel": {"ssim": (0.5,), "ssim_loss": (0.5,)}}
    record, _ = record_of_frames(
        _frames(each, [one, {}, {}, {"width": 99}]), range(T), CompareSettings()
    )
    assert (record.channels, record.width) == (3, 99)  # 3 is the worst frame
    assert record.per_channel["ssim"][0] == pytest.approx(
        np.mean([0.5, *(r.per_channel["ssim"][0] for r in each[1:])]), 1e-15
    )
    assert "differ in size, from 32x24 to 99x24" in record.warnings[0]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"data_range": 65535}, "data_range", "frame 2 has the data range 65535, expected the"),
        ({"channels": 4}, "channel_mismatch", "frame 0 has 3 channels"),
    ],
)
def test_frames_that_have_no_mean(each, change, code, words):
    with pytest.raises(SsimtoolError) as error:
        record_of_frames(_frames(each, [{}, {}, change, {}]), range(T), CompareSettings())
    assert error.value.code == code
    assert words.split()[0] in error.value.message


def test_thresholds_hold_the_mean_or_the_worst_frame(each):
    worst, mean = each[3].metrics["mse"], np.mean([r.metrics["mse"] for r in each])
    limits = (
        Threshold("mse", "over", (worst + mean) / 2),
        Threshold("mse", "over", (worst + mean) / 2, "worst"),
        Threshold("ssim", "under", each[3].metrics["ssim"], "worst"),
    )
    record, _ = record_of_frames(each, range(T), CompareSettings(thresholds=limits))
    assert [verdict.holds for verdict in record.thresholds] == [True, False, True]
    assert [verdict.name for verdict in record.thresholds] == ["mse", "worst mse", "worst ssim"]
    assert record.status == "fail"


def test_the_lower_precision_is_recorded(each):
    changes = [{}, {}, {"precision": "float32"}, {}]
    record, _ = record_of_frames(_frames(each, changes), range(T), CompareSettings())
    assert record.precision == "float32"
