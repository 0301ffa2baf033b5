"""Errors and warnings of pairs, grouped by their causes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssimtool.batch.causes import OF_ERRORS, Causes
from ssimtool.errors import ERROR_CODES


def test_each_error_code_has_words():
    assert list(OF_ERRORS) == list(ERROR_CODES)


def test_a_line_for_each_cause_of_several_pairs():
    causes = Causes()
    found = [causes.add(*c) for c in (("a", "1\n"), ("b", "2"), ("a", "3"), ("c", "4"), ("c", "4"))]
    assert found == [True, True, False, True, False]
    assert list(causes.lines({"a": "are x", "b": "are y", "c": "are z"})) == [
        "2 pairs are x; the first: 1\\n",
        "2 pairs are z; the first: 4",
    ]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: 40 references, 24 images of another size, 3 missing."""
    monkeypatch.chdir(tmp_path)
    for folder in ("x", "y"):
        Path(folder).mkdir()
        for i in range(40):
            high = 20 if folder == "y" and i < 24 else 16
            Image.fromarray(np.full((high, 16), i, np.uint8)).save(f"{folder}/{i:02}.png")
    lines = [f"x/{i:02}.png,y/{i if i < 37 else i + 10:02}.png\n" for i in range(40)]
    Path("list.csv").write_text("".join(lines))
    return tmp_path


SIZE = "y/00.png: is 16x20 pixels, expected 16x16 as in x/00.png; use images of the same size, or"
OPTIONS = ("-m", "mse", "-f", "ndjson")


def test_one_line_for_each_cause(ssimtool, here):
    done = ssimtool("batch", "--pairs", "list.csv", *OPTIONS)
    lines = done.err.splitlines()
    assert [line.partition(" resample")[0] for line in lines] == [
        f"error: {SIZE}",  # when it occurred
        "error: y/47.png: no such file; check the path and the name",
        f"error: 24 pairs differ in size; the first: {SIZE}",
        "error: 3 pairs name a file that does not exist; the first: y/47.png: no such file; "
        "check the path and the name",
        "error: 27 of 40 pair(s) could not be compared",
    ]
    *records, summary = map(json.loads, done.out.splitlines())
    codes = [record["error"]["code"] for record in records if record["error"]]
    assert codes == ["size_mismatch"] * 24 + ["not_found"] * 3
    assert summary["error"] == 27
    assert ssimtool("batch", "--pairs", "list.csv", *OPTIONS, "-q").err == done.err


def test_one_cause_needs_no_total(ssimtool, here):
    for arguments in (
        ("batch", "x", "y", *OPTIONS, "-q"),
        ("compare", "x/00.png", *(f"y/{i:02}.png" for i in range(40)), *OPTIONS, "-q"),
    ):
        first, grouped = ssimtool(*arguments).err.splitlines()
        assert first.startswith(f"error: {SIZE}")
        assert grouped.startswith(f"error: 24 pairs differ in size; the first: {SIZE}")


def test_one_error_has_no_group(ssimtool, here):
    Path("list.csv").write_text("x/30.png,y/30.png\nx/00.png,y/00.png\n")
    line, total = ssimtool("batch", "--pairs", "list.csv", *OPTIONS).err.splitlines()
    assert line.startswith(f"error: {SIZE}")
    assert total == "error: 1 of 2 pair(s) could not be compared"
