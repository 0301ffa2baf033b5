"""Use case of `ssimtool report`: turn the scores of a batch into the data of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssimtool.batch.summary import summarise
from ssimtool.batch.tally import BINS, bins_of
from ssimtool.errors import OutputError, printable
from ssimtool.readers.files import STDIN, shown
from ssimtool.readers.lists.scores import Scores, read_scores
from ssimtool.reports.overview import Overview
from ssimtool.same_file import OwnFiles

if TYPE_CHECKING:
    from ssimtool.records.comparison import Comparison
    from ssimtool.reports.pictures import Case

# Called with the number of pictures. Yields a function that is called with each number of pictures
# done.
Watch = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class ReportRequest:
    """Scores to report, and the number of pairs to show.

    Args:
        path: NDJSON that `ssimtool batch` wrote, or `-`.
        worst: number of lowest-scoring pairs to show, and of failed pairs.
        base: folder against which relative image paths are resolved. Those that it does not hold
            are looked for next to the scores.
        replaced: existing files that the report replaces, which no image may be.
        max_bytes: reject scores and images of more bytes; 0 is no limit, None 4 GB or half the
            memory.
    """

    path: str
    worst: int
    base: Path
    replaced: tuple[str, ...] = ()
    max_bytes: int | None = None


def _ignore(count: int) -> None:
    pass


def _unheard(sentence: str) -> None:
    pass


def _unwatched(pictures: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(_ignore)


def overview_of(
    request: ReportRequest, *, watch: Watch = _unwatched, say: Callable[[str], object] = _unheard
) -> Overview:
    """Read the scores and return the data of a report.

    Args:
        request: scores to read.
        watch: context that is entered to read images, which only a page needs.
        say: called with a sentence if images are read from another folder than the base.

    Raises:
        SsimtoolError: the scores cannot be read.
        OutputError: a file to replace is an image of the scores.
    """
    scores = read_scores(request.path, max_bytes=request.max_bytes)
    comparisons = scores.comparisons
    if request.replaced:
        _check_outputs(comparisons, request)
    summary = summarise(comparisons, written=scores.summary, worst=request.worst)
    first = next(iter(summary.metrics), "")
    values = [record.metrics[first] for record in comparisons if first in record.metrics]
    return Overview(
        source=shown(request.path),
        comparisons=comparisons,
        summary=summary,
        bins=bins_of(values, BINS),
        notes=_notes(scores),
        pictures=lambda block: _pictures(comparisons, request, watch, say, block),
    )


def _check_outputs(comparisons: Sequence[Comparison], request: ReportRequest) -> None:
    own, folders = OwnFiles(request.replaced), {request.base, Path(request.path).parent}
    for record in comparisons:
        for image in filter(None, (record.reference, record.distorted, record.mask)):
            for folder in folders:
                output = own.same_as(str(folder / image))
                if output is not None:
                    raise OutputError(
                        f"cannot write {printable(output)}: it is an image of the scores, "
                        f"{printable(image)}; pass -o another file"
                    )


def _notes(scores: Scores) -> list[str]:
    notes = []
    if scores.cut:
        notes.append(
            "The last line is incomplete and was skipped: the run was killed, or is not finished."
        )
    if scores.summary is None:
        notes.append(
            "The file does not end with a summary: the numbers are computed from the records; "
            "files without a partner and thresholds on statistics are unknown."
        )
    elif scores.summary.interrupted:
        notes.append("The run was interrupted: the report covers only the pairs that it scored.")
    return notes


def _pictures(
    comparisons: Sequence[Comparison],
    request: ReportRequest,
    watch: Watch,
    say: Callable[[str], object],
    block: str,
) -> list[Case]:
    """Return pictures of the lowest-scoring pairs that fit on a page next to the block."""
    if not request.worst or not any(record.metrics for record in comparisons):
        return []  # without loading torch
    from ssimtool.batch.thumbnails import Places, cases_of, chosen
    from ssimtool.readers.images.opening import set_up_pillow
    from ssimtool.reports.page import budget_of

    set_up_pillow()
    cases: list[Case] = []
    indices = chosen(comparisons, request.worst)
    budget = budget_of(block, len(indices))
    beside = None if request.path == STDIN else Path(request.path).parent
    places = Places(request.base, beside, max_bytes=request.max_bytes)
    with watch(len(indices)) as advance:
        for case in cases_of(comparisons, indices, places=places, budget=budget):
            cases.append(case)
            advance(1)
    if places.beside:
        say(
            f"{len(places.beside)} image(s) are not in the folder {str(request.base)!r}, but next "
            f"to {shown(request.path)}, and are read there: {min(places.beside)}"
        )
    return cases
