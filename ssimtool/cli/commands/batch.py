"""`ssimtool batch`: many pairs."""

from __future__ import annotations

import os

import typer

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.interrupt import interruptible
from ssimtool.cli.options import batch as b
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import present
from ssimtool.devices import usable_cores
from ssimtool.output import warn
from ssimtool.plugins import METRIC_NAMES, with_implied
from ssimtool.settings import CompareSettings

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
    channels: o.ChannelsOption = "rgb",
    data_range: o.DataRangeOption = None,
    background: o.BackgroundOption = "checker",
    resize: o.ResizeOption = False,
    frame: o.FrameOption = None,
    layout: o.LayoutOption = "auto",
    mask: m.MaskOption = None,
    region: m.RegionOption = [],
    max_pixels: o.MaxPixelsOption = 2**29,
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
    format: o.FormatOption = "table",
    output: b.OutputOption = None,
    resume: b.ResumeOption = False,
    overwrite: b.OverwriteOption = False,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Compare many pairs of images: of two folders, of a list, or of standard input."""
    _check_input(reference, distorted, pairs, null)
    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite exclude each other")
    limits, on_all = parsing.batch_thresholds(fail_under, fail_over, metrics=METRIC_NAMES)
    named = (*(t.metric for t in limits), *(t.metric for t in on_all))
    computed = with_implied((*metric, *named, *(["ssim"] if maps is not None else [])))
    counting = m.counting(mask, region)
    m.check_takes(counting, computed, backend)
    count = jobs or usable_cores()
    scoring = CompareSettings(
        metrics=computed,
        definition=parsing.chosen_definition(definition, window_size, sigma, k1, k2, border),
        scales=s.count_of(scales, computed),
        thresholds=limits,
        device=device,
        backend=backend,  # type: ignore[arg-type]  # one of its names: the option checks
        precision=precision,  # type: ignore[arg-type]  # likewise
        threads=1 if count > 1 else None,
    )
    from ssimtool.batch.request import BatchRequest, Terminal  # --help has no use for these
    from ssimtool.batch.run import run
    from ssimtool.batch.sinks import Target
    from ssimtool.batch.worker import Resources
    from ssimtool.cli.progress import counting as progress
    from ssimtool.readers.lists.pairs import Filter

    asked = BatchRequest(
        reference=reference or "",
        distorted=distorted or "",
        manifest=pairs,
        null=null,
        files=Filter(include=tuple(include), exclude=tuple(exclude)),
        reading={
            "channels": channels,
            "data_range": data_range,
            "background": parsing.background(background),
            "resize": resize,
            "frame": frame,
            "layout": layout,
        },
        max_pixels=max_pixels,
        counting=counting,
        scoring=scoring,
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
        names=computed,
        asked=tuple(metric),
        resume=resume,
        overwrite=overwrite,
    )
    resources = Resources(
        jobs=count,
        memory=parsing.size_in_bytes(memory),
        warm=pairs == STDIN,
    )

    def check() -> None:
        from ssimtool.scoring.pair import needs_torch

        if needs_torch(scoring) or maps is not None:
            present(device, scoring.backend)

    return run(asked, target, resources, check, Terminal(interruptible, progress, warn))


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
