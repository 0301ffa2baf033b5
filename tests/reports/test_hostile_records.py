"""Pages of records from other people. The result is a page, or one line of error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REFUSED = [
    ("definition.border", "x"), ("definition.downsample", -1), ("definition.window_size", 10**9),
    ("definition.sigma", 1e300), ("definition.k1", -1), ("definition.covariance", "y"),
    ("scales", 10**6), ("scales", 0), ("data_range", 1e308), ("width", 0.5),
]  # fmt: skip
DRAWN = [
    ("definition.downsample", 10**6), ("definition.window_size", 4095), ("width", 10**9),
    ("height", -5), ("reading.data_range", 1e308), ("reading.data_range", "x"),
    ("reading.data_range", -1), ("reading.layout", 7), ("reading.frame", 10**12),
    ("reading.frame", "x"), ("reading.background", [1, 2]),
    ("reading.background", [1, 2, 10**9]), ("reading.value_range", [1]),
    ("reading.value_range", [5, 5]), ("reading.resize", "yes"), ("reading.channels", ["a"]),
    ("regions", [[0, 0, 10**15, 10**15]]), ("mask", "/dev/zero"), ("mask", "x\0y"),
    ("mask", "\ud800"), ("reference", "/dev/zero"), ("reference", "\ud800"), ("reference", ""),
    ("distorted", "a\0b"), ("distorted", "x" * 5000), ("distorted", "."),
    ("frames", {"count": 10**9, "identical": 0, "worst": {"ssim": {"value": 1, "frame": 10**9}}}),
    ("metrics", {"ssim": 1e299}), ("metrics", {"x" * 100_000: 1}),
]  # fmt: skip


@pytest.fixture
def record(ssimtool, tmp_path, monkeypatch):
    """Writes a record of a batch with one field changed."""
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.full((16, 16), 40 * i, np.uint8)).save(name)
    Path("list").write_text("a.png,b.png\n")
    assert ssimtool("batch", "--pairs", "list", "-o", "s.ndjson", "-q").code == 0
    row = json.loads(Path("s.ndjson").read_text().splitlines()[0])

    def change(name: str, value: object) -> None:
        changed = json.loads(json.dumps(row))
        outer, _, inner = name.partition(".")
        if inner:
            changed[outer][inner] = value
        else:
            changed[outer] = value
        Path("hostile.ndjson").write_text(json.dumps(changed) + "\n")

    return change


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_value_that_no_option_takes(ssimtool, record, name, value):
    record(name, value)
    done = ssimtool("report", "hostile.ndjson", "-o", "page.html")
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert "line 1 holds" in line
    assert name.partition(".")[0] in line
    assert not Path("page.html").exists()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "value"), DRAWN, ids=lambda value: str(value)[:30])
def test_a_pair_that_cannot_be_drawn_is_on_the_page(ssimtool, record, name, value):
    record(name, value)
    done = ssimtool("report", "hostile.ndjson", "-o", "page.html", "-q")
    assert (done.code, done.err) == (0, "")
    assert Path("page.html").read_text().startswith("<!doctype html>")
