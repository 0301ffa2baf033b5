"""`--value-range` of every command that reads samples, and of Python."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ssimtool import compare, compare_many

TANH = ("--value-range", "-1", "1")


@pytest.fixture
def tanh(tmp_path):
    """Two arrays in [-1, 1], and the same two in [0, 1], as paths."""
    x, y = np.random.RandomState(5).rand(2, 40, 30)
    paths = {}
    for name, array in (("x", x), ("y", y)):
        for folder, samples in (("signed", 2 * array - 1), ("unit", array)):
            (tmp_path / folder / name).mkdir(parents=True, exist_ok=True)
            paths[folder, name] = tmp_path / folder / name / "a.npy"
            np.save(paths[folder, name], samples)
    return paths


def _close(found, expected):
    """The mapping rounds once more: 2**-53 of 1, in each sample."""
    assert found == pytest.approx(expected, rel=1e-12)


def test_compare_and_batch_and_python_agree(ssimtool, tanh):
    signed, unit = ([tanh[folder, name] for name in "xy"] for folder in ("signed", "unit"))
    metrics = ("-m", "ssim,mse", "--precision", "double")
    expected = ssimtool("compare", *unit, *metrics, "-f", "json").record["metrics"]
    done = ssimtool("compare", *signed, *TANH, *metrics, "-f", "json")
    _close(done.record["metrics"], expected)
    assert done.record["reading"]["value_range"] == [-1, 1]
    folders = [path.parent for path in signed]
    batch = ssimtool("batch", *folders, *TANH, *metrics, "-f", "json").record["pairs"][0]
    assert batch["metrics"] == done.record["metrics"]
    options = {"metrics": ["ssim", "mse"], "value_range": (-1, 1), "precision": "double"}
    assert compare(*signed, **options).metrics == done.record["metrics"]
    (record,) = compare_many([tuple(signed)], **options)
    assert record.metrics == done.record["metrics"]


def test_resume_and_report_read_with_it_again(ssimtool, tanh, tmp_path):
    folders = [tanh["signed", name].parent for name in "xy"]
    scores, page = tmp_path / "s.ndjson", tmp_path / "page.html"
    assert ssimtool("batch", *folders, *TANH, "-o", scores).code == 0
    assert ssimtool("batch", *folders, *TANH, "-o", scores, "--resume").code == 0
    other = ssimtool("batch", *folders, "--value-range", -2, 2, "-o", scores, "--resume")
    assert other.code == 2
    assert "reading value_range: there [-1, 1], here [-2" in other.err.replace(".0", "")
    assert ssimtool("report", scores, "-o", page).code == 0
    assert "data:image" in page.read_text()  # the pictures were read again


def test_a_picture_beside_a_tanh(ssimtool, tmp_path):
    grey = np.random.RandomState(6).randint(0, 256, (40, 30)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", grey / 127.5 - 1)
    done = ssimtool(
        "compare", tmp_path / "a.png", tmp_path / "b.npy", *TANH, "-m", "mse", "-f", "value"
    )
    assert float(done.out) == pytest.approx(0, abs=1e-30)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_is_that_of_the_mapped_arrays(ssimtool, tmp_path, dtype):
    x, y = np.random.RandomState(7).rand(2, 3, 1, 32, 32)
    arrays = {"x": 2 * x - 1, "y": 2 * y - 1}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array.astype(dtype))
        stored = np.load(tmp_path / f"{name}.npy").astype(np.float64)
        np.save(tmp_path / f"unit_{name}.npy", (stored + 1) / 2)
    signed = ("loss", *(tmp_path / f"{name}.npy" for name in "xy"), "--beta", 0, "-f", "json")
    unit = ("loss", *(tmp_path / f"unit_{name}.npy" for name in "xy"), "--beta", 0, "-f", "json")
    done, expected = ssimtool(*signed, *TANH), ssimtool(*unit)
    for name in ("loss", "mse", "ssim_loss", "data_range"):
        assert done.record[name] == expected.record[name]
    assert done.record["warnings"] == []
    assert done.record["steps"] == [
        f"{name}: {dtype} mapped from [-1, 1] to [0, 1]" for name in ("recon", "raw")
    ]


def test_loss_of_integers_beside_a_tanh(ssimtool, tmp_path):
    grey = np.random.RandomState(8).randint(0, 256, (3, 1, 32, 32)).astype(np.uint8)
    np.save(tmp_path / "raw.npy", grey)
    np.save(tmp_path / "recon.npy", grey / 127.5 - 1)
    done = ssimtool(
        "loss", tmp_path / "recon.npy", tmp_path / "raw.npy", *TANH, "--beta", 0, "-f", "json"
    )
    assert done.record["loss"] == pytest.approx(0, abs=1e-15)
    assert done.record["warnings"] == []


@pytest.mark.parametrize("command", ["compare", "batch", "explain", "loss"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("1", "-1"), "expected two finite numbers, the lower first"),
        (("1", "1"), "expected two finite numbers, the lower first"),
        (("nan", "1"), "expected two finite numbers, the lower first"),
        (("0", "inf"), "expected two finite numbers, the lower first"),
        (("-1", "1", "--data-range", "2"), "exclude each other"),
    ],
)
def test_what_is_no_value_range_is_a_usage_error(ssimtool, tanh, command, options, words):
    paths = [tanh["unit", name] for name in "xy"]
    paths = [path.parent for path in paths] if command == "batch" else paths
    done = ssimtool(command, *paths, "--value-range", *options)
    assert done.code == 2
    assert words in done.err


def test_python_refuses_them_too(tanh):
    paths = [tanh["unit", name] for name in "xy"]
    with pytest.raises(ValueError, match="lower first"):
        compare(*paths, value_range=(1, -1))
    with pytest.raises(ValueError, match="exclude each other"):
        compare(*paths, value_range=(-1, 1), data_range=2)
