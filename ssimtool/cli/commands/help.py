"""`ssimtool help`: show the help of a command."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.cli.app import COMMANDS, LIST, run


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...",
            autocompletion=lambda: [*COMMANDS, LIST],
            help="Command to explain. Default: ssimtool itself.",
        ),
    ] = None,
) -> int:
    """Show the help of a command.

    Examples:
      ssimtool help
      ssimtool help compare
      ssimtool help list metrics
    """
    return run([*(names or []), "--help"])
