"""The command line: parse arguments, call one use case, choose the exit code. Nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ssimtool.errors import (
    EXIT_INPUT,
    EXIT_INTERRUPTED,
    EXIT_SOFTWARE,
    SsimtoolError,
    is_out_of_memory,
)

BUG = "error: this is a bug in ssimtool; please report it with the output of 'ssimtool doctor'"


def main() -> None:
    """The entry point `ssimtool`."""
    # Read by GNU OpenMP when torch is loaded. By default its threads spin long while they wait for
    # each other: on cores that other processes use as well, each parallel loop takes many times
    # longer. On idle cores this is as fast.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        from ssimtool.cli.app import run
        from ssimtool.output import use_utf8

        use_utf8()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except SystemExit as end:  # of SIGTERM, and of Typer
        code = end.code if isinstance(end.code, int) else bool(end.code)
    except Exception as error:  # noqa: BLE001  # the last place that can report it
        code = _report(error)
    _leave(code)


def _report(error: Exception) -> int:
    """Prints the traceback of an error that nothing has handled, and returns the exit code."""
    import traceback

    # with --debug these are raised, to show where they come from
    expected = isinstance(error, SsimtoolError) or is_out_of_memory(error)
    with suppress(OSError, ValueError, AttributeError):  # standard error may be closed
        traceback.print_exception(error)
        if not expected:
            print(BUG, file=sys.stderr)
    return EXIT_INPUT if expected else EXIT_SOFTWARE


def _leave(code: int) -> None:
    """Ends the process at once. To take the interpreter down would take 0.3 s where torch was
    loaded, and threads of a run that was interrupted may still decode. All files are closed by now,
    and nothing else is left to be done."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
