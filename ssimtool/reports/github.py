"""Workflow commands of GitHub Actions: failures as annotations of files.

Syntax and escapes: https://docs.github.com/actions/reference/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.overview import Overview
from ssimtool.reports.rows import counts_line
from ssimtool.reports.stream import whole
from ssimtool.reports.unmatched import sides_of
from ssimtool.reports.verdicts import failed_relations, relation
from ssimtool.reports.view import BatchFormat, View

MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**MESSAGE, ":": "%3A", ",": "%2C"}


def github_text(record: Comparison, view: View) -> str:
    """Return an annotation for each failed threshold, for an error, and for each warning.

    The text is empty if there are none.
    """
    path = record.distorted
    lines = [_command("warning", "ssimtool warning", text, path) for text in record.warnings]
    if record.error is not None:
        title = f"ssimtool error {record.error.code}"
        lines.append(_command("error", title, record.error.message, path))
    for text in failed_relations(record.metrics, record.thresholds, record.frames):
        message = f"{text} (reference: {record.reference})"
        lines.append(_command("error", "ssimtool threshold", message, path))
    return "".join(lines)


def github_of(overview: Overview, view: View) -> str:
    """Return the annotations of a batch that was read back."""
    return whole(GITHUB, overview.comparisons, overview.summary, view)


def _tail(summary: Summary, bins: Sequence[Bin], view: View) -> str:
    lines = [
        _command("error", "ssimtool threshold", relation(verdict, verdict.found))
        for verdict in summary.thresholds
        if not verdict.holds
    ]
    lines += _unmatched(summary)
    if summary.problem is not None:
        title = f"ssimtool error {summary.problem.code}"
        lines.append(_command("error", title, summary.problem.message))
    return "".join(lines) + counts_line(summary) + "\n"


def _unmatched(summary: Summary) -> Iterator[str]:
    """Yield an annotation for each file without a partner."""
    if summary.unmatched.policy == "ignore" or summary.problem is not None:
        return
    for side in sides_of(summary.unmatched):
        kind = "error" if side.fails else "warning"
        for path in side.paths:
            yield _command(kind, f"ssimtool {side.name}", side.reason, path)


def _command(kind: str, title: str, message: str, path: str | None = None) -> str:
    file = "" if path is None else f"file={_escaped(path, PROPERTY)},"
    return f"::{kind} {file}title={_escaped(title, PROPERTY)}::{_escaped(message, MESSAGE)}\n"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    """Escape text so that it cannot end the command or one of its properties.

    >>> _escaped("50%, a:b", PROPERTY)
    '50%25%2C a%3Ab'
    """
    return "".join(escapes.get(c, c) for c in text)


GITHUB = BatchFormat(line=github_text, tail=_tail)
