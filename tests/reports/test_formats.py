"""The registry of output formats, and that every list of formats derives from it."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from reports.scores import broken, made_up, overview_of, summary_of

from ssimtool.catalog import METRICS
from ssimtool.readers.lists.scores import read_scores
from ssimtool.reports.formats import (
    FORMATS,
    Command,
    Format,
    batch_format,
    formats_for,
    renderer,
    suffixes_for,
)
from ssimtool.reports.stream import whole
from ssimtool.reports.view import BatchFormat, View

COMMANDS = get_args(Command)
SOLE = [
    ["compare", "a", "b"],
    ["explain", "a", "b"],
    ["loss", "a.npz"],
    ["latents", "a.npz"],
    ["list", "metrics"],
    ["list", "definitions"],
    ["batch", "a", "b"],
    ["report", "a"],
    ["doctor"],
]


def test_every_renderer_exists():
    for name, row in FORMATS.items():
        assert row.name == name
        for command in row.renderers:
            if command == "batch":
                assert isinstance(batch_format(name), BatchFormat)
            else:
                assert callable(renderer(name, command))


def test_every_command_has_a_table_first():
    for command in COMMANDS:
        assert formats_for(command)[0] == "table"


def test_a_suffix_is_of_one_format():
    suffixes = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert suffixes_for("batch")[".xml"] == "junit"
    assert ".html" not in suffixes_for("compare")
    assert suffixes_for("explain")[".jsonl"] == "ndjson"


def test_a_job_summary_is_a_format_of_the_same_commands():
    for row in FORMATS.values():
        if row.job_summary is not None:
            assert set(row.renderers) <= set(FORMATS[row.job_summary].renderers)


@pytest.mark.parametrize("arguments", SOLE)
def test_what_a_command_does_not_have_is_a_usage_error(ssimtool, arguments):
    offered = formats_for(arguments[0])
    for name in (*FORMATS, "yaml"):
        done = ssimtool(*arguments, "-f", name)
        if name in offered:
            assert done.code in (0, 3)
        else:
            assert (done.code, done.out) == (2, "")
            assert f"'{name}' is not one of {', '.join(offered)} " in done.err


@pytest.mark.parametrize("arguments", SOLE)
def test_the_help_names_what_a_command_has(ssimtool, arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = [word for word in arguments if word in (*COMMANDS, "metrics", "definitions")]
    out = ssimtool(*words, "--help").out
    told = re.search(r"--format.*?NAME +Print (.*?)\.", out)
    assert told is not None
    assert told[1] == ", ".join(formats_for(arguments[0]))


def test_the_suffix_of_an_output_chooses_its_format(ssimtool, samples, tmp_path):
    pair = samples / "reference.png", samples / "blur.png"
    for suffix, name in suffixes_for("compare").items():
        path = tmp_path / f"out{suffix}"
        assert ssimtool("compare", *pair, "-o", path).code == 0
        assert path.read_text() == ssimtool("compare", *pair, "-f", name).out
    ssimtool("compare", *pair, "-o", tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text().startswith("reference")
    ssimtool("compare", *pair, "-f", "value", "-o", tmp_path / "out.json")  # requested: it wins
    assert (tmp_path / "out.json").read_text().count("\n") == 3


@pytest.mark.parametrize("command", ["compare", "explain", "list"])
def test_a_suffix_of_a_format_that_the_command_lacks(ssimtool, tmp_path, command):
    path = tmp_path / "page.html"
    arguments = ("metrics",) if command == "list" else ("a.png", "b.png")
    done = ssimtool(command, *arguments, "-o", path)
    assert (done.code, done.out) == (2, "")
    assert f"page.html: {command} does not write html; use .txt, .json, .ndjson" in done.err
    assert not path.exists()


def test_a_renderer_of_another_command_is_refused():
    with pytest.raises(ValueError, match="'html' is not one of table, json"):
        renderer("html", "compare")
    with pytest.raises(ValueError, match="'html' is not one of"):
        batch_format("html")


def test_a_format_is_a_row(ssimtool, samples, tmp_path, monkeypatch):
    """One more row: it works where the row says, with nothing else changed."""
    monkeypatch.setitem(
        FORMATS,
        "names",
        Format(
            name="names",
            suffixes=(".names",),
            streamed=True,
            renderers={
                "compare": "text:ndjson_text",
                "batch": "stream:NDJSON",
                "report": "overview:json_of",
            },
        ),
    )
    assert formats_for("report")[-1] == "names"
    pair = samples / "reference.png", samples / "jpeg.jpg"
    assert ssimtool("list", "metrics", "-f", "names").code == 2
    listed = tmp_path / "list.csv"
    listed.write_text(f"{pair[0]},{pair[1]}\n")
    done = ssimtool("batch", "--pairs", listed, "-o", tmp_path / "x.names", "-q")
    assert done.code == 0
    assert len(read_scores(str(tmp_path / "x.names")).comparisons) == 1
    assert done.out.startswith("1 pair: 1 ok")  # the table stays where it is


def test_a_report_has_the_text_of_the_batch():
    records = [made_up(0), broken("a", "b"), made_up(1)]
    summary = summary_of(records)
    view = View(names=("ssim",))
    for name in ("json", "csv", "junit", "github"):
        text = renderer(name, "report")(overview_of(records, summary), view)
        assert text == whole(batch_format(name), records, summary, view)


def test_titles_of_the_lowest(ssimtool, samples, tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text(f"{samples / 'reference.png'},{samples / 'jpeg.jpg'}\n")
    for name, title in (("ssim", "Lowest SSIM"), ("mse", "Highest MSE")):
        out = ssimtool("batch", "--pairs", listed, "-m", name, "-q").out
        assert f"\n{title}\n" in out
        assert f"\nDistribution of {METRICS[name].title}\n" in out
