"""Identical pairs in a batch: the mean of the others, and their count beside it, everywhere."""

from __future__ import annotations

import json
import math

import pytest

from ssimtool.batch.many import compare_many


@pytest.fixture
def listed(samples, tmp_path):
    """One pair that is identical, one that is not; and a list of the identical one only."""
    x, y = samples / "reference.png", samples / "contrast.png"
    (tmp_path / "list.csv").write_text(f"{x},{x}\n{x},{y}\n")
    (tmp_path / "same.csv").write_text(f"{x},{x}\n{x},{x}\n")
    return tmp_path / "list.csv"


@pytest.fixture
def psnr(samples, ssimtool):
    """PSNR of the pair that is not identical, as batch computes it."""
    pair = samples / "reference.png", samples / "contrast.png"
    fast = "--backend", "fused", "--precision", "single"
    return ssimtool("compare", *pair, "-f", "json", "-m", "psnr", *fast).record["metrics"]["psnr"]


def test_records_and_reports(ssimtool, listed, psnr, tmp_path):
    scores = tmp_path / "s.ndjson"
    options = "--pairs", listed, "-m", "psnr", "-q"
    resumed = ssimtool("batch", *options, "-f", "ndjson", "-o", scores, "--resume")
    assert resumed.code == 0
    for run in range(2):  # the second one keeps both records
        summary = json.loads(scores.read_text().splitlines()[-1])
        statistics = summary["metrics"]["psnr"]
        assert (summary["pairs"], summary["identical"]) == (2, 1)
        assert (statistics["mean"], statistics["std"], statistics["infinite"]) == (psnr, 0, 1)
        assert (statistics["min"], statistics["max"]) == (psnr, None)
        assert statistics["reasons"]["max"] == "infinite for 1 of 2 pairs"
        if run == 0:
            ssimtool("batch", *options, "-f", "ndjson", "-o", scores, "--resume")
    assert json.loads(ssimtool("report", scores, "-f", "json").out)["summary"] == summary
    for form in ("table", "markdown", "github", "html"):
        text = ssimtool("report", scores, "-f", form).out
        assert "1 identical" in text or "Identical</dt><dd>1<" in text
        assert "infinite for 1 of 2 pairs; mean and std of the others" in text or form == "github"


def test_thresholds_on_the_mean(ssimtool, listed, psnr, tmp_path):
    def ended(name, *limit):
        paths = "--pairs", tmp_path / name
        return ssimtool("batch", *paths, "-m", "psnr", "-q", "-f", "junit", *limit)

    below, above = f"mean:psnr={psnr - 1}", f"mean:psnr={psnr + 1}"
    assert ended("list.csv", "--fail-under", below).code == 0
    failed = ended("list.csv", "--fail-under", above)
    assert failed.code == 1
    assert f"FAIL mean psnr {psnr:.6g} < " in failed.err
    assert '<property name="infinite" value="1"/>' in failed.out
    # all are identical: the mean is infinite, as the PSNR of each pair
    assert ended("same.csv", "--fail-under", "mean:psnr=99").code == 0
    assert ended("same.csv", "--fail-over", "mean:psnr=99").code == 1


def test_python(listed):
    paths = [line.split(",") for line in listed.read_text().splitlines()]
    table = compare_many(paths, metrics="psnr").to_pandas()
    assert list(table["identical"]) == [True, False]
    assert math.isinf(table["metrics.psnr"][0])
    assert math.isfinite(table["metrics.psnr"][1])
