"""CSV and TSV of pairs: which columns, in which order, and those of the user's own list."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

SHORT = ["id", "reference", "distorted", "status", "mse", "psnr"]
ERROR = ["error.code", "error.message"]


@pytest.fixture
def pictures(tmp_path):
    for i, name in enumerate("abc"):
        noise = np.random.RandomState(i).randint(0, 256, (20, 20)).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def run(ssimtool, pictures):
    """Runs a batch of a list, and returns its header and rows."""

    def call(text, *options, name="list.csv", form="csv"):
        (pictures / name).write_text(text)
        command = ("batch", "--pairs", pictures / name, "--base", pictures, "-m", "mse,psnr", "-q")
        header, *rows = csv.reader(io.StringIO(ssimtool(*command, "-f", form, *options).out))
        return header, rows

    return call


def test_the_short_form(run):
    header, rows = run("a.png,b.png\nb.png,none.png\n")
    assert header == [*SHORT, *ERROR, "columns"]
    assert rows[0][3] == "ok"
    assert rows[0][6:] == ["", "", ""]
    assert rows[1][3:7] == ["error", "", "", "not_found"]


def test_the_columns_of_a_list_are_columns(run):
    header, rows = run("take,ref,dis,id,lens\n7,a.png,b.png,x,wide\n8,a.png,c.png,y,\n")
    assert header == [*SHORT, "take", "lens", *ERROR, "columns"]
    assert [row[0] for row in rows] == ["x", "y"]
    assert [row[6:8] for row in rows] == [["7", "wide"], ["8", ""]]


def test_a_column_with_one_of_our_names_keeps_its_values(run):
    header, rows = run("reference,distorted,mse,status,error.code\na.png,b.png,0.5,old,none\n")
    own = ["columns.mse", "columns.status", "columns.error.code"]
    assert header == [*SHORT, *own, *ERROR, "columns"]
    assert rows[0][6:9] == ["0.5", "old", "none"]
    assert float(rows[0][4]) > 1


def test_what_later_lines_have_beyond_the_first_is_kept(run):
    lines = [
        {"reference": "a.png", "distorted": "b.png", "take": 1},
        {"reference": "a.png", "distorted": "c.png", "take": 2, "lens": "wide", "iso": 100},
    ]
    header, rows = run("".join(json.dumps(line) + "\n" for line in lines), name="list.ndjson")
    assert header == [*SHORT, "take", *ERROR, "columns"]
    assert [row[6] for row in rows] == ["1", "2"]
    assert rows[0][-1] == ""
    assert json.loads(rows[1][-1]) == {"lens": "wide", "iso": "100"}


def test_a_broken_first_line_hides_no_column(run):
    header, rows = run("reference,distorted,take\nalone\na.png,b.png,7\n")
    assert header == [*SHORT, "take", *ERROR, "columns"]
    assert [row[3] for row in rows] == ["error", "ok"]
    assert [row[6] for row in rows] == ["", "7"]


def test_a_list_of_nothing_but_broken_lines(run):
    header, rows = run("reference,distorted,take\n" + "alone\n" * 1100)
    assert header == [*SHORT, *ERROR, "columns"]
    assert len(rows) == 1100
    assert {row[3] for row in rows} == {"error"}


def test_wide_has_every_field_of_the_record(ssimtool, run, pictures):
    text = "reference,distorted,take\na.png,b.png,7\n"
    header, (row,) = run(text, "--wide")
    assert header[:9] == [*SHORT, "take", *ERROR]
    assert len(set(header)) == len(header)
    found = dict(zip(header, row, strict=True))
    assert (found["definition.window_size"], found["reading.channels"]) == ("11", "rgb")
    _, (short,) = run(text)
    assert short[:-1] == row[: len(short) - 1]
    done = ssimtool("compare", pictures / "a.png", pictures / "b.png", "-f", "json")
    plain = {name.partition(".")[0] for name in header}
    assert set(done.record) - {"metrics"} <= plain


def test_report_has_the_columns_of_all_lines(ssimtool, pictures):
    lines = [
        {"reference": "a.png", "distorted": "b.png", "take": 1},
        {"reference": "a.png", "distorted": "c.png", "lens": "wide"},
    ]
    (pictures / "l.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    scores, table = pictures / "s.ndjson", pictures / "s.csv"
    list_of = ("--pairs", pictures / "l.ndjson", "--base", pictures)
    ssimtool("batch", *list_of, "-m", "mse,psnr", "-o", scores, "-o", table)
    done = ssimtool("report", scores, "-f", "csv")
    header, *rows = csv.reader(io.StringIO(done.out))
    assert header == [*SHORT, "take", "lens", *ERROR]
    assert [row[6:8] for row in rows] == [["1", ""], ["", "wide"]]
    assert [row[:6] for row in rows] == [
        row[:6] for row in csv.reader(io.StringIO(table.read_text())) if row[0] != "id"
    ]


def test_tsv_is_the_distorted_image_and_the_requested_metrics(ssimtool, pictures):
    command = ("compare", pictures / "a.png", pictures / "b.png", "-m", "psnr")
    values = ssimtool(*command, "-f", "value")
    done = ssimtool(*command, "-f", "tsv")
    assert done.out == f"{pictures / 'b.png'}\t{values.out}"
    several = ("compare", *(pictures / f"{name}.png" for name in "abc"), "-m", "psnr,ssim")
    done = ssimtool(*several, "-f", "tsv")
    records = json.loads(ssimtool(*several, "-f", "json").out)
    assert [line.split("\t") for line in done.out.splitlines()] == [
        [r["distorted"], repr(r["metrics"]["psnr"]), repr(r["metrics"]["ssim"])] for r in records
    ]
    out = pictures / "s.tsv"
    (pictures / "list.csv").write_text("a.png,b.png\na.png,none.png\n")
    ssimtool("batch", "--pairs", pictures / "list.csv", "--base", pictures, "-m", "ssim", "-o", out)
    first, second = (line.split("\t") for line in out.read_text().splitlines())
    assert float(first[1]) < 1
    assert second[1:] == ["nan"]


def test_a_name_cannot_break_a_line_of_tsv(ssimtool, pictures):
    odd = pictures / "t\tb\nc.png"
    try:
        (pictures / "b.png").rename(odd)
    except OSError:
        pytest.skip("the file system has no such names")
    done = ssimtool("compare", pictures / "a.png", odd, "-m", "ssim", "-f", "tsv")
    assert done.out.count("\n") == done.out.count("\t") == 1


@pytest.mark.parametrize("command", ["compare", "batch", "report"])
def test_wide_without_csv_is_a_usage_error(ssimtool, pictures, command):
    arguments = {
        "compare": (pictures / "a.png", pictures / "b.png"),
        "batch": (pictures, pictures),
        "report": (pictures / "none.ndjson",),
    }[command]
    done = ssimtool(command, *arguments, "--wide", "-f", "json")
    assert done.code == 2
    assert "--wide: has no effect without -f csv" in done.err
