"""Scores that were read back, to what a report shows: the use case of `ssimtool report`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssimtool.batch.summary import summarise
from ssimtool.batch.tally import BINS, bins_of
from ssimtool.readers.files import shown
from ssimtool.readers.lists.scores import Scores, read_scores
from ssimtool.reports.overview import Overview

if TYPE_CHECKING:
    from ssimtool.records.comparison import Comparison
    from ssimtool.reports.pictures import Case

# Called with the number of pictures; what it yields is called with how many more are done.
Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class ReportRequest:
    """Which scores, and how much of them is shown.

    Args:
        path: NDJSON that `ssimtool batch` wrote, or `-`.
        worst: how many of the lowest-scoring pairs, and of those that failed.
        base: folder that relative paths of images are resolved against.
    """

    path: str
    worst: int
    base: Path


def _ignore(count: int) -> None:
    pass


def _unwatched(pictures: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(_ignore)


def overview_of(request: ReportRequest, *, watch: Watch = _unwatched) -> Overview:
    """Read the scores and return what a report shows.

    Args:
        request: which scores.
        watch: is entered when images are read, which only a page does.

    Raises:
        SsimtoolError: the scores cannot be read.
    """
    scores = read_scores(request.path)
    comparisons = scores.comparisons
    summary = summarise(comparisons, said=scores.summary, worst=request.worst)
    first = next(iter(summary.metrics), "")
    values = [record.metrics[first] for record in comparisons if first in record.metrics]
    return Overview(
        source=shown(request.path),
        comparisons=comparisons,
        summary=summary,
        bins=bins_of(values, BINS),
        notes=_notes(scores),
        pictures=lambda block: _pictures(comparisons, request, watch, block),
    )


def _notes(scores: Scores) -> list[str]:
    notes = []
    if scores.cut:
        notes.append("The last line is cut off and left out: the run was killed, or goes on.")
    if scores.summary is None:
        notes.append(
            "No summary of all the pairs stands at the end: the numbers are computed from the "
            "records; files without a partner and thresholds on statistics are not known."
        )
    elif scores.summary.interrupted:
        notes.append("The run was interrupted: these are the pairs that it came to.")
    return notes


def _pictures(
    comparisons: Sequence[Comparison], request: ReportRequest, watch: Watch, block: str
) -> list[Case]:
    """The pictures of the pairs that score worst, small enough for a page with the block."""
    if not request.worst or not any(record.metrics for record in comparisons):
        return []  # torch is not needed
    from ssimtool.batch.thumbnails import cases_of, chosen
    from ssimtool.readers.images.opening import set_up_pillow
    from ssimtool.reports.page import budget_of

    set_up_pillow()
    cases: list[Case] = []
    indices = chosen(comparisons, request.worst)
    budget = budget_of(block, len(indices))
    with watch(len(indices)) as advance:
        for case in cases_of(comparisons, indices, base=request.base, budget=budget):
            cases.append(case)
            advance(1)
    return cases
