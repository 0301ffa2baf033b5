"""Command line: parse arguments, call one use case, choose the exit code. Nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper

from ssimtool.errors import (
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    EXIT_SOFTWARE,
    EXIT_USAGE,
    NO_ROOM,
    SsimtoolError,
    is_out_of_memory,
)

NO_FOLDER = "the current folder has been deleted; change to another one"
SIGNALLED = 128  # exit codes above it are those of a signal, which `cli.app` raises
BUG = "error: this is a bug in ssimtool; please report it with the output of 'ssimtool doctor'"


def main() -> None:
    """Run the entry point `ssimtool`."""
    # GNU OpenMP reads this when torch is loaded. By default its threads spin for long while they
    # wait: on cores that other processes use too, each parallel loop takes many times longer. On
    # idle cores the speed is the same.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    _hold_standard_streams()
    try:
        _use_utf8()
        code = _run() if _has_folder() else EXIT_USAGE
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except SystemExit as end:
        ended = isinstance(end.code, int) and end.code > SIGNALLED
        code = int(end.code or 0) if ended else _report(end)
    except BaseException as error:  # noqa: BLE001  # the last place that can report it
        code = _report(error)
    _leave(code)


def _run() -> int:
    from ssimtool.cli.app import run

    return run(sys.argv[1:])


def _has_folder() -> bool:
    """Return whether the current folder exists, and say so if not.

    Neither relative paths nor torch work without one.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        with suppress(OSError, ValueError, AttributeError):
            print(f"error: {NO_FOLDER}", file=sys.stderr)
        return False
    return True


def _hold_standard_streams() -> None:
    """Open the null device for each standard stream that is closed.

    Otherwise the next file would get its number, and what a library prints would be written there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _use_utf8() -> None:
    """Print in UTF-8 on Windows, whose code pages lack some characters of the help."""
    if sys.platform == "win32":
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _report(error: BaseException) -> int:
    """Print the traceback of an unhandled error and return the exit code.

    A lack of memory that nothing recorded is one line, but for --debug.
    """
    import traceback

    no_memory = is_out_of_memory(error)
    if no_memory and "--debug" not in sys.argv:
        with suppress(OSError, ValueError, AttributeError):
            print(f"error: {NO_ROOM}", file=sys.stderr)
        return EXIT_INPUT
    # --debug raises these, to show their origin
    expected = isinstance(error, SsimtoolError) or no_memory
    with suppress(OSError, ValueError, AttributeError):  # standard error may be closed
        traceback.print_exception(error)
        if not expected:
            print(BUG, file=sys.stderr)
    return EXIT_INPUT if expected else EXIT_SOFTWARE


def _leave(code: int) -> None:
    """End the process without shutting down the interpreter, as all files are closed by now.

    A shutdown takes 0.3 s if torch is loaded, and threads of an interrupted run may still decode.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
