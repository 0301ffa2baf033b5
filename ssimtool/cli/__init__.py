"""The command line: parse arguments, call one use case, choose the exit code. Nothing else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from ssimtool.errors import EXIT_INTERRUPTED


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
    _leave(code)


def _leave(code: int) -> None:
    """Ends the process at once. To take the interpreter down would take 0.3 s where torch was
    loaded, and threads of a run that was interrupted may still decode. All files are closed by now,
    and nothing else is left to be done."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
