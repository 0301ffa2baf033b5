"""`ssimtool batch`: many pairs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.interrupt import interruptible
from ssimtool.cli.options import batch as b
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.options.comparing import settings_of
from ssimtool.cli.outcome import job_summary_path
from ssimtool.devices import usable_cores
from ssimtool.output import warn
from ssimtool.plugins import METRIC_NAMES

STDIN = "-"


def command(
    reference: b.ReferenceArgument = None,
    distorted: b.DistortedArgument = None,
    pairs: b.PairsOption = None,
    null: b.NullOption = False,
    include: b.IncludeOption = [],
    exclude: b.ExcludeOption = [],
    strict: b.StrictOption = False,
    metric: o.MetricOption = list(DEFAULT_METRICS),
    definition: o.DefinitionOption = "wang2004",
    window_size: o.WindowSizeOption = None,
    sigma: o.SigmaOption = None,
    k1: o.K1Option = None,
    k2: o.K2Option = None,
    border: o.BorderOption = None,
    scales: s.ScalesOption = None,
    fail_under: b.FailUnderOption = [],
    fail_over: b.FailOverOption = [],
    channels: r.ChannelsOption = "rgb",
    data_range: o.DataRangeOption = None,
    background: r.BackgroundOption = "checker",
    resize: r.ResizeOption = False,
    frame: r.FrameOption = None,
    layout: r.LayoutOption = "auto",
    mask: m.MaskOption = None,
    region: m.RegionOption = [],
    max_pixels: r.MaxPixelsOption = 2**29,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    precision: o.PrecisionOption = "single",
    jobs: b.JobsOption = None,
    memory: b.MemoryOption = "2G",
    on_error: b.OnErrorOption = "continue",
    maps: b.MapsOption = None,
    maps_for: b.MapsForOption = "all",
    map_style: o.MapStyleOption = "gray",
    worst: b.WorstOption = 10,
    format: Annotated[str, o.format_option("batch")] = "table",
    output: b.OutputOption = None,
    resume: b.ResumeOption = False,
    overwrite: b.OverwriteOption = False,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Compare many pairs of images: two folders, a list, or standard input.

    Examples:
      ssimtool batch ref/ out/ -o s.ndjson
      ssimtool batch ref/ out/ \
        --fail-under mean:ssim=0.95
      ssimtool batch --pairs pairs.csv
    """
    _check_input(reference, distorted, pairs, null)
    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite exclude each other")
    limits, on_all = parsing.batch_thresholds(fail_under, fail_over, metrics=METRIC_NAMES)
    region_of_interest = m.counting(mask, region)
    settings = settings_of(
        metric,
        [*(t.metric for t in on_all), *(["ssim"] if maps is not None else [])],
        region_of_interest,
        definition=parsing.chosen_definition(definition, window_size, sigma, k1, k2, border),
        scales=scales,
        thresholds=limits,
        device=device,
        backend=backend,
        precision=precision,
    )
    count = jobs or usable_cores()
    reading = r.reading_of(channels, data_range, background, resize, frame, layout, max_pixels)
    from ssimtool.batch.request import BatchRequest, Terminal  # --help has no use for these
    from ssimtool.batch.run import run
    from ssimtool.batch.sinks import Target
    from ssimtool.batch.worker import Resources
    from ssimtool.cli.progress import counting as progress
    from ssimtool.readers.align import recorded
    from ssimtool.readers.lists.pairs import Filter

    request = BatchRequest(
        reference=reference or "",
        distorted=distorted or "",
        manifest=pairs,
        null=null,
        files=Filter(include=tuple(include), exclude=tuple(exclude)),
        reading=recorded(reading),
        max_pixels=max_pixels,
        region=region_of_interest,
        settings=settings,
        statistics=on_all,
        strict=strict,
        stop_on_error=on_error == "stop",
        worst=worst,
        maps=maps,
        maps_for=maps_for,
        map_style=map_style,
        quiet=quiet,
        debug=debug,
    )
    target = Target(
        format=format,
        output=output,
        names=settings.metrics,
        asked=tuple(metric),
        resume=resume,
        overwrite=overwrite,
        job_summary=job_summary_path(format),
    )
    resources = Resources(
        jobs=count,
        memory=parsing.size_in_bytes(memory),
        warm=pairs == STDIN,
    )

    return run(request, target, resources, Terminal(interruptible, progress, warn))


def _check_input(
    reference: str | None, distorted: str | None, pairs: str | None, null: bool
) -> None:
    if pairs is not None:
        if reference is not None:
            raise typer.BadParameter("give REFERENCE and DISTORTED, or --pairs, not both")
        return
    if null:
        raise typer.BadParameter("-0 says how a list is written: give one with --pairs")
    if reference is None or distorted is None:
        raise typer.BadParameter("give the folders REFERENCE and DISTORTED, or --pairs FILE")
    if STDIN in (reference, distorted):
        raise typer.BadParameter("standard input is no folder: give pairs through --pairs -")
    if os.path.isfile(reference) and os.path.isfile(distorted):
        raise typer.BadParameter("both are files: compare them with 'ssimtool compare'")
