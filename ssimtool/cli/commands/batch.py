"""`ssimtool batch`: compare many pairs."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.options import batch as b
from ssimtool.cli.options import frames as f
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import job_summary_path, note_compilation
from ssimtool.cli.terminal import has_stdout, view_of_stdout
from ssimtool.devices import usable_cores
from ssimtool.output import warn
from ssimtool.plugins import METRIC_NAMES
from ssimtool.readers.regions import parse_interest
from ssimtool.records.thresholds import parse_batch_thresholds
from ssimtool.reports.view import View
from ssimtool.scoring.arguments import compare_settings, reading_of
from ssimtool.settings import DEFAULT_MAP_STYLE, DEFAULT_MAPS_FOR, DEFAULT_TIMEOUT


def command(
    reference: b.ReferenceArgument = None,
    distorted: b.DistortedArgument = None,
    pairs: b.PairsOption = None,
    null: b.NullOption = False,
    base: b.BaseOption = None,
    include: b.IncludeOption = [],
    exclude: b.ExcludeOption = [],
    unmatched: b.UnmatchedOption = None,
    allow_empty: b.AllowEmptyOption = False,
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
    value_range: o.ValueRangeOption = None,
    background: r.BackgroundOption = "checker",
    resize: r.ResizeOption = False,
    frame: f.FrameOption = None,
    layout: r.LayoutOption = "auto",
    mask: m.MaskOption = None,
    region: m.RegionOption = [],
    max_pixels: r.MaxPixelsOption = 2**29,
    max_bytes: o.MaxBytesOption = None,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    precision: o.PrecisionOption = "single",
    jobs: b.JobsOption = None,
    memory: b.MemoryOption = "2G",
    isolate: b.IsolateOption = False,
    timeout: b.TimeoutOption = None,
    on_error: b.OnErrorOption = "continue",
    maps: b.MapsOption = None,
    maps_for: b.MapsForOption = None,
    map_style: o.MapStyleOption = None,
    worst: b.WorstOption = 10,
    format: Annotated[str | None, o.format_option("batch")] = None,
    output: b.OutputOption = [],
    wide: o.WideOption = False,
    csv_safe: o.CsvSafeOption = False,
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
    if resume and overwrite:
        raise typer.BadParameter("pass --resume or --overwrite, not both")
    parsing.requires("--maps-for", "--maps DIR", holds=maps_for is None or maps is not None)
    parsing.requires("--map-style", "--maps DIR", holds=map_style is None or maps is not None)
    parsing.requires(
        "--maps-for worst", "--worst 1 or more", holds=maps_for != "worst" or worst > 0
    )
    parsing.requires("--timeout", "--isolate", holds=timeout is None or isolate)
    from ssimtool.batch.request import BatchRequest, MapsRequest, PairSource, Terminal
    from ssimtool.readers.lists.folders import Filter

    source = PairSource(
        reference=reference,
        distorted=distorted,
        manifest=pairs,
        null=null,
        base=base,
        files=Filter(include=tuple(include), exclude=tuple(exclude)),
    )
    outputs = parsing.outputs("batch", format, output)
    csv = parsing.csv_style(outputs, wide=wide, safe=csv_safe)
    limits, on_all = parse_batch_thresholds(fail_under, fail_over, metrics=METRIC_NAMES)
    region_of_interest = parse_interest(mask, region)
    settings = compare_settings(
        metric,
        parsing.chosen_definition(definition, window_size, sigma, k1, k2, border),
        scales,
        region_of_interest,
        device,
        backend,
        precision,
        thresholds=limits,
        implied=[*(t.metric for t in on_all), *(["ssim"] if maps is not None else [])],
    )
    size = parsing.memory_in_bytes(memory)
    parsing.requires_definition(settings)
    reading = reading_of(
        channels, data_range, value_range, background, resize, frame, layout, max_pixels, max_bytes
    )
    from ssimtool.batch.interrupt import interruptible
    from ssimtool.batch.pair_reader import Resources
    from ssimtool.batch.run import run
    from ssimtool.batch.sinks import Target
    from ssimtool.cli.progress import pair_progress

    request = BatchRequest(
        source=source,
        reading=reading,
        region=region_of_interest,
        settings=settings,
        statistics=on_all,
        unmatched=unmatched or ("fail" if limits or on_all else "warn"),
        allow_empty=allow_empty,
        stop_on_error=on_error == "stop",
        worst=worst,
        maps=None
        if maps is None
        else MapsRequest(maps, maps_for or DEFAULT_MAPS_FOR, map_style or DEFAULT_MAP_STYLE),
        quiet=quiet,
        debug=debug,
    )
    target = Target(
        outputs=outputs,
        table=format is None
        and all(one.path is not None for one in outputs)
        and (has_stdout() or not outputs),
        worst=worst,
        view=view_of_stdout(
            View(
                names=settings.metrics,
                requested=tuple(metric),
                listed=pairs is not None,
                csv=csv,
            )
        ),
        resume=resume,
        overwrite=overwrite,
        job_summary=job_summary_path(one.format for one in outputs),
    )
    resources = Resources(
        jobs=jobs or usable_cores(),
        memory=size,
        warm=pairs == "-",
        isolated_for=(timeout or DEFAULT_TIMEOUT) if isolate else None,
    )
    note_compilation(quiet=quiet)
    return run(request, target, resources, Terminal(interruptible, pair_progress, warn))
