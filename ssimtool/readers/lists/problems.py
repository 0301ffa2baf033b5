"""Lines of a list that name no pair."""

from __future__ import annotations

from ssimtool.errors import printable
from ssimtool.readers.files import shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.records.verdicts import Failure

LONGEST_TEXT = 4096  # characters of a line in its record, as many as a path may have on Linux


def no_pair(path: str, where: str, fault: str, text: str) -> PairInput:
    """Return the pair of a line that names none.

    Args:
        path: the file.
        where: the line.
        fault: what is wrong with it.
        text: what it holds.
    """
    problem = problem_of(
        path, where, fault, "reference,distorted[,id] or an object with these names"
    )
    return PairInput(reference=text.strip()[:LONGEST_TEXT], distorted="", problem=problem)


def problem_of(path: str, where: str, fault: str, expected: str) -> Failure:
    """Return the failure of a line."""
    message = (
        f"{shown(path)}: {where} {printable(fault)}, expected {expected}; correct the manifest"
    )
    return Failure("unsupported", message)
