"""The lines on standard error of a batch."""

from __future__ import annotations

from dataclasses import replace

from ssimtool.batch.causes import Causes
from ssimtool.batch.closing import PairWarnings, closing_lines, progress_line
from ssimtool.batch.failures import NAMED
from ssimtool.batch.tally import Scored, Tally
from ssimtool.records.batch import Unmatched
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import Failure

LEFT = Unmatched(reference=("a.png",), distorted=("b.png", "c.png"))


def _tally(*statuses):
    tally = Tally(metrics=("mse",), worst=0)
    for place, status in enumerate(statuses):
        failures = (f"FAIL {place}",) if status == "fail" else ()
        metrics = {} if status == "error" else {"mse": 2.0 * place}
        pair = Scored(
            id=None,
            reference="r",
            distorted="d",
            status=status,
            metrics=metrics,
            failures=failures,
        )
        tally.add(place, pair)
    return tally


def _lines(
    tally,
    *,
    unmatched=LEFT,
    problem=None,
    quiet=False,
    has_summary=True,
    warnings=None,
    errors=None,
):
    summary = tally.summary((), unmatched=unmatched, problem=problem, interrupted=False, elapsed=1)
    return list(
        closing_lines(
            summary,
            tally.failures,
            errors or Causes(),
            warnings or PairWarnings(),
            quiet=quiet,
            has_summary=has_summary,
        )
    )


def test_all_lines_in_their_order():
    warnings = PairWarnings()
    for text in ((), ("first\n",), ("second",)):
        warnings.add(
            Comparison(status="ok", reference="r", distorted="d", warnings=text, version="0")
        )
    found = _lines(_tally("ok", "fail", "error"), has_summary=False, warnings=warnings)
    assert found[:6] == [
        "warning: 1 file is missing (no distorted image); the first: a.png",
        "warning: 2 files are new (no reference); the first: b.png",
        "warning: 2 pair(s) have warnings, the first: first\\n",
        "error: 1 of 3 pair(s) could not be compared",
        "FAIL 1",
        "1 failed, 1 error, 1 passed",
    ]
    assert len(found) == 7  # and the counts
    assert found[6] == "3 pairs: 1 ok, 1 failed, 1 with an error, 1 missing, 2 new, 1 s"


def test_quiet_leaves_errors_and_failures():
    warnings = PairWarnings(pairs=1, first="first")
    found = _lines(_tally("ok", "fail"), quiet=True, has_summary=False, warnings=warnings)
    assert found == ["FAIL 1", "1 failed, 1 passed"]
    assert _lines(_tally("ok"), unmatched=Unmatched()) == []


def test_missing_files_are_failures():
    missing = "FAIL a.png  missing: no distorted image"
    new = [f"FAIL {name}.png  new: no reference" for name in "bc"]
    for policy, lines in (
        ("ignore", []),
        ("fail", [missing, "1 missing, 1 passed"]),
        ("strict", [missing, *new, "1 missing, 2 new, 1 passed"]),
    ):
        unmatched = replace(LEFT, policy=policy)
        assert _lines(_tally("ok"), unmatched=unmatched, quiet=True) == lines
    many = Unmatched(tuple(f"{i}.png" for i in range(NAMED + 2)), policy="fail")
    lines = _lines(_tally("fail"), unmatched=many)
    assert lines[0] == "FAIL 0"
    assert lines[-2:] == ["… and 2 more", "1 failed, 52 missing, 0 passed"]


def test_one_line_says_that_nothing_was_compared():
    problem = Failure("empty", "x and y: no name of one is in the other")
    unmatched = replace(LEFT, policy="strict")
    (counts,) = _lines(_tally(), unmatched=unmatched, problem=problem, has_summary=False)
    assert counts == "0 pairs: 0 ok, 1 missing, 2 new, 1 s"


def test_progress():
    tally = _tally("ok", "ok", "error")
    assert progress_line(tally, 9, 2.06, room=80) == "3/9  2.1 pairs/s  mean MSE 1.0000  1 errors"
    assert progress_line(_tally("error"), None, 0, room=80) == "1  1 errors"


def test_progress_has_whole_numbers_in_any_room():
    words = [progress_line(_tally("ok", "ok", "error"), 9, 2.06, room=room) for room in range(50)]
    assert list(dict.fromkeys(words)) == [
        "3/9",
        "3/9  1 errors",
        "3/9  mean MSE 1.0000  1 errors",
        "3/9  2.1 pairs/s  mean MSE 1.0000  1 errors",
    ]
    assert all(len(line) <= max(room, 3) for room, line in enumerate(words))
