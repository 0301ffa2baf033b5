"""Scores that were read back, to what a report shows."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from reports.scores import broken, made_up, summary_of

from ssimtool.batch.report import ReportRequest, overview_of
from ssimtool.errors import SsimtoolError
from ssimtool.reports.text import ndjson_text

RECORDS = [made_up(i) for i in range(12)] + [broken("a", "b")]


def _overview(tmp_path, *records, worst=3, tail="", **options):
    path = tmp_path / "s.ndjson"
    path.write_text("".join(map(ndjson_text, records)) + tail)
    return overview_of(ReportRequest(str(path), worst, tmp_path), **options)


def test_scores(tmp_path):
    found = _overview(tmp_path, *RECORDS, summary_of(RECORDS))
    assert found.source == str(tmp_path / "s.ndjson")
    assert [r.distorted for r in found.comparisons] == [r.distorted for r in RECORDS]
    assert (found.summary.pairs, found.summary.error) == (13, 1)
    assert len(found.summary.worst) == 3
    assert sum(b.count for b in found.bins) == 12
    assert list(found.notes) == []


def test_notes(tmp_path):
    (note,) = _overview(tmp_path, *RECORDS).notes
    assert note.startswith("The file does not end with a summary: ")
    cut, none = _overview(tmp_path, *RECORDS, tail='{"schema": "ssimt').notes
    assert cut.startswith("The last line is incomplete")
    assert none == note


def test_pictures_are_watched_and_read_only_when_they_are_shown(tmp_path):
    entered, advanced = [], []

    @contextmanager
    def watch(count):
        entered.append(count)
        yield advanced.append

    found = _overview(tmp_path, *RECORDS, worst=2, watch=watch)
    assert (entered, advanced) == ([], [])
    cases = found.pictures("")
    assert entered == [len(cases)]
    assert advanced == [1] * len(cases)
    assert len(cases) >= 2
    assert list(_overview(tmp_path, *RECORDS, worst=0, watch=watch).pictures("")) == []
    assert len(entered) == 1


def test_what_cannot_be_read():
    with pytest.raises(SsimtoolError, match="no such file"):
        overview_of(ReportRequest("gone.ndjson", 0, Path()))
