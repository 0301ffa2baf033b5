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
from ssimtool.cli.options import vae as v
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.cli.progress import progress
from ssimtool.errors import UnavailableError
from ssimtool.output import Reserved, put, reserved
from ssimtool.records.latents import FIGURES, Unit
from ssimtool.settings import COLLAPSED, LatentSettings

if TYPE_CHECKING:
    from ssimtool.vae.latents import LatentsResult

ASKED = ("kl", "active_units", "collapsed_dimensions", "effective_dimensions")
PLOTS = (".png", ".svg")
PROGRESS_FROM = 1 << 26  # values of mu: about a second of work


def _plot_path(value: str | None) -> str | None:
    return value if value is None else parsing.suffixed(value, PLOTS)


def command(
    mu: Annotated[
        str,
        typer.Argument(metavar="MU", help="Mean of the posterior (.npy), or .npz with mu, logvar."),
    ],
    logvar: v.LogvarArgument = None,
    unit: Annotated[
        Unit, o.score(metavar="NAME", help="Set the unit of KL and its thresholds: nats or bits.")
    ] = "nats",
    free_bits: Annotated[
        float | None,
        o.score(
            metavar="L",
            callback=parsing.weight,
            help="Add KL with each dimension clamped to at least L (in --unit).",
        ),
    ] = None,
    active_threshold: Annotated[
        float,
        o.score(
            metavar="V",
            callback=parsing.weight,
            hidden=True,
            help="Count a dimension as active if Var(mu) is above V.",
        ),
    ] = 0.01,
    ddof: Annotated[
        int,
        o.score(
            metavar="N",
            min=0,
            hidden=True,
            help="Divide Var(mu) by samples - N (delta degrees of freedom).",
        ),
    ] = 1,
    collapsed_threshold: Annotated[
        float | None,
        o.score(
            metavar="KL",
            callback=parsing.weight,
            hidden=True,
            help="Count a dimension as collapsed if its KL is below KL. "
            f"Default: {COLLAPSED:g} nats.",
        ),
    ] = None,
    fail_under: Annotated[
        list[str],
        o.score(
            metavar=parsing.NAMED_VALUE,
            help="Fail (exit 1) if FIGURE (e.g. active_units) is below VALUE. Repeatable.",
        ),
    ] = [],
    fail_over: Annotated[
        list[str],
        o.score(
            metavar=parsing.NAMED_VALUE, help="Fail (exit 1) if FIGURE is above VALUE. Repeatable."
        ),
    ] = [],
    plot: Annotated[
        str | None,
        o.output(
            metavar="FILE",
            callback=_plot_path,
            help="Plot KL and mu to FILE: .png or .svg (needs matplotlib).",
        ),
    ] = None,
    format: Annotated[str, o.format_option("latents")] = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Examine a latent space: KL of each dimension, active units, collapse.

    Examples:
      ssimtool latents mu.npy logvar.npy
      ssimtool latents vae.npz --unit bits
      ssimtool latents vae.npz \
        --fail-under active_units=10

    FIGURE is one of kl, free_bits_kl, active_units, collapsed_dimensions,
    effective_dimensions, total_correlation, logvar_min, logvar_max.
    With -f csv, each dimension is a row. With -f value, the lines are kl, active_units,
    collapsed_dimensions, effective_dimensions.
    """
    paths = _paths(mu, logvar)
    how = LatentSettings(
        unit=unit,
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
        raise UnavailableError('--plot needs matplotlib: pip install "ssimtool[plot]"')


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
