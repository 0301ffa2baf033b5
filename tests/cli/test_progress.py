"""The progress bar: on a terminal, on long work, on standard error."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from windows import unix

from ssimtool.cli.progress import progress


@pytest.mark.parametrize(("terminal", "shown"), [(False, True), (True, False)])
def test_nothing_where_it_is_not_wanted(monkeypatch, capfd, terminal, shown):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with progress(10, shown=shown) as done:
        done(5)
    assert capfd.readouterr() == ("", "")


@unix
@pytest.mark.parametrize("quiet", [False, True])
def test_a_bar_on_a_terminal(tmp_path, quiet):
    array = np.zeros((1 << 24) + 4096, np.uint8).reshape(-1, 64, 64)
    np.save(tmp_path / "x.npy", array)
    command = [sys.executable, "-m", "ssimtool", "loss", "x.npy", "x.npy", "--beta", "0"]
    import pty  # which Windows has not

    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [*command, "--alpha", "0", "-f", "value", *(["-q"] if quiet else [])],
        stdout=subprocess.PIPE,
        stderr=follower,
        cwd=tmp_path,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            seen += os.read(leader, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
    out, _ = running.communicate()
    os.close(leader)
    assert (running.returncode, out) == (0, b"0.0\n")
    assert (b"4097" in seen) != quiet  # samples done of samples in all
    assert not (quiet and seen)


@unix
@pytest.mark.parametrize("quiet", [False, True])
def test_a_batch_on_a_terminal(tmp_path, quiet):
    rng = np.random.RandomState(0)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for i in range(40):
            pixels = rng.randint(0, 256, (300, 400, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i:02}.png")
    (tmp_path / "y/07.png").write_bytes(b"")
    command = [sys.executable, "-m", "ssimtool", "batch", "x", "y", *(["-q"] if quiet else [])]
    import pty  # which Windows has not

    leader, follower = pty.openpty()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, cwd=tmp_path)
    os.close(follower)
    seen = b""
    while True:
        try:
            seen += os.read(leader, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
    out, _ = running.communicate()
    os.close(leader)
    assert running.returncode == 3
    assert out.startswith(b"40 pairs: 39 ok, 1 with an error")
    assert b"error: y/07.png: is empty" in seen
    for told in (b"/40", b"pairs/s", b"mean SSIM 0.0", b"1 errors"):
        assert (told in seen) != quiet, told
