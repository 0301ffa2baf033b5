"""JUnit XML, which CI systems read as the result of a test run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import StatisticVerdict
from ssimtool.reports.overview import Overview
from ssimtool.reports.stream import whole
from ssimtool.reports.verdicts import failed_relations, relation
from ssimtool.reports.view import BatchFormat, View

UNMATCHED = "no file to compare with"


def junit_text(record: Comparison, view: View) -> str:
    """Return a test suite with one test case: the pair."""
    counts = {
        "tests": 1,
        "failures": int(record.status == "fail"),
        "errors": int(record.status == "error"),
        "skipped": 0,
    }
    return f"{_head(counts, None)}{_case(record, view)}{END}"


def junit_of(overview: Overview, view: View) -> str:
    """Return the test suite of a batch that was read back."""
    return whole(JUNIT, overview.comparisons, overview.summary, view)


def _batch_head(summary: Summary | None, view: View) -> str:
    if summary is None:
        raise ValueError("summary is None: expected the counts, because JUnit XML begins with them")
    failed = [verdict for verdict in summary.thresholds if not verdict.holds]
    unmatched = len(summary.unmatched.reference) + len(summary.unmatched.distorted)
    counts = {
        "tests": summary.pairs + len(summary.thresholds) + unmatched,
        "failures": summary.fail + len(failed),
        "errors": summary.error,
        "skipped": unmatched,
    }
    return _head(counts, summary.elapsed_seconds)


def _head(counts: dict[str, int], seconds: float | None) -> str:
    time = {} if seconds is None else {"time": f"{seconds:.3f}"}
    attributes = _attributes({"name": "ssimtool", **{k: str(v) for k, v in counts.items()}, **time})
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {attributes}>\n<testsuite {attributes}>\n"
    )


END = "</testsuite>\n</testsuites>\n"


def _case(record: Comparison, view: View) -> str:
    """Return the test case of one pair: class is its folder, name is its id or file."""
    folder, name = _parts(record.distorted)
    body = [_properties(_facts(record))]
    failed = failed_relations(record.metrics, record.thresholds)
    if record.error is not None:
        body.append(_outcome("error", record.error.code, [record.error.message]))
    elif failed:
        body.append(_outcome("failure", "threshold", failed))
    if record.warnings:
        lines = "\n".join(f"warning: {_shown(warning)}" for warning in record.warnings)
        body.append(f"<system-out>{escape(lines)}</system-out>\n")
    return _element(folder, record.id or name, body)


def _facts(record: Comparison) -> Iterable[tuple[str, str]]:
    yield "reference", record.reference
    yield "distorted", record.distorted
    if record.definition is not None and "ssim" in record.metrics:
        yield "definition", str(record.definition["name"])
    for metric, value in record.metrics.items():
        yield metric, repr(value)


def _statistic(verdict: StatisticVerdict) -> str:
    """Return the test case of a threshold on a statistic of all pairs."""
    name = f"{verdict.statistic} {verdict.metric}"
    body = [] if verdict.found is None else [_properties([(name, repr(verdict.found))])]
    if not verdict.holds:
        body.append(_outcome("failure", "threshold", [relation(verdict, verdict.found)]))
    return _element("statistics", name, body)


def _unmatched(path: str) -> str:
    folder, name = _parts(path)
    return _element(folder, name, [f"<skipped message={_quoted(UNMATCHED)}/>\n"])


def _tail(summary: Summary, bins: Sequence[Bin], view: View) -> str:
    paths = (*summary.unmatched.reference, *summary.unmatched.distorted)
    cases = [*map(_statistic, summary.thresholds), *map(_unmatched, paths)]
    return "".join(cases) + END


def _parts(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder or "ssimtool", name


def _element(group: str, name: str, body: Sequence[str]) -> str:
    attributes = _attributes({"classname": group, "name": name})
    return f"<testcase {attributes}>\n{''.join(body)}</testcase>\n"


def _properties(facts: Iterable[tuple[str, str]]) -> str:
    lines = (
        f"<property {_attributes({'name': name, 'value': value})}/>\n" for name, value in facts
    )
    return f"<properties>\n{''.join(lines)}</properties>\n"


def _outcome(element: str, kind: str, messages: Sequence[str]) -> str:
    attributes = _attributes({"type": kind, "message": "; ".join(messages)})
    text = "\n".join(map(_shown, messages))
    return f"<{element} {attributes}>{escape(text)}</{element}>\n"


def _attributes(values: dict[str, str]) -> str:
    return " ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(text: str) -> str:
    return quoteattr(_shown(text))


def _shown(text: str) -> str:
    """Escape the characters that XML cannot contain: control characters and lone surrogates."""
    return printable(text)


JUNIT = BatchFormat(head=_batch_head, line=_case, tail=_tail)
