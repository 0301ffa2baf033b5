"""The commands put together, and the one line that a wrong command line gets."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer

from ssimtool import __version__
from ssimtool.cli import batch, compare, explain, latents, listing, loss, report
from ssimtool.cli.output import warn
from ssimtool.errors import EXIT_OK

app = typer.Typer(
    name="ssimtool",
    help="Compare images and evaluate autoencoder losses: SSIM, 1 - SSIM, MSE, MAE, PSNR, KL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
EXIT_CODES = (
    "Exit codes: 0 computed; 1 a threshold does not hold; 2 wrong command line; "
    "3 an input could not be read or compared; 130 interrupted."
)
app.command("compare", epilog=EXIT_CODES)(compare.command)
app.command("explain", epilog=EXIT_CODES)(explain.command)
app.command("batch", epilog=EXIT_CODES)(batch.command)
app.command("loss", epilog=EXIT_CODES)(loss.command)
app.command("latents", epilog=EXIT_CODES)(latents.command)
app.command("report", epilog=EXIT_CODES)(report.command)
app.add_typer(listing.app, name="list")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ssimtool {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        return app(arguments, prog_name="ssimtool", standalone_mode=False) or 0
    except SystemExit as end:  # Typer's answer to a closed pipe behind --help is 1, a threshold's
        if end.code == 1:
            return EXIT_OK
        raise
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
