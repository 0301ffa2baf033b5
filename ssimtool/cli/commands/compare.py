"""`ssimtool compare`: compare one pair."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.options import frames as f
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, announce, note_compilation, show
from ssimtool.cli.several import compare_several
from ssimtool.output import put, reserved
from ssimtool.plugins import METRIC_NAMES
from ssimtool.readers.regions import parse_interest
from ssimtool.records.thresholds import parse_thresholds
from ssimtool.scoring.arguments import compare_settings, reading_of
from ssimtool.settings import DEFAULT_MAP_STYLE


def command(
    reference: o.ReferenceArgument,
    images: o.DistortedArguments,
    metric: o.MetricOption = list(DEFAULT_METRICS),
    definition: o.DefinitionOption = "wang2004",
    window_size: o.WindowSizeOption = None,
    sigma: o.SigmaOption = None,
    k1: o.K1Option = None,
    k2: o.K2Option = None,
    border: o.BorderOption = None,
    scales: s.ScalesOption = None,
    fail_under: f.FailUnderOption = [],
    fail_over: f.FailOverOption = [],
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
    map_: o.MapOption = [],
    map_style: o.MapStyleOption = None,
    format: Annotated[str | None, o.format_option("compare")] = None,
    output: o.OutputOption = [],
    wide: o.WideOption = False,
    csv_safe: o.CsvSafeOption = False,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Compare two images: SSIM, SSIM loss, MSE, PSNR, and the SSIM map.

    Examples:
      ssimtool compare ref.png out.png
      ssimtool compare a.png b.png -m psnr
      ssimtool compare ref.png out.png \
        --fail-under 0.98 --map map.png
    """
    distorted, several = images[0], tuple(images) if len(images) > 1 else ()
    if several and "-" in (reference, *several):
        raise typer.BadParameter("standard input can be compared with one image only")
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    parsing.requires("--map-style", "--map FILE.png", holds=map_style is None or bool(map_))
    chosen_style = map_style or DEFAULT_MAP_STYLE
    region_of_interest = parse_interest(mask, region)
    settings = compare_settings(
        metric,
        parsing.chosen_definition(definition, window_size, sigma, k1, k2, border),
        scales,
        region_of_interest,
        device,
        backend,
        precision,
        thresholds=parse_thresholds(fail_under, fail_over, metrics=METRIC_NAMES, has_frames=True),
        implied=["ssim"] if map_ else [],  # the map states it
    )
    parsing.requires_definition(settings)
    reading = reading_of(
        channels, data_range, value_range, background, resize, frame, layout, max_pixels, max_bytes
    )
    outputs = parsing.outputs("compare", format, output)
    csv = parsing.csv_style(outputs, wide=wide, safe=csv_safe)
    style = Style(outputs, tuple(metric), settings.metrics, quiet, debug, csv)
    if several:
        if map_:
            raise typer.BadParameter("--map is of one pair: use batch --maps DIR, or one image")
        note_compilation(quiet=quiet)
        return compare_several(reference, several, settings, reading, region_of_interest, style)
    with reserved(
        [*map_, *style.files], inputs=(reference, distorted, *([mask] if mask else []))
    ) as files:
        from ssimtool.readers.images.opening import set_up_pillow
        from ssimtool.scoring.images import CompareRequest, compare_once

        set_up_pillow()
        note_compilation(quiet=quiet)
        request = CompareRequest(
            reference=reference,
            distorted=distorted,
            settings=settings,
            reading=reading,
            region=region_of_interest,
            with_map=bool(map_),
        )
        compared = compare_once(request, debug=debug)
        announce(compared.record, quiet=quiet)
        for path, file in zip(map_, files, strict=False):
            if compared.ssim_map is not None and compared.pair is not None:
                from ssimtool.reports.maps import map_file  # loads fonts

                ssim_map, pair, record = compared.ssim_map, compared.pair, compared.record
                put(file, map_file(PurePath(path).suffix, ssim_map, pair, record, chosen_style))
        return show("compare", compared.record, style, files[len(map_) :])
