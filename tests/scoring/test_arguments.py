"""What a metric or a backend does not take is refused in one place, for Python as well."""

from __future__ import annotations

import numpy as np
import pytest

import ssimtool
from ssimtool.definitions import find_definition
from ssimtool.errors import ArgumentError
from ssimtool.readers.regions import ALL, RegionOfInterest
from ssimtool.records.verdicts import Threshold
from ssimtool.scoring.arguments import compare_settings

WANG = find_definition("wang2004")
MASK = RegionOfInterest(mask="m.png")
REGION = RegionOfInterest(regions=((0, 0, 8, 8),))
IMAGE = np.zeros((176, 176), np.uint8)


def _settings(metrics, *, scales=None, region=ALL, backend="auto", **more):
    return compare_settings(metrics, WANG, scales, region, "auto", backend, "double", **more)


def test_metrics_of_thresholds_and_what_is_implied_are_computed():
    limit = Threshold("mae", "over", 1)
    found = _settings(["mse"], thresholds=(limit,), implied=["ssim"])
    assert found.metrics == ("mse", "mae", "ssim", "ssim_loss")
    assert (found.thresholds, found.scales) == ((limit,), 5)
    assert _settings("ms_ssim", scales=2).scales == 2
    assert _settings("mse", region=MASK).metrics == ("mse",)


@pytest.mark.parametrize(
    ("metrics", "options", "argument", "words"),
    [
        ("nonsense", {}, "metric", "'nonsense' is not one of"),
        (["ssim", "mse"], {"scales": 3}, "scales", "only ms_ssim has scales: add it"),
        ("ms_ssim", {"scales": 0}, "scales", "scales is 0"),
        (["mse", "ms_ssim"], {"region": MASK}, "mask", "ms_ssim takes no mask"),
        ("ms_ssim", {"region": REGION}, "region", "ms_ssim takes no region"),
        (
            "ssim",
            {"region": REGION, "backend": "fused"},
            "backend",
            "fused backend takes no region",
        ),
    ],
)
def test_what_is_refused_names_its_argument(metrics, options, argument, words):
    with pytest.raises(ArgumentError, match=words) as error:
        _settings(metrics, **options)
    assert error.value.argument == argument


@pytest.mark.parametrize("compare", [ssimtool.compare, ssimtool.compare_many])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scales": 3}, "only ms_ssim has scales"),
        ({"metrics": "ms_ssim", "mask": IMAGE}, "ms_ssim takes no mask"),
        ({"metrics": "ms_ssim", "regions": [(0, 0, 9, 9)]}, "ms_ssim takes no region"),
        ({"mask": IMAGE, "backend": "fused"}, "the fused backend takes no mask"),
    ],
)
def test_python_refuses_the_same(compare, options, words):
    pairs = (IMAGE, IMAGE) if compare is ssimtool.compare else ([(IMAGE, IMAGE)],)
    with pytest.raises(ValueError, match=words):
        compare(*pairs, **options)
