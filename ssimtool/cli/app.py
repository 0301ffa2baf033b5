"""Application: its commands, and the one-line error of a wrong command line."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ssimtool import __version__
from ssimtool.cli.near_miss import completed
from ssimtool.cli.plugin_help import name_plugins
from ssimtool.errors import EXIT_OK, EXIT_USAGE, ArgumentError, OutputError, UnavailableError
from ssimtool.output import warn

EXIT_CODES = (
    "Exit codes: 0 success; 1 a threshold failed; 2 wrong command line, or an output cannot be "
    "written; 3 an input could not be read or compared; 70 a bug in ssimtool; 130 interrupted."
)
# In the order of --help; each is the function `command` of the module of that name.
COMMANDS = (
    "compare", "explain", "batch", "loss", "latents", "report", "warmup", "doctor",
    "completion", "help",
)  # fmt: skip
LIST = "list"
PROGRAM = "ssimtool"
COMPLETE = "_SSIMTOOL_COMPLETE"  # set by the completion script of a shell
HELP_ALL = "--help-all"
VERSION = ("--version", "-V")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            *VERSION,
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Compare images and evaluate autoencoder losses: SSIM, MSE, MAE, PSNR, KL.

    Examples:
      ssimtool compare ref.png out.png
      ssimtool batch ref/ out/ -o s.ndjson
      ssimtool report s.ndjson -o r.html
    """


def app_of(arguments: list[str]) -> typer.Typer:
    """Return the program with the requested command only, or with all if none is requested."""
    app = typer.Typer(
        name=PROGRAM,
        no_args_is_help=True,
        add_completion=False,  # `ssimtool completion` prints the script
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    first = arguments[0] if arguments else ""
    names = (first,) if first in (*COMMANDS, LIST) else (*COMMANDS, LIST)
    for name in () if first in VERSION else names:
        if name == LIST:
            app.add_typer(import_module("ssimtool.cli.commands.listing").app, name=LIST)
        else:
            module = import_module(f"ssimtool.cli.commands.{name}")
            app.command(name, epilog=EXIT_CODES)(module.command)
    return app


def program_of(arguments: list[str]) -> TyperGroup:
    """Return the program, ready to run a command line or to complete one for a shell."""
    command = typer.main.get_group(app_of(arguments))
    completing = COMPLETE in os.environ
    if completing:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()  # registers the shells
    _add_help_all(command, reveal=completing)
    name_plugins(command, arguments)
    return command


def _add_help_all(command: Any, *, reveal: bool) -> None:
    """Add --help-all to the program, and to each command with hidden options.

    Args:
        command: command with its subcommands.
        reveal: whether to show the hidden options, as a shell completes them too.
    """
    commands = [command]
    for each in commands:
        commands += getattr(each, "commands", {}).values()
    option = _help_all_option()
    for each in commands:
        if each is not command and not any(p.hidden for p in each.params):
            continue
        each.params.append(option)
        if reveal:
            _reveal(each.params)


def _help_all_option() -> Any:
    """Return the option --help-all, made by Typer itself: the arguments of its class change with
    its releases."""
    text = "Show every option, rarely used ones too, and exit."
    parameter = typer.Option(False, HELP_ALL, is_eager=True, callback=_show_all, help=text)
    app = typer.Typer(add_completion=False)

    @app.command()
    def command(help_all: bool = parameter) -> None:
        pass

    option = next(p for p in typer.main.get_command(app).params if p.name == "help_all")
    option.expose_value = False
    return option


def _show_all(context: typer.Context, value: bool) -> None:
    if value and not context.resilient_parsing:
        _reveal(context.command.params)
        typer.echo(context.get_help(), nl=False)  # rich has printed it
        raise typer.Exit


def _reveal(options: list[Any]) -> None:
    for option in options:
        option.hidden = False


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    signal.signal(signal.SIGTERM, _end)
    if sys.platform == "win32":  # Ctrl-Break, the only such request there
        signal.signal(signal.SIGBREAK, _end)
    elif signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, _end)
    try:
        return program_of(arguments).main(arguments, PROGRAM, standalone_mode=False) or 0
    except SystemExit as end:
        # Typer exits with 1 if the pipe after --help was closed; 1 is our code for a failed
        # threshold, so report success. Any other exit of a library is a bug.
        if isinstance(end.__context__, OSError) and end.__context__.errno == errno.EPIPE:
            return EXIT_OK
        if COMPLETE in os.environ:  # Typer exits once it has answered the shell
            return int(end.code or EXIT_OK)
        raise
    except OutputError as error:
        warn(f"error: {error.message}")
        return EXIT_USAGE
    except ArgumentError as error:
        option = f"Invalid value for {_option_of(error)}: " if error.argument else ""
        warn(f"error: {option}{error} (see '{PROGRAM} {arguments[0]} --help')")
        return EXIT_USAGE
    except UnavailableError as error:
        warn(f"error: {f'--{error.option}: ' if error.option else ''}{error.message}")
        return EXIT_USAGE
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else PROGRAM
        message = _on_one_line(error)
        meant = completed(arguments, (*COMMANDS, LIST))
        if meant is not None:
            warn(f"error: {message.rstrip('.')}; did you mean: {PROGRAM} {meant}")
        elif message:  # empty if there was no argument, after the help was shown
            warn(f"error: {message} (see '{path} --help')")
        return error.exit_code


def _option_of(error: ArgumentError) -> str:
    return f"--{(error.argument or '').replace('_', '-')}"


def _on_one_line(error: typer.TyperException) -> str:
    """Return the message of an error on one line.

    Typer's choices appear as in our own checks: without quotes and a full stop, and without the
    class of the error, which Typer 0.29 writes in front of them.
    """
    text = " ".join(error.format_message().split()).removeprefix("Invalid value: ")
    text = text.replace(": Value error, ", ": ", 1)
    head, words, choices = text.partition(" is not one of ")
    if re.fullmatch(r"'[^']*'(, '[^']*')*\.", choices):
        choices = choices.replace("'", "").removesuffix(".")
    return f"{head}{words}{choices}"


def _end(number: int, frame: FrameType | None) -> None:
    """Exit on SIGTERM or SIGHUP through the `finally` clauses, which remove unfinished files."""
    raise SystemExit(128 + number)
