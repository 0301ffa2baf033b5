"""`ssimtool report`: what a batch wrote, as a page, a table or a file for other programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, ended, job_summary_path, view_of
from ssimtool.cli.progress import progress
from ssimtool.errors import EXIT_OK, UnavailableError
from ssimtool.output import Reserved, append_job_summary, reserved, warn
from ssimtool.reports.formats import FORMATS, renderer, suffixes_for
from ssimtool.reports.view import View

if TYPE_CHECKING:
    from ssimtool.readers.lists.scores import Scores
    from ssimtool.records.comparison import Comparison
    from ssimtool.reports.pictures import Case

SUFFIXES = suffixes_for("report")


def _folder(value: str) -> str:
    if not os.path.isdir(value):
        raise UnavailableError(f"--base {value}: is not a folder; check the path")
    return value


def command(
    scores: Annotated[
        str,
        typer.Argument(metavar="SCORES", help="Scores that `ssimtool batch` wrote (NDJSON), or -."),
    ],
    format: Annotated[
        str | None, o.format_option("report", default=" Default: suffix of -o.")
    ] = None,
    output: o.OutputOption = None,
    worst: Annotated[
        int,
        o.output(metavar="K", min=0, help="Show the K lowest-scoring pairs, and K that failed."),
    ] = 50,
    base: Annotated[
        str,
        o.output(
            metavar="DIR",
            callback=_folder,
            show_default="current folder",
            help="Resolve relative image paths against DIR.",
        ),
    ] = ".",
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Show the scores of many pairs as a page, a table, CSV, Markdown or JSON.

    Examples:
      ssimtool report s.ndjson
      ssimtool report s.ndjson -o r.html
      ssimtool report s.ndjson -f markdown
    """
    chosen = format or SUFFIXES.get(PurePath(output or "").suffix.lower(), "table")
    targets = [output] if output is not None else []
    with reserved(targets, inputs=(scores,)) as files:
        to = files[0] if files else None
        return ended(lambda: _report(scores, chosen, worst, Path(base), quiet, to), debug=debug)


def _report(
    path: str, chosen: str, worst: int, base: Path, quiet: bool, output: Reserved | None
) -> int:
    from ssimtool.batch.summary import summarise
    from ssimtool.batch.tally import BINS, bins_of
    from ssimtool.readers.files import shown
    from ssimtool.readers.lists.scores import read_scores
    from ssimtool.reports.overview import Overview

    scores = read_scores(path)
    notes = _notes(scores)
    if not quiet:
        for note in notes:
            warn(f"warning: {note}")
    summary = summarise(scores.comparisons, said=scores.summary, worst=worst)
    first = next(iter(summary.metrics), "")
    values = [r.metrics[first] for r in scores.comparisons if first in r.metrics]
    overview = Overview(
        source=shown(path),
        comparisons=scores.comparisons,
        summary=summary,
        bins=bins_of(values, BINS),
        notes=notes,
        pictures=lambda block: _pictures(scores.comparisons, worst, base, quiet, block),
    )
    view = view_of(View(names=tuple(summary.metrics)), to_file=output is not None)
    deliver(renderer(chosen, "report")(overview, view), output)
    job, to = FORMATS[chosen].job_summary, job_summary_path(chosen)
    if job is not None and to is not None:
        append_job_summary(to, renderer(job, "report")(overview, view))
    return EXIT_OK


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
    comparisons: Sequence[Comparison], worst: int, base: Path, quiet: bool, block: str
) -> list[Case]:
    """The pictures of the pairs that score worst, small enough for a page with the block."""
    if not worst or not any(record.metrics for record in comparisons):
        return []  # torch is not needed
    from ssimtool.batch.thumbnails import cases_of, chosen
    from ssimtool.readers.images.opening import set_up_pillow
    from ssimtool.reports.page import budget_of

    set_up_pillow()
    cases: list[Case] = []
    indices = chosen(comparisons, worst)
    budget = budget_of(block, len(indices))
    with progress(len(indices), shown=not quiet) as advance:
        for case in cases_of(comparisons, indices, base=base, budget=budget):
            cases.append(case)
            advance(1)
    return cases
