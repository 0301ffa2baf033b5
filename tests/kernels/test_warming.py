"""The kernels can be compiled ahead, and a compilation is reported once."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import ssimtool
from ssimtool.kernels import warming
from ssimtool.kernels.compiled.forward import forward

NOTE = "compiling the kernels for this processor"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_nothing_is_left_to_compile(dtype):
    for name, work in warming.compilations():
        if f" of {dtype} " in name and name.startswith(("MSE", "SSIM wang2004", "SSIM skimage")):
            work()
    compiled = list(forward.signatures)
    image = (np.arange(64 * 64 * 3) % 251).reshape(64, 64, 3).astype(dtype) / 1
    image = image.astype(dtype)
    for definition in ("wang2004", "cvae", "skimage"):
        for precision in ("single", "double"):
            ssimtool.compare(
                image,
                image[::-1].copy(),
                definition=definition,
                precision=precision,
                backend="fused",
                data_range=255,
                device="cpu",
            )
    assert list(forward.signatures) == compiled


def test_every_version_has_a_name_of_its_own():
    names = [name for name, _ in warming.compilations()]
    assert len(names) == len(set(names))
    assert "SSIM wang2004 of uint8 in single precision" in names
    assert not [name for name in names if "float64 in single" in name]


def test_the_command_says_what_it_does_and_where(command_line, monkeypatch):
    done: list[str] = []
    versions = [("one", lambda: done.append("one")), ("two", lambda: done.append("two"))]
    monkeypatch.setattr(warming, "compilations", lambda: iter(versions))
    result = command_line("warmup")
    assert (result.code, done) == (0, ["one", "two"])
    assert result.err == "compiling one\ncompiling two\n"
    assert " kernels, " in result.out
    assert command_line("warmup", "-q").err == ""


def test_without_a_folder_for_the_cache_it_is_an_error(command_line, monkeypatch):
    monkeypatch.setattr("ssimtool.scoring.environment.kernel_cache", lambda: {"folder": None})
    done = command_line("warmup")
    assert (done.code, done.out) == (2, "")
    assert "no cache folder is writable; set NUMBA_CACHE_DIR" in done.err


def test_the_first_run_says_once_that_it_compiles(tmp_path):
    """Into an empty cache: the errors alone, which compile quickest."""
    path = tmp_path / "a.png"
    Image.fromarray((np.arange(64 * 64) % 251).reshape(64, 64).astype(np.uint8)).save(path)
    command = [sys.executable, "-m", "ssimtool", "compare", path, path]
    options = ["-m", "mse", "-f", "value", "--backend", "fused", "--device", "cpu"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    errors = []
    for more in ([], [], ["-q"]):
        if more:
            environment["NUMBA_CACHE_DIR"] = str(tmp_path / "another")
        done = subprocess.run(
            [*command, *options, *more], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stdout == "0.0\n"
        errors.append(done.stderr)
    assert errors[0].startswith(NOTE)
    assert errors[0].count("\n") == 1
    assert errors[1:] == ["", ""]
