"""`ssimtool completion`: print the completion script of a shell."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from typer.completion import get_completion_inspect_parameters, shell_complete

from ssimtool.cli.app import COMPLETE, PROGRAM

Shell = Literal["bash", "zsh", "fish"]


def command(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="Shell: bash, zsh or fish.")],
) -> int:
    """Print the completion script of a shell, for its start-up file.

    Examples:
      eval "$(ssimtool completion bash)"
      eval "$(ssimtool completion zsh)"
      ssimtool completion fish | source
    """
    get_completion_inspect_parameters()  # registers the shells
    return shell_complete(context.command, {}, PROGRAM, COMPLETE, f"source_{shell}")
