"""From work to output and exit code: the one place where an error that a person can mend ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ssimtool.errors import EXIT_INPUT, SsimtoolError, printable
from ssimtool.output import Reserved, append_job_summary, put, put_stdout, wants_colour, warn
from ssimtool.records.record import Record
from ssimtool.records.verdicts import EXIT_CODES
from ssimtool.reports.formats import FORMATS, Command, renderer
from ssimtool.reports.view import View

if TYPE_CHECKING:
    from ssimtool.records.explanation import Explanation


@dataclass(frozen=True)
class Style:
    """How a record is shown: `asked` are the numbers of `-f value`, `computed` all of them."""

    format: str
    asked: Sequence[str]
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
    """Does work that has no record of its own and returns its exit code.

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
    """Writes a record where it belongs, names what failed, and returns the exit code."""
    from ssimtool.reports.verdicts import failures_of

    row = FORMATS[style.format]
    if record.error is None or row.machine:
        names = View(names=style.computed, requested=style.asked)
        view = view_of(names, to_file=output is not None)
        deliver(renderer(row.name, command)(record, view), output)
        path = job_summary_path(row.name)
        if path is not None and row.job_summary is not None:
            append_job_summary(path, renderer(row.job_summary, command)(record, view))
    for line in failures_of(record):
        warn(line)
    return EXIT_CODES[record.status]


def view_of(view: View, *, to_file: bool) -> View:
    """A view with what the terminal is like."""
    return replace(
        view,
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=wants_colour() and not to_file,
    )


def job_summary_path(format: str) -> str | None:
    """The file that GitHub Actions shows as the summary of a job, if the format has one."""
    has_one = FORMATS[format].job_summary is not None
    return (os.environ.get("GITHUB_STEP_SUMMARY") or None) if has_one else None


def deliver(text: str, output: Reserved | None) -> None:
    """Writes text where it belongs: to a file, or None, standard output."""
    if output is None:
        put_stdout(text)
    else:
        put(output, text.encode("utf-8", "backslashreplace"))
