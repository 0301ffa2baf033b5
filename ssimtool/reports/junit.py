"""JUnit XML, which CI systems read as the result of a test run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from xml.sax.saxutils import escape, quoteattr

from ssimtool.errors import printable
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import Failure, StatisticVerdict
from ssimtool.reports.frames import frames_lines
from ssimtool.reports.overview import Overview
from ssimtool.reports.stream import whole
from ssimtool.reports.unmatched import Side, sides_of
from ssimtool.reports.verdicts import failed_relations, relation
from ssimtool.reports.view import BatchFormat, View


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
    sides = sides_of(summary.unmatched)
    unmatched = {fails: sum(len(s.paths) for s in sides if s.fails == fails) for fails in (0, 1)}
    problem = int(summary.problem is not None)
    counts = {
        "tests": summary.pairs + len(summary.thresholds) + sum(unmatched.values()) + problem,
        "failures": summary.fail + len(failed) + unmatched[True],
        "errors": summary.error + problem,
        "skipped": unmatched[False],
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
    failed = failed_relations(record.metrics, record.thresholds, record.frames)
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
    yield from frames_lines(record)


def _statistic(verdict: StatisticVerdict, infinite: int) -> str:
    """Return the test case of a threshold on a statistic; `infinite`: pairs that the mean omits."""
    name = f"{verdict.statistic} {verdict.metric}"
    facts = [] if verdict.found is None else [(name, repr(verdict.found))]
    facts += [("infinite", str(infinite))] if infinite else []
    body = [_properties(facts)] if facts else []
    if not verdict.holds:
        body.append(_outcome("failure", "threshold", [relation(verdict, verdict.found)]))
    return _element("statistics", name, body)


def _unmatched(side: Side) -> Iterable[str]:
    """Yield a test case for each file without a partner: a failure, or skipped."""
    message = f"{side.name}: {side.reason}"
    for path in side.paths:
        skipped = f"<skipped message={_quoted(message)}/>\n"
        outcome = _outcome("failure", side.name, [message]) if side.fails else skipped
        yield _element(*_parts(path), [outcome])


def _problem(failure: Failure) -> str:
    """Return the test case of an input that cannot be read, or that holds no pair."""
    return _element("ssimtool", "batch", [_outcome("error", failure.code, [failure.message])])


def _tail(summary: Summary, bins: Sequence[Bin], view: View) -> str:
    infinite = {name: statistics.infinite for name, statistics in summary.metrics.items()}
    cases = [_statistic(v, infinite.get(v.metric, 0)) for v in summary.thresholds]
    cases += chain.from_iterable(map(_unmatched, sides_of(summary.unmatched)))
    cases += [_problem(summary.problem)] if summary.problem else []
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
