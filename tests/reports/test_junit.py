"""JUnit XML, as a parser of such files reads it back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Properties, Skipped
from reports.scores import HARD_NAMES, broken, made_up, overview_of, summary_of, write_scores

from ssimtool.errors import printable
from ssimtool.records.batch import Unmatched
from ssimtool.records.verdicts import Threshold
from ssimtool.reports.formats import renderer
from ssimtool.reports.view import View

VIEW = View()


def _failing(record):
    limits = (
        Threshold("ssim", "under", 2),
        Threshold("mse", "over", -1),
        Threshold("ssim", "over", 2),
    )
    verdicts = tuple(limit.judge(record.metrics[limit.metric]) for limit in limits)
    return replace(record, status="fail", thresholds=verdicts)


def _suite(text: str):
    (suite,) = JUnitXml.fromstring(text.encode())
    return suite


def _report(records, summary):
    return _suite(renderer("junit", "report")(overview_of(records, summary), VIEW))


def test_a_batch():
    passed = replace(made_up(0), status="ok", thresholds=(), warnings=("a frame & more",))
    records = [passed, _failing(made_up(1)), replace(broken("x/a", "y/b.png"), id="seven")]
    summary = summary_of(records, Unmatched(("lone/a.png",), ("b.png",)))
    suite = _report(records, summary)
    assert suite.time == 83.4
    statistic = int(not summary.thresholds[0].holds)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (6, 1 + statistic, 1, 2)
    good, bad, error, mean, *alone = suite
    assert (good.classname, good.name) == ("rendered/shard-00", "scene-0000.png")
    assert good.result == []
    assert good.system_out == "warning: a frame & more"
    (properties,) = good.iterchildren(Properties)
    found = {p.name: p.value for p in properties}
    assert found["reference"] == "golden/shard-00/scene-0000.png"
    assert found["definition"] == "wang2004"
    assert {k: float(found[k]) for k in records[0].metrics} == records[0].metrics
    (failure,) = bad.result
    assert isinstance(failure, Failure)
    ssim, mse = records[1].metrics["ssim"], records[1].metrics["mse"]
    assert failure.message == f"ssim {ssim:.6g} < 2; mse {mse:.6g} > -1"
    assert failure.text.splitlines() == failure.message.split("; ")
    (problem,) = error.result
    assert isinstance(problem, Error)
    assert (error.classname, error.name) == ("y", "seven")
    assert (problem.type, problem.message) == ("not_found", records[2].error.message)
    assert (mean.classname, mean.name) == ("statistics", "mean ssim")
    assert bool(mean.result) == (not summary.thresholds[0].holds)
    assert [(a.classname, a.name) for a in alone] == [("lone", "a.png"), ("ssimtool", "b.png")]
    assert all(isinstance(a.result[0], Skipped) for a in alone)


def test_a_statistic_that_failed_is_a_failure():
    records = [made_up(0)]
    summary = summary_of(records)
    for holds in (True, False):
        verdict = replace(summary.thresholds[0], found=0.5, holds=holds)
        suite = _report(records, replace(summary, thresholds=(verdict,)))
        mean = list(suite)[-1]
        assert suite.failures == summary.fail + (not holds)
        told = [result.message for result in mean.result]
        assert told == ([] if holds else ["mean ssim 0.5 < 0.9"])
    unknown = replace(summary.thresholds[0], found=None, holds=False)
    suite = _report(records, replace(summary, thresholds=(unknown,)))
    assert list(suite)[-1].result[0].message == "mean ssim has no value, expected >= 0.9"


@pytest.mark.parametrize("name", [*HARD_NAMES, "\x00\x1b[31m\x7f.png", "\udcff\ufffe \x85.png"])
def test_names(name):
    record = replace(_failing(made_up(1)), distorted=f"y/{name}", warnings=(name,))
    for text in (
        renderer("junit", "compare")(record, VIEW),
        renderer("junit", "compare")(broken(f"x/{name}", f"y/{name}"), VIEW),
    ):
        (case,) = _suite(text)
        assert case.name == printable(name.rpartition("/")[2])
        assert len(case.result) == 1


@given(st.text(st.characters(codec=None, exclude_characters="/"), min_size=1))
def test_any_name_is_valid_xml(name):
    record = replace(broken(name, name), id=None)
    text = renderer("junit", "compare")(record, VIEW)
    (case,) = ET.fromstring(text.encode("utf-8")).iter("testcase")
    assert case.get("name") == printable(name)


def test_commands(ssimtool, samples, tmp_path):
    reference, distorted = samples / "reference.png", samples / "jpeg.jpg"
    done = ssimtool("compare", reference, distorted, "-f", "junit", "--fail-under", "0.99")
    assert done.code == 1
    (case,) = _suite(done.out)
    assert case.result[0].message.endswith(" < 0.99")
    listed, file = tmp_path / "list.csv", tmp_path / "r.xml"
    listed.write_text(
        f"{reference},{distorted}\n{reference},{reference}\n{reference},{tmp_path / 'none.png'}\n"
    )
    options = "--fail-under", "0.99", "--fail-under", "mean:0.999"
    done = ssimtool("batch", "--pairs", listed, "-o", file, *options)
    assert done.code == 3
    assert done.out.startswith("3 pairs: 1 ok, 1 failed, 1 with an error")
    (suite,) = JUnitXml.fromfile(str(file))
    assert (suite.tests, suite.failures, suite.errors) == (4, 2, 1)
    assert [type(case.result[0]) if case.result else None for case in suite] == [
        Failure, None, Error, Failure,
    ]  # fmt: skip


def test_the_report_command(ssimtool, tmp_path):
    records = [made_up(0), _failing(made_up(1)), _failing(made_up(2)), broken("x", "y")]
    path = write_scores(tmp_path / "s.ndjson", records, summary_of(records))
    assert ssimtool("report", path, "-o", tmp_path / "r.xml").code == 0
    (suite,) = JUnitXml.fromfile(str(tmp_path / "r.xml"))
    assert len(list(suite)) == suite.tests == 5
    assert suite.errors == 1
    assert suite.failures == 2 + (not summary_of(records).thresholds[0].holds)
