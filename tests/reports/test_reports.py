"""What people and programs read of a record."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ssimtool.catalog import DEFINITIONS
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.loss import LossReport
from ssimtool.records.verdicts import Failure, Verdict
from ssimtool.reports.formats import renderer
from ssimtool.reports.maps import STYLES, map_png
from ssimtool.reports.rows import definition_line, depth
from ssimtool.reports.table import catalogue_text, table_text
from ssimtool.reports.view import CsvStyle, View

RECORD = Comparison(
    status="fail",
    reference="a|b.png",
    distorted="[red]c[/red].png",
    width=512,
    height=384,
    channels=3,
    sample_type="uint8",
    data_range=255,
    identical=False,
    metrics={"ssim": 0.97, "ssim_loss": 0.03, "mse": 21.4, "psnr": math.inf},
    per_channel={"ssim": (0.96, 0.97, 0.98)},
    definition=parts_of(DEFINITIONS["wang2004"]),
    colour="rgb",
    steps=("reference: grey to colour",),
    thresholds=(Verdict("ssim", "under", 0.98, False), Verdict("psnr", "under", 30, True)),
    device="cpu",
    version="0.1.0",
)
NAMES = tuple(RECORD.metrics)
VIEW = View(names=NAMES)
LOSS = LossReport(status="error", recon="r", raw="x", alpha=1, beta=1, version="0.1.0")


@pytest.mark.parametrize("width", [80, 100, 40])
def test_table_fits_its_width(width):
    text = table_text(RECORD, View(width=width))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "[red]c[/red].png" in text  # names are no markup
    assert re.search(r"SSIM +0\.970000 ", text)  # numbers are whole at any width
    assert re.search(r"SSIM loss +0\.03 ", text)
    if width >= 80:
        assert "512 x 384 pixels, 3 channels, 8-bit" in text
        assert re.search(r"SSIM +0\.970000 +- +higher", text)
        assert re.search(r"PSNR +inf +dB +higher", text)
        assert "R 0.960000   G 0.970000   B 0.980000" in text
        assert "FAIL  ssim 0.97 < 0.98" in text
        assert "pass  psnr inf >= 30" in text
        assert "step: reference: grey to colour" in text


def test_table_with_colour():
    text = table_text(RECORD, View(colour=True))
    assert "\x1b[1;31mFAIL  ssim" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [line.rstrip() for line in plain.splitlines()] == table_text(RECORD, View()).splitlines()


def test_line_of_the_definition():
    assert definition_line(RECORD) == (
        "SSIM wang2004: gaussian 11x11 sigma 1.5, valid windows; data range 255; cpu"
    )
    parts = {**parts_of(DEFINITIONS["cvae"]), "name": "custom", "k1": 0.02}
    line = definition_line(replace(RECORD, definition=parts, colour="luma"))
    assert "zero padding, k1 0.02, k2 0.03, luma;" in line
    uniform = {**parts, "window": "uniform", "sigma": None}
    assert "uniform 11x11, " in definition_line(replace(RECORD, definition=uniform))


@pytest.mark.parametrize(
    ("kind", "data_range", "words"),
    [
        ("uint8", 255, "8-bit"),
        ("uint16", 65535, "16-bit"),
        ("uint16", 4095, "12-bit"),
        ("float32", 1, "float32"),
    ],
)
def test_depth(kind, data_range, words):
    assert depth(replace(RECORD, sample_type=kind, data_range=data_range)) == words


def test_json_has_no_infinity():
    for name in ("json", "ndjson"):
        text = renderer(name, "compare")(RECORD, VIEW)
        found = json.loads(text, parse_constant=pytest.fail)
        assert found["metrics"]["psnr"] is None
        assert list(found["metrics"]) == list(NAMES)


def test_csv_has_the_same_columns_with_and_without_numbers():
    failed = Comparison(
        status="error",
        reference="two\nlines",
        distorted='a "quoted", one',
        definition=RECORD.definition,
        version="0.1.0",
        error=Failure("not_found", "no such file"),
    )
    wide = replace(VIEW, csv=CsvStyle(wide=True))
    header, row = csv.reader(io.StringIO(renderer("csv", "compare")(RECORD, wide)))
    other, broken = csv.reader(io.StringIO(renderer("csv", "compare")(failed, wide)))
    assert header == other
    assert broken[header.index("reference")] == "two\nlines"
    assert broken[header.index("distorted")] == 'a "quoted", one'
    assert broken[header.index("error.code")] == "not_found"
    assert broken[header.index("ssim")] == ""
    assert row[header.index("psnr")] == "inf"
    assert json.loads(row[header.index("thresholds")])[1]["holds"] is True


def test_markdown():
    text = renderer("markdown", "compare")(RECORD, VIEW)
    assert "a\\|b.png against \\[red\\]c\\[/red\\].png" in text
    assert "| SSIM | 0.97 | - | higher |" in text
    assert "- FAIL  ssim 0.97 < 0.98" in text
    failed = replace(LOSS, error=Failure("too_small", "x: is *small*"))
    assert renderer("markdown", "loss")(failed, VIEW) == "error `too_small`: x: is \\*small\\*\n"


def test_values_in_the_order_asked_for():
    view = View(requested=("psnr", "ssim"))
    assert renderer("value", "compare")(RECORD, view) == "inf\n0.97\n"


ROWS = [{"name": "ssim", "formula": "a | b"}, {"name": "mse", "formula": "c, d"}]


def test_catalogue():
    assert json.loads(renderer("json", "list")(ROWS, VIEW)) == ROWS
    assert list(map(json.loads, renderer("ndjson", "list")(ROWS, VIEW).splitlines())) == ROWS
    assert list(csv.DictReader(io.StringIO(renderer("csv", "list")(ROWS, VIEW)))) == ROWS
    assert renderer("value", "list")(ROWS, VIEW) == "ssim\nmse\n"
    assert renderer("markdown", "list")(ROWS, VIEW).splitlines()[2] == "| ssim | a \\| b |"
    assert catalogue_text(ROWS, View()).splitlines() == [
        "ssim", "  formula  a | b", "", "mse", "  formula  c, d",
    ]  # fmt: skip


def test_the_list_command(ssimtool, tmp_path):
    assert ssimtool("list", "metrics", "-f", "value").out.split()[0] == "ssim"
    assert "wang2004" in ssimtool("list", "definitions").out
    assert ssimtool("list", "definitions", "-f", "json", "-o", tmp_path / "d.json").out == ""
    assert json.loads((tmp_path / "d.json").read_text())[1]["name"] == "cvae"


# --- maps ---------------------------------------------------------------------------------------


def _pair(samples, data_range=255) -> Pair:
    return Pair(
        reference_path="a",
        distorted_path="b",
        reference=samples,
        distorted=samples,
        data_range=data_range,
        sample_type=str(samples.dtype),
    )


def _drawn(ssim_map, samples, style, data_range=255):
    png = map_png(ssim_map, _pair(samples, data_range), RECORD, style)
    return np.asarray(Image.open(io.BytesIO(png)))


GREY = np.full((4, 5, 1), 100, np.uint8)


def test_gray_is_a_fixed_scale():
    values = np.array([[-1, 0, 0.5, 1.0, 0.999]] * 4, np.float32)
    assert _drawn(values, GREY, "gray")[0].tolist() == [0, 0, 128, 255, 255]


def test_heat_rises_with_the_error():
    errors = np.linspace(0, 1, 5, dtype=np.float32)
    drawn = _drawn(1 - errors[None].repeat(4, axis=0), GREY, "heat").astype(int)
    luma = drawn[0] @ np.array([299, 587, 114]) / 1000
    assert (np.diff(luma) > 20).all()  # perceptual: brighter is worse, in grey as well
    assert drawn[0, 0].tolist() == [0, 0, 4]  # magma begins nearly black
    beyond = _drawn(np.full((4, 5), -1, np.float32), GREY, "heat")
    assert (beyond[0, 0] == drawn[0, -1]).all()


def test_overlay_is_clear_where_the_two_agree():
    drawn = _drawn(np.ones((4, 5), np.float32), GREY, "overlay")
    assert (drawn == 114).all()  # 100/2 + 64
    opaque = _drawn(np.zeros((4, 5), np.float32), GREY, "overlay")
    assert (opaque == _drawn(np.zeros((4, 5), np.float32), GREY, "heat")).all()


@pytest.mark.parametrize(
    ("samples", "data_range"),
    [
        (np.full((4, 5, 3), 30000, np.uint16), 65535),
        (np.full((4, 5, 1), 0.5, np.float32), 1),
        (np.full((4, 5, 4), 7, np.uint8), 255),
        (np.full((30, 2000, 3), 7, np.uint8), 255),
    ],
)
@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_of_every_kind_of_samples(samples, data_range, style):
    ssim_map = np.full(samples.shape[:2], 0.5, np.float32)
    drawn = _drawn(ssim_map, samples, style, data_range)
    if style == "panel":
        assert 3 * 256 < drawn.shape[1] < 3 * 1100
    else:
        assert drawn.shape[:2] == samples.shape[:2]
