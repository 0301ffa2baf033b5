"""Thresholds that pairs failed, as lines to print at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ssimtool.records.batch import Summary
from ssimtool.reports.unmatched import unmatched_counts, unmatched_failures
from ssimtool.reports.verdicts import statistic_failures

NAMED = 50  # failures of a kind to list; further ones are only counted


@dataclass
class Failures:
    """First failures in the order of the pairs, and their total number."""

    first: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, lines: Sequence[str]) -> None:
        """Count the failures of one pair."""
        self.count += len(lines)
        self.first += lines[: NAMED - len(self.first)]

    def lines(self, summary: Summary) -> list[str]:
        """Return a line for each failure and a line with the counts; none if all pairs passed."""
        if summary.problem is not None and not summary.pairs:
            return []  # the error says that nothing was compared
        of_all = statistic_failures(summary.thresholds)
        unmatched = unmatched_failures(summary)
        if not (self.count or unmatched or of_all):
            return []
        lines = [*self.first, *_more(self.count - len(self.first)), *unmatched[:NAMED]]
        return [*lines, *_more(len(unmatched) - NAMED), *of_all, _counts(summary)]


def _more(count: int) -> list[str]:
    return [f"… and {count:,} more"] if count > 0 else []


def _counts(summary: Summary) -> str:
    parts = [f"{summary.fail} failed"] if summary.fail else []
    parts += unmatched_counts(summary.unmatched, failing=True)
    if summary.error:
        parts.append(f"{summary.error} {'error' if summary.error == 1 else 'errors'}")
    return ", ".join([*parts, f"{summary.ok} passed"])
