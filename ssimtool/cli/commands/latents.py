"""`ssimtool latents`: what a latent space carries, and what of it has collapsed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import PurePath
from typing import Annotated

import typer

from ssimtool import __version__
from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.options import vae as v
from ssimtool.cli.outcome import Style, attempt, show
from ssimtool.cli.progress import progress
from ssimtool.errors import UnavailableError
from ssimtool.output import Reserved, put, reserved
from ssimtool.records.latents import FIGURES, LatentReport, Unit, per_nat, reduction_told
from ssimtool.records.verdicts import Failure
from ssimtool.settings import COLLAPSED, LatentSettings

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
    format: o.FormatOption = "table",
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
    with reserved(targets, inputs=paths) as files:
        drawing = files[0] if plot is not None else None
        record = attempt(
            lambda: _evaluate(paths, how, drawing, PurePath(plot or "").suffix.lower(), quiet),
            lambda failure: _failed(paths, how, failure),
            style,
        )
        return show(record, style, files[-1] if output is not None else None)


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


def _failed(paths: tuple[str, ...], how: LatentSettings, failure: Failure) -> LatentReport:
    limit = how.collapsed_threshold
    return LatentReport(
        status="error",
        mu=paths[0],
        logvar=paths[-1],
        unit=how.unit,
        kl_reduction=reduction_told("sum-mean", None),
        active_threshold=how.active_threshold,
        active_ddof=how.active_ddof,
        collapsed_threshold=COLLAPSED * per_nat(how.unit) if limit is None else limit,
        version=__version__,
        error=failure,
    )


def _evaluate(
    paths: tuple[str, ...], how: LatentSettings, drawing: Reserved | None, suffix: str, quiet: bool
) -> LatentReport:
    # Read by NumPy's OpenBLAS when it is loaded. Its threads wait for each other by spinning: on
    # cores that other processes use as well, the products of small matrices take ten times longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ssimtool.readers.arrays.latents import open_latents
    from ssimtool.vae.latents import evaluate_latents, mu_histogram

    latents = open_latents(paths)
    with progress(latents.samples, shown=not quiet and latents.size > PROGRESS_FROM) as done:
        record = evaluate_latents(latents, paths, how, on_rows=done)
    if drawing is not None:
        from ssimtool.reports.plot import drawn

        bins, beyond = mu_histogram(latents, record)
        put(drawing, drawn(record, bins, beyond, kind=suffix.removeprefix(".")))
    return record
