"""The summary of many pairs as people and programs read it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest

from ssimtool.records.batch import Bin, Summary, Unmatched, Worst
from ssimtool.records.comparison import Comparison
from ssimtool.records.statistics import Statistics
from ssimtool.records.verdicts import Failure, StatisticVerdict
from ssimtool.reports.formats import FORMATS, batch_format, formats_for, suffixes_for
from ssimtool.reports.summary import summary_table
from ssimtool.reports.summary_markdown import summary_markdown
from ssimtool.reports.view import View

STATISTICS = Statistics(0.97, 0.01, 0.5, 1, 0.98, 0.6, 0.7, 0.99, 0.995)
SUMMARY = Summary(
    status="error",
    pairs=12,
    ok=9,
    fail=2,
    error=1,
    identical=2,
    unmatched=Unmatched(reference=tuple(f"x/{i}|[red].png" for i in range(13))),
    metrics={
        "ssim": STATISTICS,
        "psnr": Statistics(
            30.5,
            4,
            20,
            math.inf,
            30,
            20.5,
            21,
            math.inf,
            math.inf,
            infinite=2,
            reasons={"max": "infinite for 2 of 11 pairs"},
        ),
    },
    worst=(
        Worst("one", "x/<b>.png", "y/<b>.png", "ssim", 0.5),
        Worst(None, "x/two\nlines.png", "y/[red]2[/red].png", "ssim", 0.7),
    ),
    thresholds=(StatisticVerdict("mean", "ssim", "under", 0.98, 0.97, False),),
    interrupted=True,
    elapsed_seconds=1.5,
    version="0.1.0",
)
BINS = (Bin(0.5, 0.75, 1), Bin(0.75, 1, 1000))
RECORD = Comparison(
    status="ok", reference="a", distorted="b", metrics={"ssim": 1.0, "psnr": math.inf}, version="0"
)
FAILED = Comparison(
    status="error", reference="a", distorted="b", version="0", error=Failure("not_found", "b: no")
)


@pytest.mark.parametrize("width", [80, 120, 40])
def test_table(width):
    text = summary_table(SUMMARY, BINS, width=width, colour=False)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    joined = " ".join(text.split())
    assert "12 pairs: 9 ok, 2 failed, 1 with an error, 2 identical" in joined
    assert "13 missing, 1.5 s; interrupted" in joined
    assert "Missing (no distorted image): 13" in joined
    assert re.search(r"mean +0\.97 +30\.5\n", text)
    assert re.search(r"max +1 +inf\n", text)
    assert "PSNR: infinite for 2 of 11 pairs; mean and std of the others" in joined
    assert "y/[red]2[/red].png" in text  # names are no markup
    assert "x/two\\nlines.png" in text
    assert "x/0|[red].png" in text
    assert "and 3 more" in text
    assert "FAIL  mean ssim 0.97 < 0.98\n" in text
    bars = [line for line in text.splitlines() if "█" in line or "▏" in line]
    assert [line.rstrip("▏▎▍▌▋▊▉█ ").split()[-1] for line in bars] == ["1", "1000"]


@pytest.mark.parametrize("width", [25, 40, 60, 80])
def test_no_number_is_cut_where_metrics_are_many(width):
    names = ("ssim", "ssim_loss", "ms_ssim", "mse", "psnr", "later_metric")
    summary = replace(SUMMARY, metrics=dict.fromkeys(names, STATISTICS))
    text = summary_table(summary, (), width=width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    statistics = text.partition("Lowest")[0]
    assert "…" not in statistics
    shown = [line.split()[1:] for line in statistics.splitlines() if line.startswith(" p99 ")]
    assert [number for line in shown for number in line] == ["0.995"] * len(names)
    assert len(shown) == {25: 5, 40: 2, 60: 2, 80: 1}[width]


def test_table_with_colour_says_the_same():
    text = summary_table(SUMMARY, BINS, width=80, colour=True)
    assert "\x1b[1;31mFAIL  mean" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert [line.rstrip() for line in plain.splitlines()] == summary_table(
        SUMMARY, BINS, width=80, colour=False
    ).splitlines()


def test_table_of_nothing():
    nothing = Statistics(*[None] * 9)
    summary = Summary(
        status="ok", pairs=0, ok=0, fail=0, error=0, metrics={"ssim": nothing}, elapsed_seconds=0,
        version="0",
    )  # fmt: skip
    assert summary_table(summary, (), width=80, colour=False) == "0 pairs: 0 ok, 0 s\n"
    assert summary_markdown(summary).startswith("0 pairs: 0 ok, 0 s\n")


def test_markdown():
    text = summary_markdown(SUMMARY)
    assert "| SSIM | 0.97 | 0.01 | 0.5 | 0.6 | 0.7 | 0.98 | 0.99 | 0.995 | 1 |" in text
    assert "| PSNR | 30.5 | 4 | 20 |" in text
    assert "- PSNR: infinite for 2 of 11 pairs; mean and std of the others\n" in text
    assert "| 0.5 | one | x/\\<b\\>.png | y/\\<b\\>.png |" in text
    assert "- x/12\\|\\[red\\].png" in text
    assert "- FAIL  mean ssim 0.97 < 0.98" in text
    for line in text.splitlines():
        if line.startswith("| SSIM | 0") or line.startswith("|---|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 11


def test_streams():
    names = ("ssim", "psnr")
    view = View(names=names, requested=names)
    streams = [name for name in formats_for("batch") if FORMATS[name].streamed]
    assert streams == ["json", "ndjson", "csv", "tsv", "value", "github"]
    for name in streams:
        form = batch_format(name)
        lines = form.head(None, view) + form.line(RECORD, view) + form.between
        lines += form.line(FAILED, view) + (form.tail(SUMMARY, (), view) if form.tail else "")
        if name == "json":
            found = json.loads(lines)
            assert [r["status"] for r in found["pairs"]] == ["ok", "error"]
            psnr = found["summary"]["metrics"]["psnr"]
            assert (psnr["max"], psnr["infinite"]) == (None, 2)
            assert psnr["reasons"]["max"] == "infinite for 2 of 11 pairs"
        if name == "ndjson":
            records = [json.loads(line) for line in lines.splitlines()]
            assert [r["schema"] for r in records] == [
                "ssimtool.comparison/1", "ssimtool.comparison/1", "ssimtool.batch.summary/1",
            ]  # fmt: skip
        if name == "value":
            assert lines == "1.0 inf\nnan nan\n"
        if name == "tsv":
            assert [line.split("\t")[1:] for line in lines.splitlines()] == [
                ["1.0", "inf"], ["nan", "nan"],
            ]  # fmt: skip
        if name == "csv":
            assert len({line.count(",") for line in lines.splitlines()}) == 1
    assert set(suffixes_for("batch").values()) == {
        *("table", "json", "ndjson", "csv", "tsv", "markdown", "html", "junit")
    }
