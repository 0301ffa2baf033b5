"""Lists of pairs on the command line: --base, and spaces around names."""

from __future__ import annotations

import json
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


def test_base_of_a_list(ssimtool, here):
    done = ssimtool("batch", "--pairs", "list.csv", "--base", "set", "-m", "mse", "-f", "ndjson")
    record = json.loads(done.out.splitlines()[0])
    paths = [record[name] for name in ("reference", "distorted", "mask")]
    assert paths == [os.path.join("set", name) for name in ("a.png", "b.png", "m.png")]
    assert ssimtool("batch", "--pairs", "list.csv", "-m", "mse", "-f", "csv").code == 3
    for arguments, words in (
        (("--pairs", "list.csv", "--base", "none"), "--base none: is not a folder"),
        (("set", "set", "--base", "set"), "--base requires a list"),
    ):
        wrong = ssimtool("batch", *arguments)
        assert (wrong.code, words in wrong.err) == (2, True)


def test_maps_are_in_the_tree_of_the_list(ssimtool, here):
    Path("list.csv").write_text("a.png,b.png\n")
    done = ssimtool("batch", "--pairs", "list.csv", "--base", "set", "--maps", "maps", "-q")
    assert done.code == 0
    assert os.listdir("maps") == ["b.png"]


def test_a_name_with_a_space_is_shown_in_quotes(ssimtool, here):
    Path("list.csv").write_text("set/a.png, set/b.png\nset/a.png, none.png\n")
    done = ssimtool("batch", "--pairs", "list.csv", "-m", "mse", "-f", "ndjson")
    first, second, _ = map(json.loads, done.out.splitlines())
    assert (first["status"], first["distorted"]) == ("ok", "set/b.png")
    words = "list.csv: line 1: there is no file ' set/b.png', 'set/b.png' is compared"
    assert first["warnings"] == [words]
    assert words in done.err
    assert "error: ' none.png': no such file" in done.err
    assert second["distorted"] == " none.png"
