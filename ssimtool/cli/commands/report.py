"""`ssimtool report`: show the scores of a batch as a page, a table or a file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, ended, job_summary_path, view_of
from ssimtool.cli.progress import progress
from ssimtool.errors import EXIT_OK, UnavailableError
from ssimtool.output import Reserved, append_job_summary, reserved, warn
from ssimtool.reports.formats import FORMATS, format_of_output, renderer
from ssimtool.reports.view import View


def _folder(value: str) -> str:
    if not os.path.isdir(value):
        raise UnavailableError(f"--base {value}: is not a folder; check the path")
    return value


def command(
    scores: Annotated[
        str,
        typer.Argument(metavar="SCORES", help="Scores that `ssimtool batch` wrote (NDJSON), or -."),
    ],
    format: Annotated[str | None, o.format_option("report")] = None,
    output: o.OutputOption = None,
    worst: Annotated[
        int,
        o.output(
            metavar="K",
            callback=parsing.at_least(0),
            help="Show the K lowest-scoring pairs, and K that failed.",
        ),
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
    chosen = format_of_output("report", format, output)
    targets = [output] if output is not None else []
    with reserved(targets, inputs=(scores,)) as files:
        to = files[0] if files else None
        return ended(lambda: _report(scores, chosen, worst, Path(base), quiet, to), debug=debug)


def _report(
    path: str, chosen: str, worst: int, base: Path, quiet: bool, output: Reserved | None
) -> int:
    from ssimtool.batch.report import ReportRequest, overview_of

    request = ReportRequest(path, worst, base)
    overview = overview_of(request, watch=partial(progress, shown=not quiet))
    for note in () if quiet else overview.notes:
        warn(f"warning: {note}")
    view = view_of(View(names=tuple(overview.summary.metrics)), to_file=output is not None)
    deliver(renderer(chosen, "report")(overview, view), output)
    job, to = FORMATS[chosen].job_summary, job_summary_path(chosen)
    if job is not None and to is not None:
        append_job_summary(to, renderer(job, "report")(overview, view))
    return EXIT_OK
