"""The samples are what their README says, and the documents say what they give."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import make_sample_images
import make_sample_vae
import numpy as np
import pytest
import torch
from pages import PAGES, README, ROOT, blocks, sessions, table
from PIL import Image
from windows import unix

from ssimtool import MSE_SSIM_KL_Loss, mse, psnr, ssim
from ssimtool.catalog import DEFINITIONS, METRICS
from ssimtool.errors import ERROR_CODES

DOCUMENTED = "\n".join((README, *PAGES.values()))
DISTORTIONS = ("mean_shift.png", "contrast.png", "salt_pepper.png", "jpeg.jpg", "blur.png")


def _load(name: str) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(ROOT / "sample_images" / name))).permute(2, 0, 1)[
        None
    ]


@pytest.mark.parametrize("name", DISTORTIONS)
def test_distortions_have_one_mse(name):
    error = mse(_load("reference.png"), _load(name), dtype=torch.float64).item()
    assert error == pytest.approx(144, rel=0.005)


def test_ssim_tells_them_apart():
    scores = [
        ssim(_load("reference.png"), _load(name), data_range=255, dtype=torch.float64).item()
        for name in DISTORTIONS
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.25


def test_the_table_of_distortions():
    rows = table("index.md", "distortions")
    assert [row[0].strip("`") for row in rows] == list(DISTORTIONS)
    for name, *figures in rows:
        x, y = _load("reference.png"), _load(name.strip("`"))
        error = mse(x, y, dtype=torch.float64).item()
        ratio = psnr(x, y, data_range=255, dtype=torch.float64).item()
        score = ssim(x, y, data_range=255, dtype=torch.float64).item()
        assert figures == [f"{error:.1f}", f"{ratio:.2f}", f"{score:.4f}"]


def test_what_the_documents_show_is_what_is_printed(process):
    plain = re.compile(r"ssimtool [^|;<]*")  # whose output is all that is shown, to the last digit
    shown = [
        (command, output)
        for page in PAGES
        for command, output in sessions(page)
        if plain.fullmatch(command) and " -f " not in command
    ]
    assert [c.split()[1] for c, _ in shown] == ["explain", "compare", "loss", "latents"]
    environment = os.environ | {"COLUMNS": "80"}  # as wide as the documents show it
    for command, output in shown:
        done = process(*shlex.split(command)[1:], cwd=ROOT, env=environment)
        assert done.out == f"{output}\n"


def test_the_documents_name_the_options_codes_and_rows(process):
    commands = (["compare"], ["explain"], ["loss"], ["latents"], ["batch"], ["report"])
    told = process("--help").out
    told += "".join(process(*name, "--help-all").out for name in commands)
    told += process("doctor", "--help").out
    others = "pip |python |bench.py |zensical |find |convert |git "
    ours = re.sub(rf"({others}).*", "", DOCUMENTED)  # whose options are not ours
    options = set(re.findall(r"(?<=[ `])--[a-z][a-z0-9-]+", ours))
    assert len(options) > 15
    for option in options:
        assert option in told, option
    codes = [row[0] for row in table("contract.md", "error-codes")]
    assert set(re.findall(r"`(\w+)`", " ".join(codes))) == set(ERROR_CODES)
    for name in (*METRICS, *DEFINITIONS):
        assert f"`{name}`" in DOCUMENTED, name
    assert all(name in process("list", "definitions").out for name in DEFINITIONS)


def test_the_set_up_is_two_commands():
    commands = re.findall(r"^pip install .*$", README, re.M)
    assert len(commands) == 2
    assert all("-c constraints.txt" in command for command in commands)


def test_the_python_of_the_readme_runs():
    (code,) = blocks("README.md", "python")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@unix
def test_the_processes_that_are_kept_open(tmp_path):
    (tmp_path / "ssimtool").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ssimtool "$@"\n')
    (tmp_path / "ssimtool").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    (code,) = (c for c in blocks("recipes.md", "python") if "Popen" in c)
    command = [sys.executable, "-c", code]
    run = {"capture_output": True, "text": True, "check": True, "env": environment}
    lines = subprocess.run(command, cwd=ROOT, **run).stdout.splitlines()
    assert [f"{name} {float(score):.4f}" for name, score in map(str.split, lines)] == [
        "contrast.png 0.9593", "blur.png 0.6618",
    ]  # fmt: skip
    (code,) = blocks("recipes.md", "bash")
    (tmp_path / "out").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / name)
        Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "out" / name)
    done = subprocess.run(["bash", "-c", code], cwd=tmp_path, **run)
    assert done.stdout == "a.png 1.0\nb.png 1.0\n"


def test_the_panel_is_what_compare_writes(ssimtool, samples, tmp_path):
    path = tmp_path / "panel.png"
    pair = samples / "reference.png", samples / "jpeg.jpg"
    ssimtool("compare", *pair, "--map", path, "--map-style", "panel")
    found = np.asarray(Image.open(path)).astype(int)
    kept = np.asarray(Image.open(samples / "panel.png"))
    # float32 maps of another machine may round to the next colour here and there
    assert (np.abs(found - kept) > 8).mean() < 0.001


def test_vae_samples(samples):
    arrays = {p.stem: np.load(p) for p in (samples / "vae").glob("*.npy")}
    assert {k: (a.shape, a.dtype.str) for k, a in arrays.items()} == {
        "recon": ((96, 1, 32, 32), "<f4"),
        "raw": ((96, 1, 32, 32), "<f4"),
        "mu": ((96, 16), "<f4"),
        "logvar": ((96, 16), "<f4"),
    }
    tensors = [torch.from_numpy(arrays[k]) for k in ("recon", "raw", "mu", "logvar")]
    parts = MSE_SSIM_KL_Loss()(*tensors)
    # it was really trained: a picture of the mean brightness has an MSE of about 0.1
    assert parts.mse < 0.01
    assert parts.ssim_loss < 0.1
    assert parts.kl > 1
    raw, _ = make_sample_vae.shapes(96, make_sample_vae.HELD_OUT_SEED)
    torch.testing.assert_close(raw, tensors[1], rtol=0, atol=1e-6)


def test_a_cvae_trains_with_the_loss():
    _, losses = make_sample_vae.train(200, pool=1024)
    first, last = np.mean(losses[:20]), np.mean(losses[-20:])
    assert np.isfinite(losses).all()
    assert last < 0.5 * first


def test_the_distortions_can_be_made_again():
    """The cheap part of the script: the shift from the reference that lies there."""
    reference = np.array(Image.open(ROOT / "sample_images" / "reference.png"))
    shifted = np.array(Image.open(ROOT / "sample_images" / "mean_shift.png"))
    np.testing.assert_array_equal(shifted, reference + 12)
    assert callable(make_sample_images.main)
