"""Tables at every width: no number is cut, and what is piped is not wrapped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminals import opened, read
from windows import unix

from ssimtool.cli.app import run

WIDTHS = (40, 59, 60, 80, 200)
RNG = np.random.RandomState(0)


@pytest.fixture
def on_terminal(monkeypatch) -> Callable[..., str]:
    """Runs a command line whose standard output is a terminal; returns what that shows."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(columns: int, *arguments: object) -> str:
        leader, follower = opened(columns)
        shown: list[str] = []
        reader = threading.Thread(target=lambda: shown.append(read(leader)))
        reader.start()
        with os.fdopen(follower, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            assert run([str(a) for a in arguments]) in (0, 1, 3)
        reader.join()
        return shown[0]

    return call


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A folder with long names: two folders of images, arrays of a VAE, and scores."""
    here = tmp_path_factory.mktemp("a_folder_whose_name_is_long_enough_to_be_folded_at_80_columns")
    for folder in ("references", "distorted"):
        (here / folder).mkdir()
        for i in range(12):
            pixels = RNG.randint(0, 256, (180 + i, 190, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(here / folder / f"the-image-number-{i:09}.png")
    (here / "distorted/the-image-number-000000003.png").write_bytes(b"")
    for name, shape in (("recon", (20, 1, 16, 16)), ("raw", (20, 1, 16, 16))):
        np.save(here / f"{name}.npy", RNG.random_sample(shape).astype(np.float32))
    for name in ("mu", "logvar"):
        np.save(here / f"{name}.npy", (RNG.randn(20, 12) * 0.03).astype(np.float32))
    return here


def _images(here: Path) -> tuple[Path, Path]:
    return here / "references", here / "distorted"


def _one(here: Path) -> tuple[Path, ...]:
    return tuple(folder / "the-image-number-000000001.png" for folder in _images(here))


METRICS = ("-m", "ssim,ssim_loss,ms_ssim,ms_ssim_loss,mse,mae,psnr")
SCORES = "scores.ndjson"
COMMANDS: dict[str, Callable[[Path], tuple[object, ...]]] = {
    "compare": lambda here: ("compare", *_one(here), *METRICS, "--fail-under", "0.123456789"),
    "batch": lambda here: ("batch", *_images(here), *METRICS, "--fail-under", "mean:psnr=12.34567"),
    "report": lambda here: ("report", here / SCORES),
    "explain": lambda here: ("explain", *_one(here)),
    "loss": lambda here: (
        "loss", *(here / f"{name}.npy" for name in ("recon", "raw", "mu", "logvar")),
        "--alpha", "0.123456",
    ),
    "latents": lambda here: ("latents", here / "mu.npy", here / "logvar.npy", "--free-bits", "0.5"),
}  # fmt: skip


@pytest.fixture
def commands(here, ssimtool) -> Callable[[str], tuple[object, ...]]:
    """The command line of each command, whose inputs exist."""
    if not (here / SCORES).exists():
        ssimtool("batch", *_images(here), *METRICS, "-o", here / SCORES, "-q")
    return lambda name: COMMANDS[name](here)


def _numbers(name: str, record: dict) -> Iterator[float]:
    """The results in the JSON of a command."""
    if name == "compare":
        yield from record["metrics"].values()
        yield from record["per_channel"]["ssim"]
        yield from record["per_channel"]["ms_ssim"]
        yield from (threshold["value"] for threshold in record["thresholds"])
        yield from (record["width"], record["height"], record["data_range"])
    elif name in ("batch", "report"):
        summary = record["summary"]
        for statistics in summary["metrics"].values():
            yield from (statistics[part] for part in ("mean", "std", "min", "max", "median", "p1",
                                                      "p5", "p95", "p99"))  # fmt: skip
        yield from (pair["value"] for pair in summary["worst"])
        yield from (summary["pairs"], summary["ok"], summary["error"])
        yield from (t[part] for t in summary["thresholds"] for part in ("value", "found"))
    elif name == "explain":
        for definition in record["definitions"]:
            yield definition["ssim"]
            yield from (one["change"] for one in definition["differs"] if one["change"] is not None)
    elif name == "loss":
        yield from (record[part] for part in ("loss", "mse", "ssim_loss", "kl", "ssim", "alpha"))
        yield from record["contributions"].values()
    else:
        yield from (record[part] for part in ("kl", "active_units", "collapsed_dimensions",
                                              "effective_dimensions", "samples"))  # fmt: skip
        yield record["free_bits"]["kl"]
        yield from record["kl_per_dimension"]
        for part in ("mu_variance", "mean", "variance"):
            yield from record["aggregate"][part]
        yield from (record["logvar_values"][part] for part in ("min", "max", "mean"))


def _spellings(value: float) -> set[str]:
    """The texts by which a table may show a number."""
    formats = (".6g", ".6f", ".4g", ".3f", ".2g", "g", "+.6f")
    return {f"{value:{form}}" for form in formats} | {repr(value)}


def _cut(name: str, record: dict, text: str) -> list[float]:
    """The numbers of a record that the text does not show whole."""
    shown = set(re.findall(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?", text))
    return [value for value in _numbers(name, record) if not _spellings(value) & shown]


@unix
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_number_is_cut_on_a_terminal(ssimtool, on_terminal, commands, name, columns):
    record = ssimtool(*commands(name), "-f", "json").record
    text = on_terminal(columns, *commands(name))
    assert max(map(len, text.splitlines())) <= columns
    assert "…" not in text
    assert not _cut(name, record, text)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_wrapped_in_a_pipe_or_a_file(ssimtool, monkeypatch, commands, tmp_path, name):
    monkeypatch.delenv("COLUMNS", raising=False)
    done = ssimtool(*commands(name))
    record = ssimtool(*commands(name), "-f", "json").record
    assert not _cut(name, record, done.out)
    monkeypatch.setenv("COLUMNS", "40")  # a file has no width
    ssimtool(*commands(name), "-o", tmp_path / "t.txt")
    for text in (done.out, (tmp_path / "t.txt").read_text()):
        assert "…" not in text
        if name in ("batch", "report"):
            names = [part for pair in record["summary"]["worst"]
                     for part in (pair["reference"], pair["distorted"])]  # fmt: skip
            header = next(line for line in text.splitlines() if " mean " in f"{line} ")
            assert len(header.split()) == 8  # one table of all metrics
        else:
            names = [str(path) for path in commands(name)[1:3]]
        assert all(path in text for path in names)


@unix
@pytest.mark.parametrize("name", ["list metrics", "list definitions"])
def test_lists(ssimtool, on_terminal, monkeypatch, name):
    rows = ssimtool(*name.split(), "-f", "json").record
    for columns in WIDTHS:
        text = on_terminal(columns, *name.split())
        assert max(map(len, text.splitlines())) <= columns
        words = " ".join(text.split())
        assert all(" ".join(row["name"].split()) in words for row in rows)
        assert "doi:10.1109/TIP.2003.819861" in words or name == "list definitions"
    monkeypatch.delenv("COLUMNS", raising=False)
    out = ssimtool(*name.split()).out
    assert all(cell in out for row in rows for cell in row.values())


def test_columns_are_obeyed_in_a_pipe(ssimtool, monkeypatch, commands):
    for columns, widest in (("40", 40), ("0", 500), ("wide", 500)):
        monkeypatch.setenv("COLUMNS", columns)
        longest = max(map(len, ssimtool(*commands("compare")).out.splitlines()))
        assert (longest <= 40) == (widest == 40)


@unix
def test_columns_are_obeyed_on_a_terminal(on_terminal, monkeypatch, commands):
    monkeypatch.setenv("COLUMNS", "50")
    text = on_terminal(200, *commands("compare"))
    assert 40 < max(map(len, text.splitlines())) <= 50


@unix
def test_a_process_on_a_narrow_terminal(commands):
    leader, follower = opened(40)
    command = [sys.executable, "-m", "ssimtool", *map(str, commands("batch")), "-q"]
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    running = subprocess.Popen(
        command, stdout=follower, stderr=subprocess.PIPE, env=env | {"NO_COLOR": "1"}
    )
    os.close(follower)
    text = read(leader)
    running.communicate()
    assert running.returncode == 3
    assert max(map(len, text.splitlines())) <= 40
    assert "…" not in text
    assert json.loads(re.findall(r" mean +([\d.]+)", text)[0]) > 0
