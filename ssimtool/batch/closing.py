"""Lines on standard error during a batch and at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssimtool.batch.causes import OF_ERRORS, Causes
from ssimtool.batch.failures import Failures
from ssimtool.batch.tally import Tally
from ssimtool.errors import printable
from ssimtool.plugins import find_metric
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.rows import counts_line
from ssimtool.reports.unmatched import unmatched_warnings


def progress_line(tally: Tally, total: int | None, speed: float, *, room: int) -> str:
    """Return the progress of a run: pairs, pairs per second, the mean so far, errors.

    What does not fit into `room` columns is left out: the speed first, then the mean.
    """
    name = tally.metrics[0]
    mean = tally.mean(name)
    parts = [f"{tally.pairs}/{total}" if total is not None else f"{tally.pairs}"]
    parts += [f"{speed:.1f} pairs/s"] if speed else []
    parts += [f"mean {find_metric(name).title} {mean:.4f}"] if mean is not None else []
    parts += [f"{tally.counts['error']} errors"] if tally.counts["error"] else []
    while len(parts) > 1 and len("  ".join(parts)) > room:
        del parts[1]
    return "  ".join(parts)


@dataclass
class PairWarnings:
    """Number of pairs with warnings, and the first warning."""

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
    errors: Causes,
    warnings: PairWarnings,
    *,
    quiet: bool,
    has_summary: bool,
) -> Iterator[str]:
    """Yield the lines: files without a partner, warnings, errors, failures, counts.

    Args:
        summary: summary of the run.
        failures: thresholds that pairs failed.
        errors: errors of the pairs; the first of each cause has been printed.
        warnings: warnings about the pairs.
        quiet: whether to omit everything except errors and failures.
        has_summary: whether an output already shows the counts.
    """
    if not quiet:
        yield from (f"warning: {line}" for line in unmatched_warnings(summary))
    if warnings.pairs and not quiet:
        first = printable(warnings.first)
        yield f"warning: {warnings.pairs} pair(s) have warnings, the first: {first}"
    yield from (f"error: {line}" for line in errors.lines(OF_ERRORS))
    one_cause = [*errors.counts.values()] == [summary.error]
    if summary.error == 1 or (summary.error and not one_cause):  # else its line has the number
        yield f"error: {summary.error} of {summary.pairs} pair(s) could not be compared"
    yield from failures.lines(summary)
    if not quiet and not has_summary:
        yield counts_line(summary)
