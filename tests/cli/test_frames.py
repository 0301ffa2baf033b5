"""Stacks on the command line: every output, thresholds, maps, resuming, and the report."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RANDOM = np.random.RandomState(11)
X = RANDOM.randint(0, 256, (3, 24, 32)).astype(np.uint8)
NOISE = RANDOM.randint(-9, 10, X.shape) * np.array([1, 4, 0])[:, None, None]
Y = (X.astype(int) + NOISE).clip(0, 255).astype(np.uint8)  # frame 1 the worst, 2 identical


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name, stack in (("a", X), ("b", Y)):
        first, *others = map(Image.fromarray, stack)
        first.save(tmp_path / f"{name}.tif", save_all=True, append_images=others)
    return tmp_path / "a.tif", tmp_path / "b.tif"


@pytest.fixture
def folders(pair, tmp_path: Path) -> tuple[Path, Path]:
    for path, name in zip(pair, ("ref", "out"), strict=True):
        (tmp_path / name).mkdir()
        path.rename(tmp_path / name / "x.tif")
        Image.fromarray(X[0]).save(tmp_path / name / "still.png")
    return tmp_path / "ref", tmp_path / "out"


def test_the_record(ssimtool, pair):
    record = ssimtool("compare", *pair, "-f", "json").record
    assert record["reading"]["frame"] is None
    frames = record["frames"]
    assert (frames["count"], frames["identical"]) == (3, 1)
    assert {name: worst["frame"] for name, worst in frames["worst"].items()} == dict.fromkeys(
        record["metrics"], 1
    )
    one = ssimtool("compare", *pair, "--frame", "1", "-f", "json").record
    assert one["frames"] is None
    assert frames["worst"]["ssim"]["value"] == one["metrics"]["ssim"]


def test_every_format_names_the_worst_frame(ssimtool, pair):
    words = r"3 \(1 identical\), scores are means; worst SSIM 0\.\d+, MSE .*, PSNR .* at frame 1"
    table = re.sub(r"\s+", " ", ssimtool("compare", *pair).out)
    assert re.search(f"frames {words}", table)
    assert re.search(f"- frames {words}", ssimtool("compare", *pair, "-f", "markdown").out)
    assert re.search(
        f'name="frames" value="{words}"', ssimtool("compare", *pair, "-f", "junit").out
    )
    (row,) = csv.DictReader(io.StringIO(ssimtool("compare", *pair, "-f", "csv", "--wide").out))
    assert (row["frames.count"], row["frames.identical"]) == ("3", "1")
    assert json.loads(row["frames.worst"])["psnr"]["frame"] == 1
    (value,) = ssimtool("compare", *pair, "-f", "value", "-m", "mse").out.split()
    assert float(value) == pytest.approx(np.mean((X.astype(float) - Y) ** 2), 1e-12)


def test_identical_frames_are_infinite_or_null(ssimtool, pair):
    record = ssimtool("compare", pair[0], pair[0], "-f", "json").record
    assert record["frames"]["worst"]["psnr"] == {"value": None, "frame": 0}
    assert record["metrics"]["psnr"] is None
    assert "3, all identical\n" in ssimtool("compare", pair[0], pair[0]).out


def test_a_threshold_on_the_worst_frame(ssimtool, pair):
    mean = ssimtool("compare", *pair, "-f", "json").record["metrics"]["ssim"]
    done = ssimtool("compare", *pair, "--fail-under", f"{mean - 1e-6}")
    assert done.code == 0
    done = ssimtool("compare", *pair, "--fail-under", f"worst:ssim={mean}", "-f", "github")
    assert done.code == 1
    assert re.search(r"FAIL .*b\.tif  worst ssim 0\.\d+ < 0\.\d+ at frame 1", done.err)
    assert "worst ssim" in done.out
    done = ssimtool("compare", *pair, "--fail-over", "worst:mse=1e9")
    assert re.search(r"pass  worst mse [\d.]+ <= 1e\+09 at frame 1", done.out)
    done = ssimtool("compare", *pair, "--frame", "2", "--fail-under", "worst:1")
    assert done.code == 0  # of two images, it is the score
    assert "pass  worst ssim 1 >= 1\n" in done.out
    done = ssimtool("compare", *pair, "--fail-under", "mean:ssim=1")
    assert (done.code, "leave out mean:" in done.err) == (2, True)
    done = ssimtool("loss", "a.npy", "b.npy", "--fail-under", "worst:ssim=1")
    assert (done.code, "leave out worst:" in done.err) == (2, True)


def test_numbers_that_differ(ssimtool, pair, tmp_path):
    Image.fromarray(X[0]).save(tmp_path / "c.png")
    done = ssimtool("compare", pair[0], tmp_path / "c.png", "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "frame_mismatch")
    assert "c.png: has 1 frame, expected 3 frames as in" in done.err
    assert ssimtool("compare", pair[0], tmp_path / "c.png", "--frame", "0").code == 0
    done = ssimtool("explain", *pair)
    assert (done.code, "choose one with --frame (0 to 2)" in done.err) == (3, True)
    assert ssimtool("explain", *pair, "--frame", "2").code == 0


def test_maps_show_the_worst_frame(ssimtool, pair, tmp_path):
    maps = [tmp_path / name for name in ("m.npy", "m.png", "one.npy")]
    done = ssimtool("compare", *pair, "-m", "psnr", "--map", maps[0], "--map", maps[1])
    assert done.code == 0
    ssimtool("compare", *pair, "--frame", "1", "--map", maps[2])
    np.testing.assert_array_equal(np.load(maps[0]), np.load(maps[2]))
    texts = Image.open(maps[1]).text
    assert texts["frame"] == "frame 1 of 3"
    worst = ssimtool("compare", *pair, "-f", "json").record["frames"]["worst"]["ssim"]["value"]
    assert float(texts["ssim"]) == worst
    ssimtool("compare", *pair, "--map", tmp_path / "p.png", "--map-style", "panel")
    assert Image.open(tmp_path / "p.png").width > 3 * 256


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_batch_its_journal_and_its_report(ssimtool, folders, tmp_path, jobs):
    scores, page = tmp_path / "s.ndjson", tmp_path / "r.html"
    limits = ("--fail-under", "worst:ssim=0.9999", "--fail-under", "0.1", "-j", jobs)
    done = ssimtool("batch", *folders, *limits, "-o", scores, "--maps", tmp_path / "maps")
    assert done.code == 1
    line = re.search(r"FAIL .*x\.tif  worst ssim 0\.\d+ < 0\.9999 at frame 1\n", done.err)
    still, stack, summary = map(json.loads, scores.read_text().splitlines())
    assert (still["frames"], stack["frames"]["count"]) == (None, 3)
    assert (still["status"], stack["status"], summary["fail"]) == ("ok", "fail", 1)
    assert Image.open(stack["map"]).text["frame"] == "frame 1 of 3"
    again = ssimtool(
        "batch", *folders, *limits, "-o", scores, "--resume", "--maps", tmp_path / "maps"
    )
    assert line[0] in again.err  # from the record of the earlier run
    other = ssimtool(
        "batch", *folders, *limits[2:], "--fail-under", "0.9999", "-o", scores, "--resume"
    )
    assert "there worst ssim under 0.9999" in other.err
    assert ssimtool("report", scores, "-o", page).code == 0
    html = page.read_text()
    assert "frame 1 of 3 is shown" in html
    assert "changed since" not in html
    assert "SSIM of the worst frame of each pair at least 0.9999" in html
    assert "≥ 0.9999" not in html  # no mark in the chart of the means
    assert "3 (1 identical), scores are means" in html


def test_a_list_with_stacks_of_arrays(ssimtool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", X)
    np.save("b.npy", Y)
    Path("pairs.csv").write_text("reference,distorted\na.npy,b.npy\na.npy,a.npy\n")
    done = ssimtool("batch", "--pairs", "pairs.csv", "-f", "ndjson", "--layout", "thw")
    first, second = (json.loads(line) for line in done.out.splitlines()[:2])
    assert [first["frames"]["worst"]["mse"]["frame"], second["identical"]] == [1, True]
    assert second["frames"]["identical"] == 3
