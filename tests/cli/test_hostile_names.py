"""Names that a terminal would obey, that hide their end, or that are formulas to a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from windows import unix

OBEYED = "\x1b[31m\x07\x7f\x85\x9b2J"
TURNED = "\u202egnp.exe\u2066\u200f\u061c"
ENDED = "a\u2028b\u2029c"
PAIR = ("x/a.png", "x/b.png")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: two images, and a list with hostile columns."""
    monkeypatch.chdir(tmp_path)
    Path("x").mkdir()
    for i, path in enumerate(PAIR):
        Image.fromarray(np.full((16, 16), i, np.uint8)).save(path)
    return tmp_path


def _list(**columns: str) -> None:
    row = {"reference": PAIR[0], "distorted": PAIR[1]} | columns
    Path("list.ndjson").write_text(json.dumps(row) + "\n")


@pytest.mark.parametrize("form", ["json", "ndjson"])
@pytest.mark.parametrize("text", [OBEYED, TURNED, ENDED, "\udcff", "é図 😀 '\"\\"])
def test_json_holds_the_text_and_nothing_that_is_obeyed(ssimtool, here, form, text):
    _list(id=text, **{f"k{text}": text})
    out = ssimtool("batch", "--pairs", "list.ndjson", "-m", "mse", "-f", form).out
    records = json.loads(out) if form == "json" else [json.loads(out.splitlines()[0])]
    record = records["pairs"][0] if isinstance(records, dict) else records[0]
    assert (record["id"], record["columns"]) == (text, {f"k{text}": text})
    for character in OBEYED + TURNED.replace("gnp.exe", "") + ENDED.replace("abc", "") + "\udcff":
        if not character.isascii() or character < " " or character == "\x7f":
            assert character not in out
    if "図" in text:
        assert "é図 😀" in out  # what is harmless is legible


@unix
@pytest.mark.parametrize("form", ["csv", "tsv", "table", "json", "ndjson", "markdown"])
def test_a_terminal_is_not_told_what_to_do(here, form):
    import pty

    _list(id=OBEYED, column=OBEYED + TURNED)
    main, side = pty.openpty()
    command = [sys.executable, "-m", "ssimtool", "batch", "--pairs", "list.ndjson", "-m", "mse"]
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    try:
        subprocess.run([*command, "-q", "-f", form], stdout=side, env=environment, check=True)
        shown = os.read(main, 1 << 16).decode()
    finally:
        os.close(main)
        os.close(side)
    assert "b.png" in shown
    assert not set("\x1b\x07\x7f\x85\x9b\u202e\u2066") & set(shown)


FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\tx", "\rx"]


@pytest.mark.parametrize("formula", [*FORMULAS, "x=1", "", "1"])
def test_csv_for_a_spreadsheet(ssimtool, here, formula):
    _list(id=formula, column=formula, **{formula or "k": "1"})
    command = ("batch", "--pairs", "list.ndjson", "-m", "ssim,psnr", "-f", "csv")
    plain, safe = (
        next(csv.DictReader(io.StringIO(ssimtool(*command, *more).out, newline="")))
        for more in ((), ("--csv-safe",))
    )
    prefix = "'" if formula in FORMULAS else ""
    assert (plain["id"] or "", plain["column"]) == (formula, formula)
    assert (safe["id"] or "", safe["column"]) == (prefix + formula, prefix + formula)
    assert safe[prefix + (formula or "k")] == "1"
    assert float(safe["ssim"]) == float(plain["ssim"])


def test_a_number_below_zero_is_no_formula(ssimtool, here):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(noise).save(PAIR[0])
    Image.fromarray(255 - noise).save(PAIR[1])
    _list()
    for command in (("batch", "--pairs", "list.ndjson"), ("compare", *PAIR)):
        out = ssimtool(*command, "-m", "ssim", "-f", "csv", "--csv-safe").out
        (row,) = csv.DictReader(io.StringIO(out))
        assert float(row["ssim"]) < 0


def test_the_option_requires_csv(ssimtool, here):
    done = ssimtool("compare", *PAIR, "--csv-safe")
    assert (done.code, "--csv-safe" in done.err) == (2, True)


def test_a_report(ssimtool, here):
    _list(id="=1")
    ssimtool("batch", "--pairs", "list.ndjson", "-m", "mse", "-o", "s.ndjson")
    assert "'=1," in ssimtool("report", "s.ndjson", "-f", "csv", "--csv-safe").out
    assert "\n=1," in ssimtool("report", "s.ndjson", "-f", "csv").out
