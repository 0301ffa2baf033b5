"""`report` looks for pictures next to its scores, and says so."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

RNG = np.random.default_rng(0)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs, with a folder of images and a list of them."""
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    for name in ("a.png", "b.png", "m.png"):
        Image.fromarray(RNG.integers(0, 256, (24, 32), np.uint8)).save(f"set/{name}")
    Path("list.csv").write_text("gt;pred;mask\na.png;b.png;m.png\n")
    return tmp_path


def test_a_report_looks_next_to_its_scores(ssimtool, here, monkeypatch):
    monkeypatch.chdir("set")
    assert ssimtool("batch", "--pairs", "../list.csv", "-m", "mse", "-o", "s.ndjson").code == 0
    monkeypatch.chdir(here)
    moved = ssimtool("report", "set/s.ndjson", "-o", "r.html")
    words = "warning: 3 image(s) are not in the folder '.', but next to set/s.ndjson"
    assert (moved.code, moved.err.count(words)) == (0, 1)
    assert "no such file" not in Path("r.html").read_text()
    assert words not in ssimtool("report", "set/s.ndjson", "-o", "r.html", "-q").err
    assert words not in ssimtool("report", "set/s.ndjson", "-o", "r.html", "--base", "set").err
    os.remove("set/a.png")
    gone = ssimtool("report", "set/s.ndjson", "-o", "r.html")
    assert "a.png: no such file" in Path("r.html").read_text()
    assert "warning: 1 image(s)" in gone.err
