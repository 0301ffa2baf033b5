"""The progress bar: on a terminal, on long work, on standard error."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from terminals import errors_of
from windows import unix

from ssimtool.cli.progress import progress


@pytest.mark.parametrize(("terminal", "shown"), [(False, True), (True, False)])
def test_nothing_where_it_is_not_wanted(monkeypatch, capfd, terminal, shown):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with progress(10, shown=shown) as done:
        done(5)
    assert capfd.readouterr() == ("", "")


@unix
@pytest.mark.parametrize(("options", "columns"), [([], 0), (["-q"], 0), ([], 40)])
def test_a_bar_on_a_terminal(tmp_path, options, columns):
    array = np.zeros((1 << 24) + 4096, np.uint8).reshape(-1, 64, 64)
    np.save(tmp_path / "x.npy", array)
    command = ["loss", "x.npy", "x.npy", "--beta", "0", "--alpha", "0", "-f", "value"]
    code, out, seen = errors_of(*command, *options, cwd=tmp_path, columns=columns)
    assert (code, out) == (0, "0.0\n")
    assert ("4097" in seen) == (not options)  # samples done of samples in all
    assert not (options and seen)
    assert "…" not in seen
    assert ("━" in seen) == (not options and columns != 40)  # only numbers have room


@unix
@pytest.mark.parametrize(("options", "columns"), [([], 0), (["-q"], 0), ([], 45), ([], 200)])
def test_a_batch_on_a_terminal(tmp_path, options, columns):
    rng = np.random.RandomState(0)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for i in range(40):
            pixels = rng.randint(0, 256, (300, 400, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i:02}.png")
    (tmp_path / "y/07.png").write_bytes(b"")
    code, out, seen = errors_of("batch", "x", "y", *options, cwd=tmp_path, columns=columns)
    assert code == 3
    assert out.startswith("40 pairs: 39 ok, 1 with an error")
    # in one piece at any width: the terminal wraps it
    assert "error: y/07.png: is empty (0 bytes), expected an image; save or copy it again" in seen
    for words in ("/40", "mean SSIM 0.0", "1 errors", *(["pairs/s", "━"] if columns != 45 else [])):
        assert (words in seen) == (not options), words
    assert "…" not in seen
    assert ("━" in seen) == (not options and columns != 45)
