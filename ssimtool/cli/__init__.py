"""The command line: parse arguments, call one use case, choose the exit code. Nothing else."""

from __future__ import annotations

import sys

from ssimtool.errors import EXIT_INTERRUPTED


def main() -> None:
    """The entry point `ssimtool`."""
    try:
        from ssimtool.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    sys.exit(code)
