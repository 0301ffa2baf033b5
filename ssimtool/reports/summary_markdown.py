"""The summary of a batch in Markdown."""

from __future__ import annotations

from ssimtool.records.batch import Summary
from ssimtool.records.statistics import STATISTICS
from ssimtool.reports.rows import counts_line, reason_lines, shown_number, title_of
from ssimtool.reports.text import escaped
from ssimtool.reports.unmatched import sides_of
from ssimtool.reports.verdicts import statistic_line


def summary_markdown(summary: Summary) -> str:
    """Return the summary in GitHub's Markdown."""
    problem = summary.problem
    lines = [f"error `{problem.code}`: {escaped(problem.message)}", ""] if problem else []
    lines += [counts_line(summary), "", f"| metric | {' | '.join(STATISTICS)} |"]
    lines.append("|---" + "|---:" * len(STATISTICS) + "|")
    for name, statistics in summary.metrics.items():
        numbers = (shown_number(getattr(statistics, part)) for part in STATISTICS)
        lines.append(f"| {title_of(name)} | {' | '.join(numbers)} |")
    reasons = reason_lines(summary) if summary.pairs else ()
    lines += ["", *(f"- {line}" for line in reasons)] if reasons else []
    if summary.worst:
        title = title_of(summary.worst[0].metric)
        lines += ["", f"| {title} | id | reference | distorted |", "|---:|---|---|---|"]
    for pair in summary.worst:
        names = " | ".join(map(escaped, (pair.id or "", pair.reference, pair.distorted)))
        lines.append(f"| {pair.value:.6g} | {names} |")
    for side in sides_of(summary.unmatched):
        word = f"FAIL  {side.name}" if side.fails else side.name.capitalize()
        lines += ["", f"{word} ({side.reason}):", ""] if side.paths else []
        lines += [f"- {escaped(path)}" for path in side.paths]
    lines += [""] if summary.thresholds else []
    lines += [f"- {statistic_line(verdict)}" for verdict in summary.thresholds]
    return "\n".join(lines) + "\n"
