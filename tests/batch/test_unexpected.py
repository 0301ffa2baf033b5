"""Errors that nothing expects: they cost one pair, not the run, and end it with 70."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from windows import unix

import ssimtool as package
import ssimtool.scoring.pair as scoring

OPTIONS = ("-m", "mse", "-f", "ndjson")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: six pairs."""
    monkeypatch.chdir(tmp_path)
    for folder in ("x", "y"):
        Path(folder).mkdir()
        for i in range(6):
            level = 10 * i + (folder == "y") * i
            Image.fromarray(np.full((16, 16), level, np.uint8)).save(f"{folder}/{i}.png")
    return tmp_path


@pytest.fixture
def broken(monkeypatch):
    """Lets the comparison of the pairs of some images raise."""
    right = scoring.compare

    def breaks(*names: str, error: Exception | None = None) -> None:
        def compare(pair, settings, execution):
            if os.path.basename(pair.distorted_path) in names:
                raise error or KeyError("XYZ")
            return right(pair, settings=settings, execution=execution)

        monkeypatch.setattr(scoring, "compare", compare)

    return breaks


def test_it_costs_one_pair(ssimtool, here, broken):
    broken("2.png")
    done = ssimtool("batch", "x", "y", *OPTIONS)
    assert done.code == 70
    *records, summary = map(json.loads, done.out.splitlines())
    assert [r["status"] for r in records] == ["ok", "ok", "error", "ok", "ok", "ok"]
    assert [r["metrics"]["mse"] for r in records if not r["error"]] == [0, 1, 9, 16, 25]
    assert records[2]["error"] == {
        "code": "internal",
        "message": "y/2.png: cannot be compared (KeyError: 'XYZ'), which is a bug in ssimtool; "
        "please report it, with the traceback that --debug prints",
    }
    assert (summary["status"], summary["ok"], summary["error"]) == ("error", 5, 1)
    assert f"error: {records[2]['error']['message']}" in done.err.splitlines()
    assert "Traceback" not in done.err


@pytest.mark.parametrize("arguments", [("--fail-over", "mse=20"), ("--fail-under", "mean:mse=99")])
def test_its_exit_code_outranks_failures_and_other_errors(ssimtool, here, broken, arguments):
    Path("y/4.png").write_bytes(b"")
    broken("2.png")
    done = ssimtool("batch", "x", "y", *OPTIONS, *arguments)
    assert done.code == 70
    assert json.loads(done.out.splitlines()[-1])["error"] == 2


@unix
def test_ctrl_c_outranks_it(ssimtool, here, broken, monkeypatch):
    broken("0.png")
    raises = scoring.compare

    def compare(pair, settings, execution):
        if pair.distorted_path.endswith("3.png"):  # two more are left when it is seen
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
        return raises(pair, settings, execution)

    monkeypatch.setattr(scoring, "compare", compare)
    # a shell lets what it starts in the background ignore Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = ssimtool("batch", "x", "y", *OPTIONS, "--jobs", "1")
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == 130
    assert json.loads(done.out.splitlines()[0])["error"]["code"] == "internal"


def test_debug_raises_it(ssimtool, here, broken):
    broken("2.png")
    with pytest.raises(KeyError, match="XYZ"):
        ssimtool("batch", "x", "y", *OPTIONS, "--debug")


def test_a_resumed_run_tries_again(ssimtool, here, broken):
    assert ssimtool("batch", "x", "y", "-m", "mse", "-o", "whole.ndjson").code == 0
    broken("1.png", "3.png")
    assert ssimtool("batch", "x", "y", "-m", "mse", "-o", "part.ndjson").code == 70
    broken()
    assert ssimtool("batch", "x", "y", "-m", "mse", "-o", "part.ndjson", "--resume").code == 0
    whole, part = (Path(f).read_text().splitlines()[:-1] for f in ("whole.ndjson", "part.ndjson"))
    assert part == whole


def test_one_of_several_images(ssimtool, here, broken):
    broken("3.png")
    done = ssimtool("compare", "x/0.png", "y/1.png", "y/3.png", *OPTIONS)
    assert done.code == 70
    codes = [(json.loads(line)["error"] or {}).get("code") for line in done.out.splitlines()[:2]]
    assert codes == [None, "internal"]


def test_it_is_a_record_from_python_too(here, broken):
    broken("3.png", error=ZeroDivisionError())
    records = list(package.compare_many("x", "y", metrics="mse"))
    assert [r.status for r in records] == ["ok"] * 3 + ["error"] + ["ok"] * 2
    assert records[3].error is not None
    assert records[3].error.code == "internal"
    assert "(ZeroDivisionError)" in records[3].error.message


def test_what_breaks_every_pair_ends_the_run(ssimtool, here, monkeypatch):
    def decide(*_, **__):
        raise KeyError("no device")

    monkeypatch.setattr(scoring, "execution_of", decide)
    with pytest.raises(KeyError, match="no device"):
        ssimtool("batch", "x", "y", *OPTIONS)


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [(KeyError("XYZ"), 70, "a bug"), (package.SsimtoolError("truncated", "y/5.png: x"), 3, "x")],
)
def test_a_map_that_cannot_be_drawn_later_is_an_error(
    ssimtool, here, monkeypatch, error, code, word
):
    raises = iter([None] * 6 + [error] * 6)
    right = scoring.compare

    def compare(pair, settings, execution):
        failure = next(raises)
        if failure is not None:
            raise failure
        return right(pair, settings=settings, execution=execution)

    monkeypatch.setattr(scoring, "compare", compare)
    maps = ("--maps", "maps", "--maps-for", "worst", "--worst", "1")
    done = ssimtool("batch", "x", "y", *OPTIONS, *maps)
    assert done.code == code
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: no map of a pair")]
    assert word in line
    assert json.loads(done.out.splitlines()[-1])["ok"] == 6
    assert not any(Path("maps").glob("*"))
