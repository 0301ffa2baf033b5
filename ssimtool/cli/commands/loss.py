"""`ssimtool loss`: compute the loss of saved arrays."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.options import vae as v
from ssimtool.cli.outcome import Style, announce, note_compilation, show
from ssimtool.cli.parsing import weight
from ssimtool.cli.progress import array_progress
from ssimtool.output import reserved
from ssimtool.records.loss import FIGURES, TERMS
from ssimtool.records.thresholds import parse_thresholds
from ssimtool.scoring.arguments import check_value_range
from ssimtool.settings import BatchLayout, KlReduction, LossSettings

PROGRESS_FROM = 1 << 24  # values of recon: about a second of work


def command(
    recon: Annotated[
        str,
        typer.Argument(
            metavar="RECON", help="Reconstructions (.npy), or .npz with recon, raw, mu, logvar."
        ),
    ],
    raw: Annotated[
        str | None,
        typer.Argument(metavar="RAW", help="Original inputs (.npy), same shape as RECON."),
    ] = None,
    mu: Annotated[
        str | None,
        typer.Argument(metavar="MU", help="Mean of the posterior (.npy), shape (N, ...)."),
    ] = None,
    logvar: v.LogvarArgument = None,
    alpha: Annotated[
        float,
        o.score(metavar="A", callback=weight, help="Weight 1 - SSIM by A; 0: skip it."),
    ] = 1,
    beta: Annotated[
        float,
        o.score(
            metavar="B",
            callback=weight,
            help="Weight KL by B; 0: skip it (MU and LOGVAR are not needed).",
        ),
    ] = 1,
    free_bits: Annotated[
        float,
        o.score(
            metavar="N",
            callback=weight,
            help="Clamp each dimension's batch-mean KL to at least N nats; 0: off.",
        ),
    ] = 0,
    kl_reduction: Annotated[
        KlReduction,
        o.score(
            metavar="NAME",
            hidden=True,
            help="Reduce KL over dimensions, then batch: sum-mean, mean (both) or sum.",
        ),
    ] = "sum-mean",
    definition: o.DefinitionOption = "cvae",
    window_size: o.WindowSizeOption = None,
    sigma: o.SigmaOption = None,
    k1: o.K1Option = None,
    k2: o.K2Option = None,
    border: o.BorderOption = None,
    fail_under: o.FailUnderOption = [],
    fail_over: o.FailOverOption = [],
    data_range: Annotated[
        float | None,
        o.computing(
            metavar="L",
            callback=parsing.positive,
            help="Set the data range. Default: 1, with integers scaled to 0..1.",
        ),
    ] = None,
    value_range: o.ValueRangeOption = None,
    layout: Annotated[
        BatchLayout, o.computing(metavar="NAME", help="Set the axes of 4-D arrays: nchw or nhwc.")
    ] = "nchw",
    image_shape: Annotated[
        str | None,
        o.computing(metavar="C,H,W", help="Set the shape of images that are flattened to rows."),
    ] = None,
    max_bytes: o.MaxBytesOption = None,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    per_sample: Annotated[
        str | None,
        o.output(
            metavar="FILE",
            callback=parsing.suffix_in(".csv", ".ndjson"),
            help="Write mse, ssim_loss and kl of each sample to FILE: .csv or .ndjson.",
        ),
    ] = None,
    format: Annotated[str | None, o.format_option("loss")] = None,
    output: o.OutputOption = [],
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Compute the VAE loss of saved arrays: mse + alpha (1 - SSIM) + beta KL.

    Examples:
      ssimtool loss vae.npz
      ssimtool loss recon.npy raw.npy \
        mu.npy logvar.npy --alpha 0.5
      ssimtool loss recon.npy raw.npy \
        --beta 0

    METRIC is one of loss, mse, ssim, ssim_loss, kl, active_units,
    collapsed_dimensions, effective_dimensions.
    """
    check_value_range(value_range, data_range)
    paths = tuple(path for path in (recon, raw, mu, logvar) if path is not None)
    how = LossSettings(
        alpha=alpha,
        beta=beta,
        data_range=data_range,
        value_range=value_range,
        definition=parsing.chosen_definition(definition, window_size, sigma, k1, k2, border),
        thresholds=parse_thresholds(fail_under, fail_over, metrics=FIGURES),
        device=device,
        backend=backend,
        free_bits=free_bits,
        kl_reduction=kl_reduction,
        per_sample=per_sample is not None,
    )
    from ssimtool.vae.requests import LossRequest

    request = LossRequest(paths, how, layout, parsing.image_shape(image_shape), max_bytes)
    style = Style(parsing.outputs("loss", format, output), ("loss",), TERMS, quiet, debug)
    first = [] if per_sample is None else [per_sample]
    from ssimtool.vae.loss import loss_of_files  # loads NumPy

    with reserved([*first, *style.files], inputs=paths) as files:
        note_compilation(quiet=quiet)
        file = files[0] if per_sample is not None else None
        watch = partial(array_progress, PROGRESS_FROM, quiet)
        record = loss_of_files(request, per_sample=file, watch=watch, debug=debug)
        announce(record, quiet=quiet)
        return show("loss", record, style, files[len(first) :])
