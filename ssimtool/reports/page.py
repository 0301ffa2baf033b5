"""A batch of comparisons as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import groupby

from jinja2 import Environment, StrictUndefined

from ssimtool.errors import printable
from ssimtool.plugins import known_metric
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.records.statistics import STATISTICS, Statistics
from ssimtool.records.verdicts import Threshold
from ssimtool.reports import charts
from ssimtool.reports.columns import columns_of, embedded
from ssimtool.reports.overview import Overview
from ssimtool.reports.pictures import Case, colour_stops
from ssimtool.reports.rows import definition_line, number_words, reason_words, title_of
from ssimtool.reports.unmatched import sides_of
from ssimtool.reports.view import View

PAGE_BYTES = 17_000_000  # for pictures and table; the rest of the page stays within 20 MB in total
CASE_BYTES = (24_000, 2_000_000)  # minimum and maximum for the pictures of one pair
LISTED = 1000  # maximum number of errors of one kind, and of unmatched files
SHOWN_SETTINGS = 4


@dataclass(frozen=True)
class MetricRow:
    """Section of the page on one metric."""

    title: str
    unit: str
    better: str
    statistics: tuple[tuple[str, str], ...]
    remark: str
    histogram: charts.Chart
    curve: charts.Chart


@dataclass(frozen=True)
class Limit:
    """A threshold in words, its result in words, and whether it passed."""

    condition: str
    result: str
    holds: bool


def rows_block(comparisons: Sequence[Comparison], summary: Summary) -> str:
    """Return the table of all pairs as the JSON block of the page."""
    return embedded(columns_of(comparisons, tuple(summary.metrics)))


def budget_of(block: str, cases: int) -> int:
    """Return the budget in bytes for the pictures of one pair, beside the block of the table."""
    left = PAGE_BYTES - len(block.encode("utf-8", "backslashreplace"))
    return min(max(left // max(cases, 1), CASE_BYTES[0]), CASE_BYTES[1])


def page_of(overview: Overview, view: View) -> str:
    """Return the page of a report, with the pictures that fit into it."""
    block = rows_block(overview.comparisons, overview.summary)
    return page_html(
        overview.source,
        overview.comparisons,
        overview.summary,
        overview.pictures(block),
        block=block,
        notes=overview.notes,
    )


def page_html(
    source: str,
    comparisons: Sequence[Comparison],
    summary: Summary,
    cases: Sequence[Case],
    *,
    block: str,
    notes: Sequence[str],
) -> str:
    """Render the page.

    Args:
        source: name of the source of the records.
        comparisons: the records, in order.
        summary: their summary.
        cases: the pairs with pictures, worst first.
        block: the result of `rows_block`.
        notes: warnings about the source.

    Returns:
        HTML that loads nothing; its content security policy forbids it.
    """
    script, style = _part("page.js"), _part("page.css")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["shown"] = printable
    page = environment.from_string(_part("page.html")).render(
        source=source,
        summary=summary,
        notes=notes,
        settings=_settings(comparisons),
        metrics=[_metric(name, comparisons, summary) for name in summary.metrics],
        limits=_limits(comparisons, summary),
        cases=[(case, embedded(asdict(case))) for case in cases],
        rows=block,
        sides=sides_of(summary.unmatched),
        errors=_errors(comparisons),
        colour_stops=colour_stops(),
        frame=charts,
        listed=LISTED,
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
    )
    return page.lstrip()  # the macros at the top leave empty lines


def _part(name: str) -> str:
    return files("ssimtool.reports").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash that identifies a script or a style in the content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _settings(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the settings of the pairs in words, with the number of pairs if they differ."""
    lines = Counter(definition_line(r) for r in comparisons if r.error is None)
    if len(lines) <= 1:
        return list(lines)
    texts = [f"{line} ({count:,} pairs)" for line, count in lines.most_common(SHOWN_SETTINGS)]
    rest = len(lines) - len(texts)
    return [*texts, *([f"and {rest} other settings"] if rest else [])]


def _metric(name: str, comparisons: Sequence[Comparison], summary: Summary) -> MetricRow:
    row = known_metric(name)
    better = row.better if row else "higher"
    values = [r.metrics[name] for r in comparisons if name in r.metrics]
    limits = [
        Threshold(verdict.metric, verdict.op, verdict.value)
        for record in comparisons
        for verdict in record.thresholds
        if verdict.metric == name and verdict.statistic is None
    ]
    return MetricRow(
        title=row.title if row else name,
        unit=row.unit if row and row.unit != "-" else "",
        better=better,
        statistics=_statistics(name, summary.metrics[name]),
        remark=reason_words(summary.metrics[name]),
        histogram=charts.histogram(values, limits),
        curve=charts.curve(values, limits, better=better),
    )


def _statistics(name: str, of_metric: Statistics) -> tuple[tuple[str, str], ...]:
    return tuple((p, number_text(name, getattr(of_metric, p), digits=5)) for p in STATISTICS)


def number_text(name: str, value: float | None, *, digits: int = 6) -> str:
    """Format a number of a metric; a similarity has a fixed number of decimals."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    return number_words(name, value, digits=digits)


def _limits(comparisons: Sequence[Comparison], summary: Summary) -> list[Limit]:
    """Return the thresholds on statistics, and those on each pair."""
    words = {"under": "at least", "over": "at most"}
    limits = [
        Limit(
            f"{v.statistic} of {title_of(v.metric)} {words[v.op]} {v.value:g}",
            number_text(v.metric, v.found),
            v.holds,
        )
        for v in summary.thresholds
    ]
    passed: Counter[tuple[str, str]] = Counter()
    checked: Counter[tuple[str, str]] = Counter()
    for verdict in (v for record in comparisons for v in record.thresholds):
        of = "each pair" if verdict.statistic is None else "the worst frame of each pair"
        key = (f"{title_of(verdict.metric)} of {of}", f"{words[verdict.op]} {verdict.value:g}")
        checked[key] += 1
        passed[key] += verdict.holds
    for (number, limit), count in checked.items():
        failing = count - passed[number, limit]
        result = f"fails for {failing:,} of {count:,} pairs" if failing else f"all {count:,} pairs"
        limits.append(Limit(f"{number} {limit}", result, not failing))
    return limits


def _errors(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Comparison]]]:
    """Return the errors grouped by code, the most frequent first."""
    broken = [r for r in comparisons if r.error is not None]
    by_code = sorted(broken, key=_code)
    groups = [(code, list(group)) for code, group in groupby(by_code, _code)]
    return sorted(groups, key=lambda group: -len(group[1]))


def _code(record: Comparison) -> str:
    return record.error.code if record.error else ""
