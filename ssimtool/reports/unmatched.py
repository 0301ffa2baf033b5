"""Files without a partner in words, for tables, CI jobs and standard error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssimtool.errors import printable
from ssimtool.records.batch import MISSING_FAIL, NEW_FAIL, Summary, Unmatched


@dataclass(frozen=True)
class Side:
    """Files of one folder that have no partner in the other.

    Args:
        name: `missing` or `new`.
        reason: what each file lacks.
        paths: the files.
        fails: whether they fail the run.
    """

    name: str
    reason: str
    paths: tuple[str, ...]
    fails: bool


def sides_of(unmatched: Unmatched) -> tuple[Side, Side]:
    """Return the missing files (a reference without a distorted image) and the new ones."""
    missing, new = unmatched.reference, unmatched.distorted
    return (
        Side("missing", "no distorted image", missing, unmatched.policy in MISSING_FAIL),
        Side("new", "no reference", new, unmatched.policy in NEW_FAIL),
    )


def unmatched_failures(summary: Summary) -> list[str]:
    """Return a line for each file without a partner that fails the run.

    There is none if nothing was compared: the error of the run says so in one line.
    """
    if summary.problem is not None:
        return []
    return [
        f"FAIL {printable(path)}  {side.name}: {side.reason}"
        for side in sides_of(summary.unmatched)
        if side.fails
        for path in side.paths
    ]


def unmatched_warnings(summary: Summary) -> Iterator[str]:
    """Yield a line for each side whose files are left out and do not fail the run."""
    if summary.problem is not None or summary.unmatched.policy == "ignore":
        return
    for side in sides_of(summary.unmatched):
        if side.paths and not side.fails:
            files = "1 file is" if len(side.paths) == 1 else f"{len(side.paths)} files are"
            yield f"{files} {side.name} ({side.reason}); the first: {printable(side.paths[0])}"


def unmatched_counts(unmatched: Unmatched, *, failing: bool = False) -> list[str]:
    """Return the number of files of each side that has any, or only of those that fail the run."""
    sides = [s for s in sides_of(unmatched) if s.paths and (s.fails or not failing)]
    return [f"{len(s.paths)} {s.name}" for s in sides]
