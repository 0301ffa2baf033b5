"""Outcome of a command: its output, messages and exit code, and the end of expected errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssimtool.cli.terminal import view_of_stdout
from ssimtool.devices import COMPILATION_LOG
from ssimtool.errors import EXIT_INPUT, SsimtoolError, printable
from ssimtool.job_summary import append_job_summary
from ssimtool.output import Reserved, put, put_stdout, warn
from ssimtool.records.verdicts import EXIT_CODES
from ssimtool.reports.formats import FORMATS, Command, renderer
from ssimtool.reports.outputs import Output
from ssimtool.reports.view import PLAIN, CsvStyle

if TYPE_CHECKING:
    from ssimtool.records.explanation import Explanation
    from ssimtool.records.record import Record


@dataclass(frozen=True)
class Style:
    """Style of a record: `requested` are the numbers of `-f value`, `computed` all numbers.

    `csv` is the style of CSV.
    """

    outputs: tuple[Output, ...]
    requested: Sequence[str]
    computed: Sequence[str]
    quiet: bool
    debug: bool
    csv: CsvStyle = PLAIN

    @property
    def files(self) -> list[str]:
        """The paths of the outputs, without standard output."""
        return files_of(self.outputs)


def files_of(outputs: Sequence[Output]) -> list[str]:
    """Return the paths of outputs, without standard output."""
    return [output.path for output in outputs if output.path is not None]


def with_files(
    outputs: Sequence[Output], files: Sequence[Reserved]
) -> Iterator[tuple[Output, Reserved | None]]:
    """Yield each output with its opened file; None: standard output."""
    opened = iter(files)
    for output in outputs:
        yield output, None if output.path is None else next(opened)


def note_compilation(*, quiet: bool) -> None:
    """Print one line when the kernels are compiled: it takes seconds, and happens once."""
    import logging

    logger = logging.getLogger(COMPILATION_LOG)
    logger.handlers.clear()  # of an earlier command of this process
    if quiet:
        return

    class Once(logging.Handler):
        """Handler that prints its first record to standard error."""

        def emit(self, record: logging.LogRecord) -> None:
            logger.removeHandler(self)
            warn(record.getMessage())

    logger.setLevel(logging.INFO)
    logger.addHandler(Once())


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
    command: Command, record: Record | Explanation, style: Style, files: Sequence[Reserved]
) -> int:
    """Write a record to its outputs, name failed thresholds, and return the exit code.

    Args:
        command: name of the command.
        record: the record.
        style: outputs and numbers.
        files: the opened files of `style.files`.
    """
    from ssimtool.reports.verdicts import failures_of
    from ssimtool.reports.view import View

    formats = [
        output.format
        for output in style.outputs
        if record.error is None or FORMATS[output.format].machine
    ]
    names = View(names=style.computed, requested=style.requested, csv=style.csv)
    for output, file in with_files(style.outputs, files):
        if output.format in formats:
            view = names if file is not None else view_of_stdout(names)
            deliver(renderer(output.format, command)(record, view), file)
    append_to_job(formats, lambda name: renderer(name, command)(record, names))
    for line in failures_of(record):
        warn(line)
    return EXIT_CODES[record.status]


def job_summary_path(formats: Iterable[str]) -> str | None:
    """Return the path of the job summary of GitHub Actions, if one of the formats has it."""
    has_one = any(FORMATS[name].job_summary is not None for name in formats)
    return (os.environ.get("GITHUB_STEP_SUMMARY") or None) if has_one else None


def append_to_job(formats: Iterable[str], text_of: Callable[[str], str]) -> None:
    """Append to the job summary of GitHub Actions, if one of the formats has it.

    Args:
        formats: formats of the outputs.
        text_of: function that renders the format of a job summary.
    """
    for row in map(FORMATS.__getitem__, dict.fromkeys(formats)):
        path = job_summary_path([row.name])
        if path is not None and row.job_summary is not None:
            append_job_summary(path, text_of(row.job_summary))


def deliver(text: str, output: Reserved | None) -> None:
    """Write text to the output; None: standard output."""
    if output is None:
        put_stdout(text)
    else:
        put(output, text.encode("utf-8", "backslashreplace"))
