"""The command line: parse arguments, call one use case, choose the exit code. Nothing else."""

from __future__ import annotations

import os
import sys

from ssimtool.errors import EXIT_INTERRUPTED


def main() -> None:
    """The entry point `ssimtool`."""
    # Read by GNU OpenMP when torch is loaded. By default its threads spin long while they wait for
    # each other: on cores that other processes use as well, each parallel loop takes many times
    # longer. On idle cores this is as fast.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    try:
        from ssimtool.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)
