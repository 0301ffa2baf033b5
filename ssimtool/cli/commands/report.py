"""`ssimtool report`: show the scores of a batch as a page, a table or a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import append_to_job, deliver, ended, files_of, with_files
from ssimtool.cli.progress import progress
from ssimtool.cli.terminal import view_of_stdout
from ssimtool.errors import EXIT_OK, printable
from ssimtool.output import Reserved, reserved, warn
from ssimtool.reports.formats import renderer
from ssimtool.reports.outputs import Output
from ssimtool.reports.view import CsvStyle, View

if TYPE_CHECKING:
    from ssimtool.batch.report import ReportRequest


def command(
    scores: Annotated[
        str,
        typer.Argument(metavar="SCORES", help="Scores that `ssimtool batch` wrote (NDJSON), or -."),
    ],
    format: Annotated[str | None, o.format_option("report")] = None,
    output: o.OutputOption = [],
    wide: o.WideOption = False,
    csv_safe: o.CsvSafeOption = False,
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
            callback=parsing.folder,
            show_default="current folder",
            help="Resolve relative image paths against DIR, or else next to SCORES.",
        ),
    ] = ".",
    max_bytes: o.MaxBytesOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Show the scores of many pairs as a page, a table, CSV, Markdown or JSON.

    Examples:
      ssimtool report s.ndjson
      ssimtool report s.ndjson -o r.html
      ssimtool report s.ndjson -f markdown
    """
    outputs = parsing.outputs("report", format, output)
    csv = parsing.csv_style(outputs, wide=wide, safe=csv_safe)
    with reserved(files_of(outputs), inputs=(scores,)) as files:
        to = list(with_files(outputs, files))
        paths = tuple(filter(os.path.isfile, files_of([one for one, _ in to])))
        from ssimtool.batch.report import ReportRequest

        request = ReportRequest(scores, worst, Path(base), paths, max_bytes)
        return ended(lambda: _report(request, quiet, csv, to), debug=debug)


def _report(
    request: ReportRequest,
    quiet: bool,
    csv: CsvStyle,
    outputs: Sequence[tuple[Output, Reserved | None]],
) -> int:
    from ssimtool.batch.report import overview_of
    from ssimtool.reports.rows import counts_line

    paths = files_of([output for output, _ in outputs])

    def say(warning: str) -> None:
        if not quiet:
            warn(f"warning: {printable(warning)}")

    overview = overview_of(request, watch=partial(progress, shown=not quiet), say=say)
    for note in overview.notes:
        say(note)
    metrics = tuple(overview.summary.metrics)
    names = View(names=metrics, requested=metrics, csv=csv)
    for output, file in outputs:
        view = names if file is not None else view_of_stdout(names)
        deliver(renderer(output.format, "report")(overview, view), file)
    formats = [output.format for output, _ in outputs]
    append_to_job(formats, lambda name: renderer(name, "report")(overview, names))
    if paths and not quiet:
        written = ", ".join(map(printable, paths))
        warn(f"{counts_line(overview.summary)}; written to {written}")
    return EXIT_OK
