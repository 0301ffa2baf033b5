"""`--max-bytes`: of each command, one line and exit code 3."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 50)).astype(np.uint8)).save(name)
    np.savez("z.npz", **{k: np.asfortranarray(rng.random((20, 20))) for k in ("mu", "logvar")})
    np.savez("v.npz", **{k: np.asfortranarray(rng.random((20, 20))) for k in ("recon", "raw")})
    return tmp_path


COMMANDS = {
    "compare": ["a.png", "b.png"],
    "explain": ["a.png", "b.png"],
    "latents": ["z.npz"],
    "loss": ["v.npz", "--beta", "0"],
    "report": ["scores.ndjson"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_larger_input_is_one_line(ssimtool, files, command):
    ssimtool("compare", "a.png", "b.png", "-f", "ndjson", "-o", "scores.ndjson")
    done = ssimtool(command, *COMMANDS[command], "--max-bytes", "100", "-q")
    assert done.code == 3
    assert len(done.err.splitlines()) == 1
    assert "expected at most 100; check that it is the right input" in done.err
    for size in ("1M", "0"):
        assert ssimtool(command, *COMMANDS[command], "--max-bytes", size, "-q").code == 0


def test_a_batch_continues(ssimtool, files):
    size = (files / "b.png").stat().st_size
    (files / "list.csv").write_text("a.png,b.png\na.png,large.bmp\nb.png,a.png\n")
    Image.new("RGB", (50, 40)).save("large.bmp")
    done = ssimtool(
        "batch", "--pairs", "list.csv", "--max-bytes", str(size + 100), "-f", "ndjson", "-q"
    )
    assert done.code == 3
    records = [json.loads(line) for line in done.out.splitlines()[:3]]
    assert [r["status"] for r in records] == ["ok", "error", "ok"]
    assert records[1]["error"]["code"] == "too_large"
    assert "max_bytes" not in records[0]["reading"]  # a limit changes no number


def test_a_size_that_is_none(ssimtool, files):
    done = ssimtool("compare", "a.png", "b.png", "--max-bytes", "much")
    assert done.code == 2
    assert "--max-bytes" in done.err
    assert "is not a size such as 2G or 500M" in done.err


def test_a_size_that_rounds_to_nothing_is_no_lack_of_a_limit(ssimtool, files):
    assert ssimtool("compare", "a.png", "b.png", "--max-bytes", "0.5").code == 3


def test_images_of_a_report(ssimtool, files):
    ssimtool("compare", "a.png", "b.png", "-f", "ndjson", "-o", "scores.ndjson")
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 90)).astype("u1")).save(name)
    size = (files / "a.png").stat().st_size
    assert (files / "scores.ndjson").stat().st_size < size
    for limit, shown in ((size - 1, False), (size, True)):
        (files / "page.html").unlink(missing_ok=True)
        done = ssimtool("report", "scores.ndjson", "-o", "page.html", "--max-bytes", limit, "-q")
        assert done.code == 0
        assert ("allow more with --max-bytes" in (files / "page.html").read_text()) is not shown
