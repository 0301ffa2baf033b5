"""Annotations and job summaries of GitHub Actions."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from reports.scores import HARD_NAMES, broken, made_up, overview_of, summary_of, write_scores

from ssimtool.job_summary import JOB_SUMMARY_BYTES, append_job_summary
from ssimtool.records.verdicts import Threshold
from ssimtool.reports.formats import renderer
from ssimtool.reports.view import View

VIEW = View()
# as the runner reads a line: the command, its properties, the message
LINE = re.compile(r"::(error|warning)( [^:]*)?::(.*)")


def _parsed(line: str) -> tuple[str, dict[str, str], str]:
    found = LINE.fullmatch(line)
    assert found is not None, line
    properties = (part.split("=", 1) for part in (found[2] or "").strip().split(","))
    return found[1], {k: unquote(v) for k, v in properties}, unquote(found[3])


def _lines(text: str) -> list[tuple[str, dict[str, str], str]]:
    return [_parsed(line) for line in text.split("\n")[:-1]]


def test_a_pair_that_passed_has_no_annotation():
    record = replace(made_up(0), thresholds=(Threshold("ssim", "under", 0).judge(0.9),))
    assert renderer("github", "compare")(record, VIEW) == ""


def test_a_pair_that_failed():
    limits = Threshold("ssim", "under", 2), Threshold("mse", "over", -1)
    record = made_up(1)
    verdicts = tuple(limit.judge(record.metrics[limit.metric]) for limit in limits)
    record = replace(record, thresholds=verdicts, warnings=("50% of it",))
    warning, ssim, mse = _lines(renderer("github", "compare")(record, VIEW))
    assert warning == (
        "warning",
        {"file": record.distorted, "title": "ssimtool warning"},
        "50% of it",
    )
    assert ssim[0] == "error"
    assert ssim[1] == {"file": record.distorted, "title": "ssimtool threshold"}
    number = f"{record.metrics['ssim']:.6g}"
    assert ssim[2] == f"ssim {number} < 2 (reference: {record.reference})"
    assert mse[2].startswith("mse ")


@pytest.mark.parametrize("name", [*HARD_NAMES, "a:b,c=d%0A.png", "x\r\n::error::y.png", "::stop"])
def test_names_are_escaped(name):
    (line,) = _lines(renderer("github", "compare")(broken("x", name), VIEW))
    kind, properties, message = line
    assert (kind, properties["file"]) == ("error", name)
    assert properties["title"] == "ssimtool error not_found"
    assert message.startswith(f"{name}: no such file")


def test_escapes_are_those_of_github():
    text = renderer("github", "compare")(broken("x", "a%b\r\nc:d,e"), VIEW)
    start = "::error file=a%25b%0D%0Ac%3Ad%2Ce,title=ssimtool error not_found::"
    assert text.startswith(f"{start}a%25b%0D%0Ac:d,e: no such file")


def test_a_report(ssimtool, tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    limit = Threshold("ssim", "under", 2)
    failed = replace(made_up(1), status="fail", thresholds=(limit.judge(0.5),))
    records = [made_up(0), failed, broken("x", "y")]
    summary = summary_of(records)
    summary = replace(summary, thresholds=(replace(summary.thresholds[0], found=0.5, holds=False),))
    text = renderer("github", "report")(overview_of(records, summary), VIEW)
    *commands, mean, counts = text.splitlines()
    assert [_parsed(line)[1]["file"] for line in commands] == [failed.distorted, "y"]
    assert _parsed(mean) == ("error", {"title": "ssimtool threshold"}, "mean ssim 0.5 < 0.9")
    assert counts.startswith("3 pairs: 1 ok, 1 failed, 1 with an error")
    path = write_scores(tmp_path / "s.ndjson", records, summary)
    done = ssimtool("report", path, "-f", "github")
    assert (done.code, done.out) == (0, text)


def test_job_summaries(ssimtool, samples, tmp_path, monkeypatch):
    job, listed = tmp_path / "job.md", tmp_path / "list.csv"
    pair = samples / "reference.png", samples / "jpeg.jpg"
    listed.write_text(f"{pair[0]},{pair[1]}\n{pair[0]},none.png\n")
    scores = write_scores(tmp_path / "s.ndjson", [made_up(0)], summary_of([made_up(0)]))
    job.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(job))
    told = "before\n"
    for arguments in (
        ["compare", *pair, "--fail-under", "0.99"],
        ["compare", pair[0], "none.png"],
        ["batch", "--pairs", listed, "--fail-under", "0.99"],
        ["report", scores],
    ):
        done = ssimtool(*arguments, "-f", "github", "-q")
        assert done.out.startswith("::") or arguments[0] == "report"
        added = job.read_text().removeprefix(told)
        assert job.read_text() == told + added
        expected = ssimtool(*arguments, "-f", "markdown", "-q").out
        if expected:
            times = re.compile(r"[\d.e-]+ s\b")  # a batch says how long it took
            assert times.sub("", added) == times.sub("", expected)
        else:  # of an error, which the other format leaves to standard error
            assert added.startswith(
                "error `not\\_found`" if "\\" in added[:12] else "error `not_found`"
            )
        told += added
    before = job.read_text()
    ssimtool("compare", *pair, "-f", "json")  # another format has none
    assert job.read_text() == before
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "")
    assert ssimtool("compare", *pair, "-f", "github").code == 0


def test_a_job_summary_that_cannot_be_written(ssimtool, samples, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/none/job.md")
    pair = samples / "reference.png", samples / "jpeg.jpg"
    done = ssimtool("compare", *pair, "-f", "github")
    assert done.code == 2
    assert done.err.startswith("error: cannot write /none/job.md: folder /none does not exist")


def test_a_job_summary_keeps_to_the_size_that_is_shown(tmp_path):
    path = tmp_path / "job.md"
    append_job_summary(str(path), "before\n")
    append_job_summary(str(path), "one line é\n" * 200_000)
    found = path.read_bytes()
    assert JOB_SUMMARY_BYTES - 12 <= len(found) <= JOB_SUMMARY_BYTES
    first, *lines = found.decode().splitlines()
    assert first == "before"
    assert lines[-2:] == ["", "The rest exceeds the size limit of a job summary."]
    assert set(lines[:-2]) == {"one line é"}
    append_job_summary(str(path), "after the limit\n")
    assert path.read_bytes() == found
