"""The commands put together, and the one line that a wrong command line gets."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Annotated

import typer

from ssimtool import __version__
from ssimtool.errors import EXIT_OK, EXIT_USAGE, OutputError
from ssimtool.output import warn

EXIT_CODES = (
    "Exit codes: 0 computed; 1 a threshold does not hold; 2 wrong command line; "
    "3 an input could not be read or compared; 130 interrupted."
)
# In the order of --help; each is `command` of the module of its name.
COMMANDS = ("compare", "explain", "batch", "loss", "latents", "report")
LIST = "list"


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ssimtool {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def app_of(arguments: list[str]) -> typer.Typer:
    """The program with the command that is asked for, or with all of them where none is: what the
    others offer need not be known."""
    app = typer.Typer(
        name="ssimtool",
        help="Compare images and evaluate autoencoder losses: SSIM, 1 - SSIM, MSE, MAE, PSNR, KL.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    first = arguments[0] if arguments else ""
    for name in (first,) if first in (*COMMANDS, LIST) else (*COMMANDS, LIST):
        if name == LIST:
            app.add_typer(import_module("ssimtool.cli.commands.listing").app, name=LIST)
        else:
            module = import_module(f"ssimtool.cli.{name}")
            app.command(name, epilog=EXIT_CODES)(module.command)
    return app


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code."""
    signal.signal(signal.SIGTERM, _end)
    if sys.platform == "win32":  # nothing else there asks a program to end: Ctrl-Break
        signal.signal(signal.SIGBREAK, _end)
    try:
        return app_of(arguments)(arguments, prog_name="ssimtool", standalone_mode=False) or 0
    except SystemExit as end:  # Typer's answer to a closed pipe behind --help is 1, a threshold's
        if end.code == 1:
            return EXIT_OK
        raise
    except OutputError as error:
        warn(f"error: {error.message}")
        return EXIT_USAGE
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "ssimtool"
        message = " ".join(error.format_message().split()).removeprefix("Invalid value: ")
        if message:  # there is none where no argument was given and the help was shown
            warn(f"error: {message} (see '{path} --help')")
        return error.exit_code


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM leaves through the `finally` clauses, which take away what is half written."""
    raise SystemExit(128 + number)
