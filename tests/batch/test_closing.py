"""The lines on standard error of a batch."""

from __future__ import annotations

from ssimtool.batch.closing import PairWarnings, closing_lines, progress_line
from ssimtool.batch.tally import Scored, Tally
from ssimtool.records.batch import Unmatched
from ssimtool.records.comparison import Comparison

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


def _lines(tally, *, unmatched=LEFT, strict=False, quiet=False, has_summary=True, warnings=None):
    summary = tally.summary((), unmatched=unmatched, strict=strict, interrupted=False, elapsed=1)
    return list(
        closing_lines(
            summary,
            tally.failures,
            warnings or PairWarnings(),
            strict=strict,
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
    assert found[:5] == [
        "warning: 3 file(s) without a partner were left out",
        "warning: 2 pair(s) have warnings, the first: first\\n",
        "error: 1 of 3 pair(s) could not be compared",
        "FAIL 1",
        "1 failed, 1 error, 1 passed",
    ]
    assert len(found) == 6  # and the counts
    assert "3 pair" in found[5]


def test_quiet_leaves_errors_and_failures():
    warnings = PairWarnings(pairs=1, first="first")
    found = _lines(_tally("ok", "fail"), quiet=True, has_summary=False, warnings=warnings)
    assert found == ["FAIL 1", "1 failed, 1 passed"]
    assert _lines(_tally("ok"), unmatched=Unmatched()) == []


def test_strict_makes_an_error_of_files_without_a_partner():
    (line,) = _lines(_tally("ok"), strict=True, quiet=True)
    assert line == "error: 3 file(s) without a partner, expected none with --strict"


def test_progress():
    tally = _tally("ok", "ok", "error")
    assert progress_line(tally, 9, 2.06) == "3/9  2.1 pairs/s  mean MSE 1.0000  1 errors"
    assert progress_line(_tally("error"), None, 0) == "1  1 errors"
