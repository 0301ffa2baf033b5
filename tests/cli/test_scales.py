"""MS-SSIM on the command line: its record, its thresholds, its scales, in compare and in batch."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

from ssimtool import ms_ssim, ms_ssim_loss
from ssimtool.batch import worker as scorer

RNG = np.random.RandomState(0)
LARGE, SMALL = (165, 172, 3), (60, 161, 3)


def _write(folder, name, shape, amount):
    x = (np.add.outer(*map(np.arange, shape[:2]))[..., None] * np.arange(1, 4) % 256).astype(float)
    y = np.clip(x + RNG.normal(0, amount, shape), 0, 255)
    for side, image in (("x", x), ("y", y)):
        path = folder / side / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image.astype(np.uint8)).save(path)
    return folder / "x" / name, folder / "y" / name


@pytest.fixture
def pair(tmp_path):
    """Of 172 × 165 pixels."""
    return _write(tmp_path, "a.png", LARGE, 30)


@pytest.fixture
def folders(tmp_path):
    """Three pairs, the second too small for five scales."""
    for name, shape, amount in (("a", LARGE, 10), ("b", SMALL, 20), ("c", LARGE, 60)):
        _write(tmp_path, f"{name}.png", shape, amount)
    return tmp_path / "x", tmp_path / "y"


def _tensors(pair):
    arrays = (np.array(Image.open(path)) for path in pair)
    return [torch.from_numpy(a).permute(2, 0, 1)[None] for a in arrays]


@pytest.mark.parametrize("backend", ["torch", "fused"])
def test_the_record_is_the_library(ssimtool, pair, backend):
    x, y = _tensors(pair)
    options = ["--backend", backend, "--precision", "double"]
    record = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "json", *options).record
    given = {"data_range": 255, "dtype": torch.float64}
    # float64 both
    assert record["metrics"] == pytest.approx(
        {
            "ms_ssim": ms_ssim(x, y, **given).item(),
            "ms_ssim_loss": ms_ssim_loss(x, y, **given).item(),
        },
        abs=1e-12,
    )
    channels = [ms_ssim(x[:, c : c + 1], y[:, c : c + 1], **given).item() for c in range(3)]
    assert record["per_channel"]["ms_ssim"] == pytest.approx(channels, abs=1e-12)
    assert list(record["metrics"]) == list(record["per_channel"]) == ["ms_ssim", "ms_ssim_loss"]
    assert (record["scales"], record["backend"]) == (5, backend)


def test_fewer_scales_and_other_windows(ssimtool, pair):
    x, y = _tensors(pair)
    options = ["--definition", "cvae", "--scales", 2, "--precision", "double"]
    record = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "json", *options).record
    expected = ms_ssim(x, y, data_range=255, definition="cvae", scales=2, dtype=torch.float64)
    assert record["metrics"]["ms_ssim"] == pytest.approx(expected.item(), abs=1e-12)
    assert (record["scales"], record["definition"]["name"]) == (2, "cvae")


def test_scales_stand_only_where_they_were_used(ssimtool, pair):
    assert ssimtool("compare", *pair, "-f", "json").record["scales"] is None
    done = ssimtool("compare", *pair, "--scales", 3)  # an option without an effect is none
    assert (done.code, "--scales: only ms_ssim has scales: add it" in done.err) == (2, True)
    options = ["--scales", 3, "--fail-under", "ms_ssim=0.1"]  # a threshold asks for it as well
    record = ssimtool("compare", *pair, "-f", "json", *options).record
    assert record["scales"] == 3
    assert record["thresholds"][0]["metric"] == "ms_ssim"


def test_thresholds(ssimtool, pair):
    assert ssimtool("compare", *pair, "--fail-under", "ms_ssim=0.1").code == 0
    assert ssimtool("compare", *pair, "--fail-under", "ms_ssim=0.9999").code == 1
    assert ssimtool("compare", *pair, "--fail-over", "ms_ssim_loss=1e-6").code == 1


def test_identical_images(ssimtool, pair):
    record = ssimtool("compare", pair[0], pair[0], "-m", "ms_ssim", "-f", "json").record
    assert record["metrics"] == {"ms_ssim": 1, "ms_ssim_loss": 0}


def test_what_a_person_sees(ssimtool, pair):
    out = ssimtool("compare", *pair, "-m", "ms_ssim", "-m", "mse").out
    assert "MS-SSIM        0." in out
    assert "MS-SSIM loss   0." in out
    assert "MS-SSIM by channel   R 0." in out
    assert "\nSSIM wang2004: gaussian 11x11 sigma 1.5, valid windows; MS-SSIM of 5 scales;" in out
    markdown = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "markdown").out
    assert "; MS-SSIM of 5 scales; data range 255" in markdown
    assert "scales" not in ssimtool("compare", *pair).out
    wide = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "csv", "--wide").out
    row = next(csv.DictReader(io.StringIO(wide)))
    assert row["scales"] == "5"
    assert float(row["ms_ssim"]) > 0.1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "is 161x60 pixels, expected at least 161x161 for ms_ssim of 5 scales"),
        ([], "pass larger images, or --scales 3"),  # 60 pixels: 41 is enough, 81 is not
        (["--scales", 4], "expected at least 81x81 for ms_ssim of 4 scales with a window of 11"),
        (["--window-size", 15], "at least 225x225"),
        (["--window-size", 61], "or a smaller --window-size"),
    ],
)
def test_too_small(ssimtool, tmp_path, options, words):
    pair = _write(tmp_path, "b.png", SMALL, 20)
    done = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "json", *options)
    assert (done.code, done.record["error"]["code"]) == (3, "too_small")
    assert done.err.startswith(f"error: {pair[0]}: ")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_no_such_number_of_scales(ssimtool, pair):
    for number in ("0", "6", "two"):
        done = ssimtool("compare", *pair, "--scales", number)
        assert done.code == 2
        assert "--scales" in done.err


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_batch_goes_on_beside_a_pair_too_small(ssimtool, folders, backend, jobs):
    options = ["-m", "ms_ssim", "-f", "ndjson", "-q", "--precision", "double", "--device", "cpu"]
    done = ssimtool("batch", *folders, *options, "--backend", backend, "--jobs", jobs)
    *records, summary = map(json.loads, done.out.splitlines())
    assert done.code == 3
    assert [r["status"] for r in records] == ["ok", "error", "ok"]
    assert [r["scales"] for r in records] == [5, None, 5]
    assert records[1]["error"]["code"] == "too_small"
    assert (summary["ok"], summary["error"]) == (2, 1)
    for record in (records[0], records[2]):
        paths = record["reference"], record["distorted"]
        double = ["--precision", "double"]
        alone = ssimtool("compare", *paths, "-m", "ms_ssim", "-f", "json", *double).record
        # docs/batch.md: as compare, to 1e-11
        assert record["metrics"] == pytest.approx(alone["metrics"], rel=1e-11)
        assert list(record["per_channel"]) == list(alone["per_channel"])


def test_single_precision_of_a_batch(ssimtool, folders):
    found = []
    for precision in ("single", "double"):
        options = ["-m", "ms_ssim", "--scales", 3, "-f", "ndjson", "--precision", precision]
        lines = ssimtool("batch", *folders, *options).out.splitlines()
        found.append([json.loads(line)["metrics"]["ms_ssim_loss"] for line in lines[:-1]])
    assert found[0] == pytest.approx(found[1], rel=3e-6)  # docs/batch.md: about 1e-6
    assert found[0] != found[1]


def test_resume_refuses_other_scales(ssimtool, folders, tmp_path):
    path = tmp_path / "scores.ndjson"
    arguments = ["batch", *folders, "-m", "ms_ssim", "-q", "-o", path]
    assert ssimtool(*arguments, "--scales", 3).code == 0
    done = ssimtool(*arguments, "--scales", 2, "--resume")
    assert done.code == 2
    assert "written with other settings (scales: there 3, here 2)" in done.err
    before = path.read_bytes()
    assert ssimtool(*arguments, "--scales", 3, "--resume").code == 0
    assert path.read_bytes().splitlines()[:3] == before.splitlines()[:3]


def test_a_report_tells_them_and_computes_them_again(ssimtool, folders, tmp_path):
    path, page = tmp_path / "scores.ndjson", tmp_path / "page.html"
    options = ["-m", "ms_ssim", "--scales", 3, "--precision", "double"]
    assert ssimtool("batch", *folders, *options, "-q", "-o", path).code == 0
    assert ssimtool("report", path, "-o", page).code == 0
    text = page.read_text()
    assert "changed since" not in text  # what is computed again is the same
    assert "MS-SSIM of 3 scales" in text


def test_the_memory_of_the_scales_is_counted(ssimtool, folders, monkeypatch):
    taken = []

    class RegionOfInterest(scorer.Budget):
        @contextmanager
        def share(self):
            with super().share() as take:
                yield lambda size: (taken.append(size), take(size))

    monkeypatch.setattr(scorer, "Budget", RegionOfInterest)
    for asked in (["-m", "ssim"], ["-m", "ms_ssim", "--scales", 3]):
        options = [*asked, "--jobs", 1, "-f", "value"]
        assert ssimtool("batch", *folders, *options).code == 0
    # another quarter of the samples in float32: as many bytes
    assert [2 * size for size in taken[:3]] == taken[3:]


SCRIPT = """
import sys
from ssimtool.cli.app import run
options = ["-m", "ms_ssim", "--scales", "3", "-f", "value", "--device", "cpu"]
code = run(["batch", *sys.argv[1:], *options])
print(code, "torch" in sys.modules, file=sys.stderr)
"""


def test_a_batch_needs_no_torch(folders):
    command = [sys.executable, "-c", SCRIPT, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 False"
    assert len(done.stdout.splitlines()) == 3
