"""`ssimtool report`: formats, what is written where, exit codes, and what it says."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from reports.scores import HARD_NAMES, broken, made_up, scored, summary_of, write_pair, write_scores

from ssimtool.records.batch import Unmatched
from ssimtool.reports.text import ndjson_text

RECORDS = [
    *(made_up(i) for i in range(30)),
    made_up(996),
    *(broken(f"golden/{name}", f"rendered/{name}") for name in HARD_NAMES),
]
SUMMARY = summary_of(RECORDS, Unmatched(("alone.png",), ()))


@pytest.fixture
def file(tmp_path) -> Path:
    """Scores without pictures."""
    return write_scores(tmp_path / "scores.ndjson", RECORDS, SUMMARY)


def test_a_page_from_what_compare_writes(ssimtool, tmp_path, samples):
    names = ("blur.png", "jpeg.jpg", "reference.png", "none.png")
    lines = [
        ssimtool("compare", samples / "reference.png", samples / n, "-f", "ndjson").out
        for n in names
    ]
    path, page = tmp_path / "s.ndjson", tmp_path / "report.html"
    path.write_text("".join(lines))
    done = ssimtool("report", path, "-o", page)
    assert (done.code, done.out) == (0, "")
    warning, written = done.err.splitlines()
    assert warning.startswith("warning: The file does not end with a summary")
    assert written == f"4 pairs: 3 ok, 1 with an error, 1 identical; written to {page}"
    html = page.read_text()
    assert html.count('class="case"') == 3
    assert html.count("data:image/webp") == 9
    assert "none.png: no such file" in html
    assert ssimtool("report", path, "-o", page, "-q").err == ""


def test_relative_paths_start_from_base(ssimtool, tmp_path):
    write_pair(tmp_path / "images", "a.png", 1)
    record = scored(tmp_path / "images", "golden/a.png", "rendered/a.png")
    path = write_scores(tmp_path / "s.ndjson", [record], summary_of([record]))
    page = tmp_path / "r.HTML"
    assert ssimtool("report", path, "-o", page).code == 0
    assert "no such file" in page.read_text()
    done = ssimtool("report", path, "-o", page, "--base", tmp_path / "images", "-q")
    assert (done.code, done.err) == (0, "")
    assert "no such file" not in page.read_text()
    done = ssimtool("report", path, "-o", page, "--base", tmp_path / "none")
    assert done.code == 2
    assert "is not a folder" in done.err


def test_files_are_named_when_they_are_written(ssimtool, file, tmp_path):
    paths = tmp_path / "r.csv", tmp_path / "two\nlines.md"
    done = ssimtool("report", file, "-o", paths[0], "-o", paths[1])
    assert (done.code, done.out) == (0, "")
    (line,) = done.err.splitlines()
    assert line.startswith("37 pairs: ")
    assert line.endswith(f"; written to {paths[0]}, {tmp_path}/two\\nlines.md")
    assert ssimtool("report", file, "-o", paths[0], "-q").err == ""
    assert ssimtool("report", file, "-f", "csv").err == ""


def test_csv(ssimtool, file):
    done = ssimtool("report", file, "-f", "csv")
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["distorted"] for row in rows] == [r.distorted for r in RECORDS]
    assert rows[30]["psnr"] == "inf"
    for row, record in zip(rows, RECORDS, strict=True):
        found = row["ssim"]
        assert found == ("" if record.error else repr(record.metrics["ssim"]))
        assert row["error.code"] == (record.error.code if record.error else "")


def test_json(ssimtool, file):
    found = json.loads(ssimtool("report", file, "-f", "json").out)
    assert found["pairs"] == [json.loads(ndjson_text(record, ())) for record in RECORDS]
    assert found["summary"]["pairs"] == len(RECORDS)
    assert found["summary"]["unmatched"] == {
        "reference": ["alone.png"],
        "distorted": [],
        "policy": "warn",
    }


def test_markdown(ssimtool, file):
    text = ssimtool("report", file, "-f", "markdown", "--worst", 3).out
    assert "37 pairs: " in text
    assert "1 missing" in text
    assert "| SSIM | " in text
    assert text.count("| golden/") == 3
    assert "- pass  mean ssim 0." in text or "- FAIL  mean ssim 0." in text
    assert "\\<img src=x onerror=alert(2)\\>" in text
    assert "- alone.png" in text


@pytest.mark.parametrize("columns", ["80", "200"])
def test_table(ssimtool, file, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    done = ssimtool("report", file)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= int(columns)
    assert "37 pairs: " in done.out
    assert "two\\nlines\\tand tab.png" in done.out.replace("\n", "")
    assert f"{min(r.metrics['ssim'] for r in RECORDS if r.metrics):.5g}" in done.out
    assert "inf" in done.out


def test_many_errors_are_counted_in_the_table(ssimtool, tmp_path):
    records = [broken("a", f"{i}.png") for i in range(50)]
    path = write_scores(tmp_path / "s", records, summary_of(records))
    out = ssimtool("report", path).out
    assert "… and 30 more" in out
    assert ssimtool("report", path, "-f", "markdown").out.count("not\\_found") == 50


def test_formats_agree_with_the_file_name(ssimtool, file, tmp_path):
    starts = {
        "html": "<!doctype html>",
        "txt": "37 pairs: ",
        "csv": "id,reference,",
        "json": '{"pairs": ',
        "xml": "<?xml ",
    }
    for suffix, start in (*starts.items(), ("md", "37 pairs: "), ("HTM", "<!doctype html>")):
        name = f"r.{suffix}"
        path = tmp_path / name
        assert ssimtool("report", file, "-o", path, "--worst", 0).code == 0
        assert path.read_text().startswith(start)
    path = tmp_path / "r.md"
    assert ssimtool("report", file, "-o", path, "-f", "csv").code == 0
    assert path.read_text().startswith("id,reference,")
    assert ssimtool("report", file, "-f", "html", "--worst", 0).out.startswith("<!doctype html>")


def test_standard_input(process, file):
    done = process("report", "-", "-f", "csv", stdin=file.read_bytes())
    assert done.code == 0
    assert len(list(csv.reader(io.StringIO(done.out)))) == len(RECORDS) + 1


def test_an_empty_batch(ssimtool, tmp_path):
    path = write_scores(tmp_path / "s", [], summary_of([]))
    for name in ("html", "csv", "markdown", "table", "json", "junit", "github"):
        done = ssimtool("report", path, "-f", name)
        assert (done.code, done.err) == (0, "")
        assert done.out


def test_a_run_that_was_killed(ssimtool, tmp_path):
    text = "".join(ndjson_text(record, ()) for record in RECORDS)
    path = tmp_path / "s.ndjson"
    path.write_text(text[:-100])
    done = ssimtool("report", path, "-f", "json")
    assert done.code == 0
    assert "The last line is incomplete and was skipped" in done.err
    found = json.loads(done.out)
    assert len(found["pairs"]) == len(RECORDS) - 1
    assert found["summary"]["metrics"]["ssim"]["mean"] == pytest.approx(
        math.fsum(r.metrics["ssim"] for r in RECORDS if r.metrics) / 31
    )
    html = ssimtool("report", path, "-f", "html", "--worst", 0, "-q").out
    assert "The last line is incomplete and was skipped" in html


def test_a_run_that_was_interrupted(ssimtool, tmp_path):
    path = write_scores(tmp_path / "s", RECORDS, replace(SUMMARY, interrupted=True))
    done = ssimtool("report", path, "-f", "json")
    assert done.err.startswith("warning: The run was interrupted")
    assert json.loads(done.out)["summary"]["interrupted"] is True


@pytest.mark.parametrize(
    ("text", "words"),
    [("hello\n", "line 1 holds 'hello'"), ("", "has no record"), (None, "no such file")],
)
def test_what_is_no_such_file(ssimtool, tmp_path, text, words):
    path, page = tmp_path / "s.ndjson", tmp_path / "r.html"
    if text is not None:
        path.write_text(text)
    done = ssimtool("report", path, "-o", page)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: ")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not page.exists()
    assert [p.name for p in tmp_path.iterdir()] == (["s.ndjson"] if text is not None else [])


def test_debug_shows_where_an_error_comes_from(process, tmp_path):
    done = process("report", tmp_path / "none", "--debug")
    assert "Traceback" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-f", "xml"], "'xml' is not one of table, json, csv, tsv, markdown, html"),
        (["--worst", "-1"], "-1 is not 0 or more"),
        (["-f", "csv", "-o", "{file}"], ": it is also an input"),
        (["-o", "{file}/r.html"], "/r.html: not a directory"),
    ],
)
def test_wrong_command_lines(ssimtool, file, options, words):
    done = ssimtool("report", file, *(option.format(file=file) for option in options))
    assert done.code == 2
    assert words in done.err
    assert file.read_text().startswith('{"schema"')


def test_pages_are_written_whole_or_not_at_all(ssimtool, file, tmp_path):
    page = tmp_path / "deep" / "r.html"
    page.parent.mkdir()
    page.write_text("before")
    assert ssimtool("report", file, "-o", page, "--worst", 0).code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert [p.name for p in page.parent.iterdir()] == ["r.html"]
