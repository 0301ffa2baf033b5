"""`ssimtool latents`: show which latent dimensions are used and which have collapsed."""

from __future__ import annotations

import os
from functools import partial
from typing import Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.options import vae as v
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.cli.progress import array_progress
from ssimtool.output import put, reserved
from ssimtool.records.latents import FIGURES, Unit
from ssimtool.records.thresholds import NAMED_VALUE, parse_thresholds
from ssimtool.settings import COLLAPSED, LatentSettings

REQUESTED = ("kl", "active_units", "collapsed_dimensions", "effective_dimensions")
PROGRESS_FROM = 1 << 26  # values of mu: about a second of work


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
            callback=parsing.at_least(0),
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
            metavar=NAMED_VALUE,
            help="Fail (exit 1) if FIGURE (e.g. active_units) is below VALUE. Repeatable.",
        ),
    ] = [],
    fail_over: Annotated[
        list[str],
        o.score(metavar=NAMED_VALUE, help="Fail (exit 1) if FIGURE is above VALUE. Repeatable."),
    ] = [],
    max_bytes: o.MaxBytesOption = None,
    plot: Annotated[
        str | None,
        o.output(
            metavar="FILE",
            callback=parsing.suffix_in(".png", ".svg"),
            help="Plot KL and mu to FILE: .png or .svg (needs matplotlib).",
        ),
    ] = None,
    format: Annotated[str | None, o.format_option("latents")] = None,
    output: o.OutputOption = [],
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
    paths = (mu,) if logvar is None else (mu, logvar)
    how = LatentSettings(
        unit=unit,
        active_threshold=active_threshold,
        active_ddof=ddof,
        collapsed_threshold=collapsed_threshold,
        free_bits=free_bits,
        thresholds=parse_thresholds(fail_under, fail_over, metrics=FIGURES, default=None),
    )
    from ssimtool.vae.requests import LatentsRequest, PlotKind

    kind: PlotKind | None = None
    if plot is not None:
        kind = "svg" if plot.lower().endswith(".svg") else "png"
    request = LatentsRequest(paths, how, plot=kind, max_bytes=max_bytes)
    style = Style(parsing.outputs("latents", format, output), REQUESTED, FIGURES, quiet, debug)
    first = [] if plot is None else [plot]
    # OpenBLAS reads this when NumPy loads it. Its threads spin while they wait: on cores that other
    # processes use too, products of small matrices take ten times longer.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ssimtool.vae.latents import latents_of_files

    with reserved([*first, *style.files], inputs=paths) as files:
        result = latents_of_files(
            request, watch=partial(array_progress, PROGRESS_FROM, quiet), debug=debug
        )
        if result.plot is not None:
            put(files[0], result.plot)
        announce(result.record, quiet=quiet)
        return show("latents", result.record, style, files[len(first) :])
