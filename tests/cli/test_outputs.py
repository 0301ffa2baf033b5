"""`-o`: its suffix chooses the format, it may be repeated, and its folders are made."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RNG = np.random.RandomState(0)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b", "c"):
        for folder in ("ref", "out"):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(RNG.randint(0, 256, (24, 24)).astype(np.uint8)).save(path)
    return tmp_path / "ref", tmp_path / "out"


def test_each_output_has_the_format_of_its_suffix(ssimtool, folders, tmp_path):
    pair = [folder / "a.png" for folder in folders]
    names = ("deep/er/one.json", "one.csv", "one.md", "one.xml", "one.txt")
    done = ssimtool("compare", *pair, *(x for n in names for x in ("-o", tmp_path / n)), "-o", "-")
    assert (done.code, done.err) == (0, "")
    texts = {name: (tmp_path / name).read_text() for name in names}
    ssim = json.loads(texts["deep/er/one.json"])["metrics"]["ssim"]
    (row,) = csv.DictReader(texts["one.csv"].splitlines())
    assert float(row["ssim"]) == ssim
    assert texts["one.md"].count("| SSIM |") == 1
    assert texts["one.xml"].startswith("<?xml")
    assert texts["one.txt"] == done.out
    assert f"{ssim:.6f}" in done.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "x.foo"], "x.foo: compare knows no format .foo; use .txt, .json, .ndjson"),
        (["-o", "x.html"], "x.html: compare does not write html; use .txt"),
        (["-o", "x.json", "-o", "x.md", "-f", "csv"], "leave out --format"),
        (["-o", "x.json", "-o", "./x.json"], "cannot write ./x.json: it is also an output"),
    ],
)
def test_an_output_without_a_format_is_a_usage_error(
    ssimtool, folders, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    done = ssimtool("compare", "ref/a.png", "out/a.png", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "ref"]


def test_an_unknown_suffix_is_allowed_with_a_format(ssimtool, folders, tmp_path):
    pair = [folder / "a.png" for folder in folders]
    assert ssimtool("compare", *pair, "-o", tmp_path / "x.foo", "-f", "json").code == 0
    assert json.loads((tmp_path / "x.foo").read_text())["status"] == "ok"


def test_a_folder_that_stays_empty_is_removed(ssimtool, tmp_path):
    done = ssimtool("compare", "none.png", "none.png", "-o", tmp_path / "new" / "x.md")
    assert done.code == 3
    assert not (tmp_path / "new").exists()


def test_a_batch_writes_several_outputs_at_once(ssimtool, folders, tmp_path):
    paths = [tmp_path / "new" / name for name in ("s.ndjson", "s.html", "s.csv", "s.json")]
    done = ssimtool("batch", *folders, *(x for path in paths for x in ("-o", path)), "-q")
    assert done.code == 0
    assert done.out.startswith("3 pairs: 3 ok")  # the table, as with one file
    lines = [json.loads(line) for line in paths[0].read_text().splitlines()]
    assert len(lines) == 4
    assert json.loads(paths[3].read_text())["pairs"] == lines[:3]
    rows = list(csv.DictReader(paths[2].read_text().splitlines()))
    assert [float(row["ssim"]) for row in rows] == [line["metrics"]["ssim"] for line in lines[:3]]
    done = ssimtool("report", paths[0], "--worst", "10", "-o", tmp_path / "report.html")
    assert done.code == 0
    assert (tmp_path / "report.html").read_text() == paths[1].read_text()


def test_a_batch_makes_a_page_alone(ssimtool, folders, tmp_path):
    done = ssimtool("batch", *folders, "-o", tmp_path / "page.html", "-q")
    assert done.code == 0
    page = (tmp_path / "page.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert page.count("data:image/") >= 6  # a reference and a distorted image of each pair
    assert "page.html" in page  # not the name of a temporary file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "page.html", "ref"]


def test_what_is_resumed_is_in_every_output(ssimtool, folders, tmp_path):
    ndjson, table = tmp_path / "s.ndjson", tmp_path / "s.csv"
    assert ssimtool("batch", *folders, "-o", ndjson, "--exclude", "c.png", "-q").code == 0
    done = ssimtool("batch", *folders, "-o", ndjson, "-o", table, "--resume", "-q")
    assert done.code == 0
    assert [Path(row["reference"]).name for row in csv.DictReader(table.open())] == [
        "a.png",
        "b.png",
        "c.png",
    ]
