"""`ssimtool explain`: every definition on one pair, what it owes to which part, who returns it."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import plain
import pytest
from PIL import Image

from ssimtool.catalog import DEFINITIONS
from ssimtool.scoring import explain as evaluate_explain
from ssimtool.scoring.pair import compare

RNG = np.random.RandomState(2)
X = RNG.randint(0, 256, (390, 401)).astype(np.uint8)  # piq reduces from a side of 384 on
Y = np.clip(X + RNG.normal(0, 40, X.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def pair(tmp_path):
    """Two grey PNGs, 401 x 390."""
    Image.fromarray(X).save(tmp_path / "a.png")
    Image.fromarray(Y).save(tmp_path / "b.png")
    return tmp_path / "a.png", tmp_path / "b.png"


# The number of each definition, by the plain computation, and the ways to it: typed from the
# table of docs/definitions.md, part after part.
WAYS = {
    "wang2004": [],
    "cvae": [("border", {"pad": "constant"})],
    "skimage": [
        ("window", {"uniform": True, "size": 7}),
        ("covariance", {"uniform": True, "size": 7, "sample": True}),
    ],
    "torchmetrics": [("border", {"pad": "reflect"})],
    "piq": [("downsample", {"factor": 2})],
    "sewar": [("window", {"uniform": True, "size": 11})],
}


def test_each_number_and_what_it_owes_to_which_part(ssimtool, pair):
    done = ssimtool("explain", *pair, "-f", "json")
    assert (done.code, done.err) == (0, "")
    record = done.record
    assert record["schema"] == "ssimtool.explanation/1"
    assert [row["name"] for row in record["definitions"]] == list(DEFINITIONS) == list(WAYS)
    for row in record["definitions"]:
        before = plain.ssim_map(X, Y, 255).mean()
        assert [d["part"] for d in row["differs"]] == [part for part, _ in WAYS[row["name"]]]
        for found, (_, options) in zip(row["differs"], WAYS[row["name"]], strict=True):
            after = plain.ssim_map(X, Y, 255, **options).mean()
            # two numbers in float32, each right to 1e-6 of 1 − SSIM
            assert found["change"] == pytest.approx(after - before, abs=2e-6 * (1 - before))
            before = after
        assert row["ssim"] == pytest.approx(before, abs=1e-6 * (1 - before))
        assert row["ssim"] == pytest.approx(1 - row["ssim_loss"], abs=1e-15)
        assert row["per_channel"] == [row["ssim"]]
        assert row["returned_by"] == DEFINITIONS[row["name"]].returned_by
        assert row["reason"] is None
    named = {row["name"]: row["definition"] for row in record["definitions"]}
    assert (named["piq"]["downsample"], named["wang2004"]["downsample"]) == (2, 1)
    assert named["skimage"]["covariance"] == "sample"
    words = {d["part"]: (d["there"], d["here"]) for d in record["definitions"][2]["differs"]}
    assert words == {
        "window": ("gaussian 11x11, sigma 1.5", "uniform 7x7"),
        "covariance": ("population covariance", "sample covariance"),
    }


def test_nothing_is_computed_twice(ssimtool, pair, monkeypatch):
    computed = []

    def counted(pair, settings, *, execution):
        computed.append(settings.definition)
        return compare(pair, settings, execution=execution)

    monkeypatch.setattr(evaluate_explain, "compare", counted)
    assert ssimtool("explain", *pair).code == 0
    # the six, and what stands between the first and skimage, of which two parts differ
    assert len(computed) == len(set(computed)) == len(DEFINITIONS) + 1


def test_each_number_is_that_of_compare(ssimtool, pair):
    record = ssimtool("explain", *pair, "-f", "json").record
    for row in record["definitions"]:
        options = ("--definition", row["name"], "--backend", "fused", "-f", "json")
        other = ssimtool("compare", *pair, *options).record
        assert row["ssim"] == other["metrics"]["ssim"]
        assert row["definition"] == other["definition"]
    for name in ("width", "height", "channels", "data_range", "reading", "steps", "device"):
        assert record[name] == other[name]


def test_the_formats_agree(ssimtool, pair):
    record = ssimtool("explain", *pair, "-f", "json").record
    assert json.loads(ssimtool("explain", *pair, "-f", "ndjson").out) == record
    values = ssimtool("explain", *pair, "-f", "value").out.split()
    rows = list(csv.DictReader(io.StringIO(ssimtool("explain", *pair, "-f", "csv").out)))
    markdown = ssimtool("explain", *pair, "-f", "markdown").out
    for row, value, cells in zip(record["definitions"], values, rows, strict=True):
        assert float(value) == float(cells["ssim"]) == row["ssim"]
        assert (cells["name"], cells["error.code"]) == (row["name"], "")
        assert json.loads(cells["differs"]) == row["differs"]
        assert f"| {row['name']} | {row['ssim']:.6f} |" in markdown


def test_the_table_fits_80_columns(ssimtool, pair, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    out = tmp_path / "t.txt"
    assert ssimtool("explain", *pair, "-o", out).out == ""
    lines = ssimtool("explain", *pair).out.splitlines()
    assert all(row.name in out.read_text() for row in DEFINITIONS.values())
    assert all(len(line) <= 80 for line in lines)
    text = " ".join(" ".join(lines).split())
    for row in DEFINITIONS.values():
        assert row.returned_by in text
    assert "uniform 7x7" in text
    assert "2x2 means first" in text
    assert "one channel; data range 255" in text


def test_colour_and_steps(ssimtool, samples):
    pair = samples / "reference.png", samples / "jpeg.jpg"
    record = ssimtool("explain", *pair, "-f", "json").record
    assert all(len(row["per_channel"]) == 3 for row in record["definitions"])
    luma = ssimtool("explain", *pair, "--channels", "luma")
    assert "BT.601 luma" in luma.out
    assert "mean over the channels" in ssimtool("explain", *pair).out


def test_grey_files_have_one_channel_and_small_ones_are_not_reduced(ssimtool, tmp_path):
    for name, image in (("a.png", X[:100, :100]), ("b.png", Y[:100, :100])):
        Image.fromarray(image).save(tmp_path / name)
    done = ssimtool("explain", tmp_path / "a.png", tmp_path / "b.png")
    assert "one channel; data range 255" in done.out
    assert "nothing at this size" in done.out


def test_images_too_small_for_some(ssimtool, tmp_path):
    for name, image in (("a.png", X[:9, :9]), ("b.png", Y[:9, :9])):
        Image.fromarray(image).save(tmp_path / name)
    pair = tmp_path / "a.png", tmp_path / "b.png"
    record = ssimtool("explain", *pair, "-f", "json").record
    found = {row["name"]: row for row in record["definitions"]}
    # mirror: half a window and one more; uniform 7 fits; the others need 11
    computed = {name for name, row in found.items() if row["ssim"] is not None}
    assert computed == {"cvae", "skimage", "torchmetrics"}
    assert found["wang2004"]["reason"] == "needs 11x11 pixels"
    assert found["skimage"]["differs"][0]["change"] is None
    assert found["skimage"]["differs"][1]["change"] is not None
    assert "needs 11x11 pixels" in ssimtool("explain", *pair).out
    assert ssimtool("explain", *pair, "-f", "value").out.split()[0] == "nan"


def test_errors(ssimtool, pair, tmp_path):
    done = ssimtool("explain", pair[0], tmp_path / "none.png", "-f", "csv")
    assert done.code == 3
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["error.code"] == "not_found"
    assert "none.png" in done.err
    assert ssimtool("explain", pair[0], tmp_path / "none.png").out == ""
    assert ssimtool("explain", "-", "-").code == 2
    done = ssimtool("explain", *pair, "--device", "cuda:7")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("columns", [30, 40, 71, 72, 80])
def test_every_word_has_room(ssimtool, samples, monkeypatch, columns):
    """In narrow terminals the definitions stand one below the other, not in a table."""
    pair = samples / "reference.png", samples / "jpeg.jpg"
    monkeypatch.setenv("COLUMNS", str(columns))
    out = ssimtool("explain", *pair).out
    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out
    words = " ".join(out.split())
    for text in ("cvae 0.702211", "+0.008144 zero padding, full", "ignite", "to wang2004, adding"):
        assert text in words
    assert ("Definition" in out) == (columns >= 72)
