"""`ssimtool report`: what a batch wrote, as a page, a table or a file for other programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import ended
from ssimtool.cli.progress import progress
from ssimtool.errors import EXIT_OK, UnavailableError
from ssimtool.output import Reserved, put, put_stdout, reserved, wants_colour, warn

if TYPE_CHECKING:
    from ssimtool.readers.lists.scores import Scores
    from ssimtool.records.batch import Summary
    from ssimtool.records.comparison import Comparison
    from ssimtool.reports.pictures import Case

FORMAT_NAMES = ("html", "csv", "markdown", "table", "json")
BY_SUFFIX = {".html": "html", ".htm": "html", ".csv": "csv", ".md": "markdown", ".json": "json"}


if TYPE_CHECKING:  # the rows of a table, as in options.shared
    FormatName = str
else:
    FormatName = Literal[FORMAT_NAMES]


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
        FormatName | None,
        o.output(
            "--format",
            "-f",
            metavar="NAME",
            help=f"Print {', '.join(FORMAT_NAMES)}. Default: by the suffix of -o.",
        ),
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
    chosen = format or BY_SUFFIX.get(PurePath(output or "").suffix.lower(), "table")
    targets = [output] if output is not None else []
    with reserved(targets, inputs=(scores,)) as files:
        to = files[0] if files else None
        return ended(lambda: _report(scores, chosen, worst, Path(base), quiet, to), debug=debug)


def _report(
    path: str, chosen: str, worst: int, base: Path, quiet: bool, output: Reserved | None
) -> int:
    from ssimtool.batch.summary import summarise
    from ssimtool.readers.lists.scores import read_scores

    scores = read_scores(path)
    notes = _notes(scores)
    if not quiet:
        for note in notes:
            warn(f"warning: {note}")
    summary = summarise(scores.comparisons, said=scores.summary, worst=worst)
    if chosen == "html":
        text = _page(path, scores.comparisons, summary, worst, base, quiet, notes)
    else:
        text = _text(chosen, scores.comparisons, summary, to_file=output is not None)
    if output is None:
        put_stdout(text)
    else:
        put(output, text.encode("utf-8", "backslashreplace"))
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


def _page(
    path: str,
    comparisons: Sequence[Comparison],
    summary: Summary,
    worst: int,
    base: Path,
    quiet: bool,
    notes: list[str],
) -> str:
    from ssimtool.readers.files import shown
    from ssimtool.reports.page import budget_of, page_html, rows_block

    block = rows_block(comparisons, summary)
    cases: list[Case] = []
    if worst and any(record.metrics for record in comparisons):  # else torch is not needed
        from ssimtool.batch.thumbnails import cases_of, chosen
        from ssimtool.readers.images.opening import set_up_pillow

        set_up_pillow()
        indices = chosen(comparisons, worst)
        budget = budget_of(block, len(indices))
        with progress(len(indices), shown=not quiet) as advance:
            for case in cases_of(comparisons, indices, base=base, budget=budget):
                cases.append(case)
                advance(1)
    return page_html(shown(path), comparisons, summary, cases, block=block, notes=notes)


def _text(
    chosen: str, comparisons: Sequence[Comparison], summary: Summary, *, to_file: bool
) -> str:
    from ssimtool.batch.tally import BINS, bins_of
    from ssimtool.reports.overview import FORMATS, table_of

    if chosen in FORMATS:
        return FORMATS[chosen](comparisons, summary)
    first = next(iter(summary.metrics), "")
    bins = bins_of([r.metrics[first] for r in comparisons if first in r.metrics], BINS)
    width = shutil.get_terminal_size((80, 24)).columns
    return table_of(comparisons, summary, bins, width=width, colour=wants_colour() and not to_file)
