"""`ssimtool latents`: what a latent space carries, and what of it has collapsed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.cli.progress import progress
from ssimtool.output import Reserved, put, reserved
from ssimtool.records.latents import FIGURES, UNITS
from ssimtool.settings import COLLAPSED, LatentSettings

if TYPE_CHECKING:
    from ssimtool.vae.latents import LatentsResult

ASKED = ("kl", "active_units", "collapsed_dimensions", "effective_dimensions")
PLOTS = (".png", ".svg")
PROGRESS_FROM = 1 << 26  # values of mu: about a second of work


def _not_negative(value: float | None) -> float | None:
    return None if value is None else parsing.weight(value)


def _plot_path(value: str | None) -> str | None:
    if value is not None and PurePath(value).suffix.lower() not in PLOTS:
        raise typer.BadParameter(f"{value!r} does not end in .png or .svg")
    return value


def command(
    mu: Annotated[
        str,
        typer.Argument(
            metavar="MU",
            help="Mean of the posterior, .npy of shape (N, ...); or a .npz with the keys mu, "
            "logvar.",
        ),
    ],
    logvar: Annotated[
        str | None,
        typer.Argument(metavar="LOGVAR", help="Logarithm of its variance, of the same shape."),
    ] = None,
    unit: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Of KL, total correlation and their thresholds: nats or bits.",
            callback=parsing.one_of(UNITS),
            autocompletion=lambda: list(UNITS),
            rich_help_panel=o.SCORES,
        ),
    ] = "nats",
    free_bits: Annotated[
        float | None,
        typer.Option(
            metavar="L",
            help="Also the KL with free bits: the sum over the dimensions of max(L, KL of the "
            "dimension), in --unit.",
            callback=_not_negative,
            rich_help_panel=o.SCORES,
        ),
    ] = None,
    active_threshold: Annotated[
        float,
        typer.Option(
            metavar="V",
            help="A dimension is active where mu varies by more over the samples.",
            callback=parsing.weight,
            rich_help_panel=o.SCORES,
        ),
    ] = 0.01,
    ddof: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Variances of mu divide by the samples less this.",
            min=0,
            rich_help_panel=o.SCORES,
        ),
    ] = 1,
    collapsed_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="KL",
            help="A dimension has collapsed where its KL is less, in --unit. Default: "
            f"{COLLAPSED:g} nats.",
            callback=_not_negative,
            rich_help_panel=o.SCORES,
        ),
    ] = None,
    fail_under: Annotated[
        list[str],
        typer.Option(
            metavar=parsing.NAMED_VALUE,
            help=f"Exit with 1 where a figure is under the value: {', '.join(FIGURES)}; "
            "repeatable.",
            rich_help_panel=o.SCORES,
            show_default=False,
        ),
    ] = [],
    fail_over: Annotated[
        list[str],
        typer.Option(
            metavar=parsing.NAMED_VALUE,
            help="Exit with 1 where a figure is over the value; repeatable.",
            rich_help_panel=o.SCORES,
            show_default=False,
        ),
    ] = [],
    plot: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Draw the KL of each dimension, sorted, and a histogram of mu beside the prior: "
            ".png or .svg. Needs matplotlib: the extra `plot`.",
            callback=_plot_path,
            rich_help_panel=o.OUTPUT,
        ),
    ] = None,
    format: Annotated[
        str,
        o.format_option(
            "latents", f"csv is a row for each dimension; value is {', '.join(ASKED)}, one a line."
        ),
    ] = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """The health of a latent space: KL per dimension, active units, collapse."""
    paths = _paths(mu, logvar)
    how = LatentSettings(
        unit=unit,  # type: ignore[arg-type]  # one of its names: the option checks
        active_threshold=active_threshold,
        active_ddof=ddof,
        collapsed_threshold=collapsed_threshold,
        free_bits=free_bits,
        thresholds=parsing.thresholds(fail_under, fail_over, metrics=FIGURES, default=None),
    )
    _check(how, plot)
    style = Style(format, ASKED, FIGURES, quiet, debug)
    targets = [path for path in (plot, output) if path is not None]
    # Read by NumPy's OpenBLAS when it is loaded. Its threads wait for each other by spinning: on
    # cores that other processes use as well, the products of small matrices take ten times longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ssimtool.vae.latents import LatentsRequest, latents_of_files

    request = LatentsRequest(paths, how, histogram=plot is not None)
    with reserved(targets, inputs=paths) as files:
        result = latents_of_files(request, watch=partial(_watching, quiet), debug=debug)
        if plot is not None:
            _draw(result, files[0], PurePath(plot).suffix.lower().removeprefix("."))
        announce(result.record, quiet=quiet)
        return show("latents", result.record, style, files[-1] if output is not None else None)


def _paths(mu: str, logvar: str | None) -> tuple[str, ...]:
    if "-" in (mu, logvar):
        raise typer.BadParameter("arrays are read from files, not from standard input")
    if logvar is None:
        if PurePath(mu).suffix.lower() == ".npy":
            raise typer.BadParameter("LOGVAR is missing: give MU LOGVAR, or one .npz")
        return (mu,)
    if os.path.realpath(mu) == os.path.realpath(logvar):
        raise typer.BadParameter("MU and LOGVAR are one file: give two, or one .npz alone")
    return mu, logvar


def _check(how: LatentSettings, plot: str | None) -> None:
    for threshold in how.thresholds:
        if threshold.metric == "free_bits_kl" and how.free_bits is None:
            raise typer.BadParameter(
                "free_bits_kl is not computed without --free-bits",
                param_hint=f"--fail-{threshold.op}",
            )
    if plot is not None and find_spec("matplotlib") is None:
        raise typer.BadParameter(
            'matplotlib is not installed, which draws it: pip install "ssimtool[plot]"',
            param_hint="--plot",
        )


@contextmanager
def _watching(quiet: bool, samples: int, values: int) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar if there is much to read."""
    with progress(samples, shown=not quiet and values > PROGRESS_FROM) as done:
        yield done


def _draw(result: LatentsResult, file: Reserved, kind: str) -> None:
    if result.histogram is None:
        return
    from ssimtool.reports.plot import drawn

    bins, beyond = result.histogram.bins, result.histogram.beyond
    put(file, drawn(result.record, bins, beyond, kind=kind))
