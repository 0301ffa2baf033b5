"""`--definition` and what overrides its parts, in every command that takes them."""

from __future__ import annotations

import json

import numpy as np
import plain
import pytest
import torch
from PIL import Image

from ssimtool import find_definition, ssim_map
from ssimtool.catalog import DEFINITIONS
from ssimtool.scoring import tensors as evaluate_tensors

RNG = np.random.RandomState(3)
X = RNG.randint(0, 256, (391, 386, 3)).astype(np.uint8)  # piq reduces from a side of 384 on
Y = np.clip(X + RNG.normal(0, 30, X.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two colour PNGs, 386 x 391."""
    folder = tmp_path_factory.mktemp("pair")
    Image.fromarray(X).save(folder / "a.png")
    (folder / "d").mkdir()
    Image.fromarray(Y).save(folder / "d" / "b.png")
    return folder / "a.png", folder / "d" / "b.png"


BORDERS = {"valid": None, "zero": "constant", "mirror": "reflect", "symmetric": "symmetric"}


DOUBLE = ("--precision", "double")  # by default, SSIM is right to 1e-6 of 1 − SSIM only


@pytest.mark.parametrize("border", BORDERS)
def test_border_overrides(ssimtool, pair, border):
    record = ssimtool("compare", *pair, "--border", border, *DOUBLE, "-f", "json").record
    maps = [plain.ssim_map(X[..., c], Y[..., c], 255, pad=BORDERS[border]) for c in range(3)]
    assert record["metrics"]["ssim"] == pytest.approx(np.mean(maps), abs=1e-12)  # float64 both
    assert record["definition"]["border"] == border
    assert record["definition"]["name"] == ("wang2004" if border == "valid" else "custom")


def test_a_part_of_a_uniform_window(ssimtool, pair):
    options = ("--definition", "skimage", "--window-size", 9, "--border", "mirror", *DOUBLE)
    record = ssimtool("compare", *pair, *options, "-f", "json").record
    parts = {"uniform": True, "size": 9, "sample": True, "pad": "reflect"}
    maps = [plain.ssim_map(X[..., c], Y[..., c], 255, **parts) for c in range(3)]
    assert record["metrics"]["ssim"] == pytest.approx(np.mean(maps), abs=1e-12)  # float64 both
    assert record["definition"] == {
        "name": "custom", "window": "uniform", "window_size": 9, "sigma": None, "k1": 0.01,
        "k2": 0.03, "border": "mirror", "covariance": "sample", "downsample": 1, "region": "full",
    }  # fmt: skip


def test_a_sigma_of_a_uniform_window_is_refused(ssimtool, pair):
    done = ssimtool("compare", *pair, "--definition", "sewar", "--sigma", "2")
    assert (done.code, done.out) == (2, "")
    assert "the window of 'sewar' is uniform" in done.err


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_map_is_as_large_as_the_image(ssimtool, pair, tmp_path, monkeypatch, name):
    path = tmp_path / "m.npy"
    monkeypatch.setattr(evaluate_tensors, "MAP_SAMPLES", 1)  # many bands
    for backend in ("torch", "fused"):
        ssimtool("compare", *pair, "--definition", name, "--map", path, "--backend", backend)
        found = np.load(path)
        assert (found.shape, found.dtype) == ((391, 386), np.float32)
        definition = DEFINITIONS[name].for_size(391, 386)
        if definition.border == "valid":
            definition = find_definition(definition, border="symmetric")
        x, y = (torch.from_numpy(i).permute(2, 0, 1)[None] for i in (X, Y))
        options = {"data_range": 255, "definition": definition, "dtype": torch.float64}
        expected = ssim_map(x, y, **options)[0].mean(dim=0).numpy()
        if name == "piq":  # a number for each 2 x 2 pixels; the last row has one of its neighbours
            assert expected.shape == (195, 193)
            expected = expected.repeat(2, axis=0).repeat(2, axis=1)
            expected = np.concatenate([expected, expected[-1:]])
        np.testing.assert_allclose(found, expected, atol=1e-6)  # stored as float32


@pytest.mark.parametrize("precision", ["double", "single"])
def test_batch_gives_the_numbers_of_compare(ssimtool, pair, precision):
    for name in DEFINITIONS:
        options = ("--definition", name, "--precision", precision, "--backend", "fused")
        one = ssimtool("compare", *pair, *options, "-f", "json").record
        for jobs in (1, 2):
            command = ("batch", pair[0], pair[1].parent, *options, "-f", "ndjson", "--jobs", jobs)
            many = json.loads(ssimtool(*command).out.splitlines()[0])
            assert many["definition"] == one["definition"]
            assert many["precision"] == one["precision"]
            assert many["metrics"] == one["metrics"], name  # docs/reliability.md: the same bits


def test_by_default_all_commands_give_the_same_bits(ssimtool, pair):
    one = ssimtool("compare", *pair, "-f", "json", "--backend", "fused").record["metrics"]
    alone = ssimtool("compare", *pair, "-f", "json").record["metrics"]  # by NumPy
    many = ssimtool("batch", pair[0], pair[1].parent, "-f", "ndjson").out.splitlines()[0]
    # the promise of single precision
    assert alone == {k: pytest.approx(v, rel=1e-6, abs=1e-7) for k, v in one.items()}
    every = ssimtool("explain", *pair, "-f", "json").record["definitions"]
    assert json.loads(many)["metrics"] == one
    assert {e["name"]: e["ssim"] for e in every}["wang2004"] == one["ssim"]


def test_a_batch_by_size_can_be_resumed_and_no_other(ssimtool, pair, tmp_path):
    path = tmp_path / "s.ndjson"
    command = ("batch", pair[0], pair[1].parent, "-o", path, "-q")
    assert ssimtool(*command, "--definition", "piq").code == 0
    record = json.loads(path.read_text().splitlines()[0])
    assert record["definition"]["downsample"] == 2
    assert ssimtool(*command, "--definition", "piq", "--resume").code == 0
    done = ssimtool(*command, "--definition", "torchmetrics", "--resume")
    assert done.code == 2
    assert "definition name: there 'piq', here 'torchmetrics'" in done.err
    done = ssimtool("report", path, "-o", tmp_path / "r.html")
    assert done.code == 0
    assert "changed since" not in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("name", ["piq", "torchmetrics", "skimage"])
@pytest.mark.parametrize("height", [387, 400])
def test_bands_of_a_large_image_are_the_whole(ssimtool, tmp_path, monkeypatch, name, height):
    x, y = np.random.RandomState(height).rand(2, 1, height, 391)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    command = ("loss", tmp_path / "x.npy", tmp_path / "y.npy", "--beta", 0, "-f", "json")
    whole = ssimtool(*command, "--definition", name).record
    monkeypatch.setattr("ssimtool.vae.loss.CHUNK", 1)  # bands four windows high
    banded = ssimtool(*command, "--definition", name).record
    parts = {
        "piq": {"factor": 2},
        "torchmetrics": {"pad": "reflect"},
        "skimage": {"uniform": True, "size": 7, "sample": True},
    }[name]
    expected = plain.ssim_map(y[0], x[0], 1, **parts).mean()
    for record in (whole, banded):
        assert record["ssim"] == pytest.approx(expected, abs=1e-12)  # float64 both
        assert record["mse"] == pytest.approx(((x - y) ** 2).mean(), rel=1e-12)
        assert record["definition"]["downsample"] == (2 if name == "piq" else 1)


def test_ms_ssim_alone_states_no_reduction(ssimtool, pair):
    options = ("--definition", "piq", "-m", "ms_ssim", "-f", "json")
    record = ssimtool("compare", *pair, *options).record
    assert record["definition"]["downsample"] == 1
    plain_one = ssimtool("compare", *pair, "-m", "ms_ssim", "-f", "json").record
    assert record["metrics"] == plain_one["metrics"]
    both = ssimtool("compare", *pair, *options, "-m", "ssim").record
    assert both["definition"]["downsample"] == 2


def test_the_list_tells_what_differs(ssimtool):
    rows = json.loads(ssimtool("list", "definitions", "-f", "json").out)
    assert [row["name"] for row in rows] == list(DEFINITIONS)
    assert {row["name"]: row["downsample"] for row in rows}["piq"] == "by size"
    assert {row["name"]: row["covariance"] for row in rows}["skimage"] == "sample"
    assert {row["name"]: row["averaged"] for row in rows}["cvae"] == "full map"
