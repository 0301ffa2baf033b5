"""Outcome of a command: its output, messages and exit code, and the end of expected errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ssimtool.errors import EXIT_INPUT, SsimtoolError, printable
from ssimtool.output import Reserved, append_job_summary, put, put_stdout, wants_colour, warn
from ssimtool.records.verdicts import EXIT_CODES
from ssimtool.reports.formats import FORMATS, Command, renderer

if TYPE_CHECKING:
    from ssimtool.records.explanation import Explanation
    from ssimtool.records.record import Record
    from ssimtool.reports.view import View


@dataclass(frozen=True)
class Style:
    """Style of a record: `requested` are the numbers of `-f value`, `computed` all numbers."""

    format: str
    requested: Sequence[str]
    computed: Sequence[str]
    quiet: bool
    debug: bool


def announce(record: Record | Explanation, *, quiet: bool) -> None:
    """Write the error of a record, or its warnings, to standard error."""
    if record.error is not None:
        warn(f"error: {printable(record.error.message)}")
    elif not quiet:
        for warning in record.warnings:
            warn(f"warning: {printable(warning)}")


def ended(work: Callable[[], int], *, debug: bool) -> int:
    """Run work that has no record and return its exit code.

    Raises:
        SsimtoolError: with --debug.
    """
    try:
        return work()
    except SsimtoolError as error:
        if debug:
            raise
        warn(f"error: {printable(error.message)}")
        return EXIT_INPUT


def show(
    command: Command, record: Record | Explanation, style: Style, output: Reserved | None
) -> int:
    """Write a record to its output, name failed thresholds, and return the exit code."""
    from ssimtool.reports.verdicts import failures_of
    from ssimtool.reports.view import View

    row = FORMATS[style.format]
    if record.error is None or row.machine:
        names = View(names=style.computed, requested=style.requested)
        view = view_of(names, to_file=output is not None)
        deliver(renderer(row.name, command)(record, view), output)
        path = job_summary_path(row.name)
        if path is not None and row.job_summary is not None:
            append_job_summary(path, renderer(row.job_summary, command)(record, view))
    for line in failures_of(record):
        warn(line)
    return EXIT_CODES[record.status]


def view_of(view: View, *, to_file: bool) -> View:
    """Return the view with the width and the colour of the terminal."""
    return replace(
        view,
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=wants_colour() and not to_file,
    )


def job_summary_path(format: str) -> str | None:
    """Return the path of the job summary of GitHub Actions, if the format has one."""
    has_one = FORMATS[format].job_summary is not None
    return (os.environ.get("GITHUB_STEP_SUMMARY") or None) if has_one else None


def deliver(text: str, output: Reserved | None) -> None:
    """Write text to the output; None: standard output."""
    if output is None:
        put_stdout(text)
    else:
        put(output, text.encode("utf-8", "backslashreplace"))
