"""`ssimtool compare`: one pair."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.options.comparing import settings_of
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.output import put, reserved
from ssimtool.plugins import METRIC_NAMES
from ssimtool.settings import MapStyle

if TYPE_CHECKING:
    from ssimtool.scoring.images import Compared


def command(
    reference: o.ReferenceArgument,
    distorted: o.DistortedArgument,
    metric: o.MetricOption = list(DEFAULT_METRICS),
    definition: o.DefinitionOption = "wang2004",
    window_size: o.WindowSizeOption = None,
    sigma: o.SigmaOption = None,
    k1: o.K1Option = None,
    k2: o.K2Option = None,
    border: o.BorderOption = None,
    scales: s.ScalesOption = None,
    fail_under: o.FailUnderOption = [],
    fail_over: o.FailOverOption = [],
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
    precision: o.PrecisionOption = "double",
    map_: o.MapOption = [],
    map_style: o.MapStyleOption = "gray",
    format: Annotated[str, o.format_option("compare")] = "table",
    output: o.OutputOption = None,
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
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    limits = parsing.thresholds(fail_under, fail_over, metrics=METRIC_NAMES)
    chosen = parsing.chosen_definition(definition, window_size, sigma, k1, k2, border)
    region_of_interest = m.counting(mask, region)
    settings = settings_of(
        metric,
        ["ssim"] if map_ else [],  # which stands in the text of a map
        region_of_interest,
        definition=chosen,
        scales=scales,
        thresholds=limits,
        device=device,
        backend=backend,
        precision=precision,
    )
    reading = r.reading_of(channels, data_range, background, resize, frame, layout, max_pixels)
    style = Style(format, tuple(metric), settings.metrics, quiet, debug)
    targets = [*map_, *([output] if output is not None else [])]
    with reserved(targets, inputs=(reference, distorted, *([mask] if mask else []))) as files:
        from ssimtool.readers.images.opening import set_up_pillow
        from ssimtool.scoring.images import CompareRequest, compare_once

        set_up_pillow()
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
            if (data := _map_file(path, compared, map_style)) is not None:
                put(file, data)
        return show("compare", compared.record, style, files[-1] if output is not None else None)


def _map_file(path: str, compared: Compared, style: MapStyle) -> bytes | None:
    """The content of the file of a map, by its suffix; None where there is no map."""
    from ssimtool.reports.maps import map_npy, map_png

    if compared.ssim_map is None or compared.pair is None:
        return None
    if PurePath(path).suffix.lower() == ".npy":
        return map_npy(compared.ssim_map)
    return map_png(compared.ssim_map, compared.pair, compared.record, style)
