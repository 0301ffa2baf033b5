"""The lines on standard error when a batch has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssimtool.batch.failures import Failures
from ssimtool.errors import printable
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.rows import counts_line


@dataclass
class PairWarnings:
    """How many pairs have warnings, and the first warning."""

    pairs: int = 0
    first: str = ""

    def add(self, record: Comparison) -> None:
        """Count a record that has warnings."""
        if record.warnings:
            self.first = self.first or record.warnings[0]
            self.pairs += 1


def closing_lines(
    summary: Summary,
    failures: Failures,
    warnings: PairWarnings,
    *,
    strict: bool,
    quiet: bool,
    has_summary: bool,
) -> Iterator[str]:
    """Yield the lines: files without a partner, warnings, errors, failures, counts.

    Args:
        summary: of the run.
        failures: thresholds that pairs failed.
        warnings: of the pairs.
        strict: whether files without a partner are an error.
        quiet: errors and failures only.
        has_summary: whether an output shows the counts.
    """
    unmatched = len(summary.unmatched.reference) + len(summary.unmatched.distorted)
    if unmatched and strict:
        yield f"error: {unmatched} file(s) without a partner, expected none with --strict"
    elif unmatched and not quiet:
        yield f"warning: {unmatched} file(s) without a partner were left out"
    if warnings.pairs and not quiet:
        first = printable(warnings.first)
        yield f"warning: {warnings.pairs} pair(s) have warnings, the first: {first}"
    if summary.error:
        yield f"error: {summary.error} of {summary.pairs} pair(s) could not be compared"
    yield from failures.lines(summary)
    if not quiet and not has_summary:
        yield counts_line(summary)
