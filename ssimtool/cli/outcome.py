"""From work to output and exit code: the one place where an error that a person can mend ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import typer

from ssimtool.errors import EXIT_INPUT, NO_ROOM, SsimtoolError, is_out_of_memory, printable
from ssimtool.output import Reserved, put, put_stdout, wants_colour, warn
from ssimtool.records.record import Record
from ssimtool.records.verdicts import EXIT_CODES, Failure
from ssimtool.settings import BackendName


class Warned(Protocol):
    """A record that says what looked like a mistake."""

    @property
    def warnings(self) -> tuple[str, ...]: ...


R = TypeVar("R", bound=Warned)


@dataclass(frozen=True)
class Style:
    """How a record is shown: `asked` are the numbers of `-f value`, `computed` all of them."""

    format: str
    asked: Sequence[str]
    computed: Sequence[str]
    quiet: bool
    debug: bool


def attempt(work: Callable[[], R], failed: Callable[[Failure], R], style: Style) -> R:
    """Does the work; what a person can mend becomes one line and a record.

    Raises:
        SsimtoolError: with --debug.
        typer.BadParameter: a device that is not present.
    """
    try:
        record = work()
    except SsimtoolError as error:
        if style.debug:
            raise
        return _failed(Failure(error.code, error.message), failed)
    except (MemoryError, RuntimeError) as error:
        if style.debug or not is_out_of_memory(error):
            raise
        return _failed(Failure("too_large", NO_ROOM), failed)
    if not style.quiet:
        for warning in record.warnings:
            warn(f"warning: {printable(warning)}")
    return record


def _failed(failure: Failure, failed: Callable[[Failure], R]) -> R:
    warn(f"error: {printable(failure.message)}")
    return failed(failure)


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


def announce(record: Record, style: Style) -> None:
    """Prints the error of a record, or its warnings unless quiet, on standard error."""
    if record.error is not None:
        warn(f"error: {printable(record.error.message)}")
    elif not style.quiet:
        for warning in record.warnings:
            warn(f"warning: {printable(warning)}")


def show(record: Record, style: Style, output: Reserved | None) -> int:
    """Writes a record where it belongs and returns the exit code."""
    from ssimtool.reports.text import FORMATS, MACHINE_FORMATS

    if record.error is None or style.format in MACHINE_FORMATS:
        names = style.asked if style.format == "value" else style.computed
        if style.format in FORMATS:
            text = FORMATS[style.format](record, names)
        else:
            text = _table(record, to_file=output is not None)
        deliver(text, output)
    return EXIT_CODES[record.status]


def deliver(text: str, output: Reserved | None) -> None:
    """Writes text where it belongs: to a file, or None, standard output."""
    if output is None:
        put_stdout(text)
    else:
        put(output, text.encode("utf-8", "backslashreplace"))


def _table(record: Record, *, to_file: bool) -> str:
    width = shutil.get_terminal_size((80, 24)).columns
    colour = wants_colour() and not to_file
    from ssimtool.records.latents import LatentReport  # here: most commands have no use for it

    if isinstance(record, LatentReport):
        from ssimtool.reports.latents_table import latents_text

        return latents_text(record, width=width, colour=colour)
    from ssimtool.reports.table import table_text

    return table_text(record, width=width, colour=colour)


def present(device: str, backend: BackendName) -> None:
    """Refuses a device that is not there, or a backend that it has not, as a wrong command line.

    Raises:
        typer.BadParameter: it is not present.
    """
    from ssimtool.scoring.tensors import check_backend, choose_device

    option = "--device"
    try:
        chosen = choose_device(device, backend)
        option = "--backend"
        check_backend(backend, chosen)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
