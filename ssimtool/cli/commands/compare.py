"""`ssimtool compare`: one pair."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.catalog import DEFAULT_METRICS, METRICS, with_implied
from ssimtool.cli import parsing
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, announce, show
from ssimtool.output import put, reserved
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.scoring.images import Compared


def command(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE", help="The image that the other is held against, a file or -."
        ),
    ],
    distorted: Annotated[
        str, typer.Argument(metavar="DISTORTED", help="The image to judge, a file or -.")
    ],
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
    precision: o.PrecisionOption = "double",
    map_: o.MapOption = [],
    map_style: o.MapStyleOption = "gray",
    format: Annotated[
        str, o.format_option("compare", "value is the bare numbers in the order of -m.")
    ] = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Compare two images: SSIM, SSIM loss, MSE, PSNR, and the map of SSIM."""
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    limits = parsing.thresholds(fail_under, fail_over, metrics=METRICS)
    chosen = parsing.chosen_definition(definition, window_size, sigma, k1, k2, border)
    under = parsing.background(background)
    region_of_interest = m.counting(mask, region)
    # A map states the score in its text, so it implies it.
    computed = with_implied((*metric, *(t.metric for t in limits), *(["ssim"] if map_ else [])))
    m.check_takes(region_of_interest, computed, backend)
    settings = CompareSettings(
        metrics=computed,
        definition=chosen,
        scales=s.count_of(scales, computed),
        thresholds=limits,
        device=device,
        backend=backend,  # type: ignore[arg-type]  # one of its names: the option checks
        precision=precision,  # type: ignore[arg-type]  # likewise
    )
    style = Style(format, tuple(metric), computed, quiet, debug)
    targets = [*map_, *([output] if output is not None else [])]
    with reserved(targets, inputs=(reference, distorted, *([mask] if mask else []))) as files:
        from ssimtool.readers.align import Reading
        from ssimtool.readers.images.opening import set_up_pillow
        from ssimtool.scoring.images import CompareRequest, compare_once

        set_up_pillow()
        request = CompareRequest(
            reference=reference,
            distorted=distorted,
            settings=settings,
            reading=Reading(
                channels=channels,  # type: ignore[arg-type]  # one of its names: the option checks
                data_range=data_range,
                background=under,
                resize=resize,
                frame=frame,
                max_pixels=max_pixels,
                layout=layout,  # type: ignore[arg-type]  # likewise
            ),
            region=region_of_interest,
            with_map=bool(map_),
        )
        compared = compare_once(request, debug=debug)
        announce(compared.record, quiet=quiet)
        for path, file in zip(map_, files, strict=False):
            if (data := _map_file(path, compared, map_style)) is not None:
                put(file, data)
        return show("compare", compared.record, style, files[-1] if output is not None else None)


def _map_file(path: str, compared: Compared, style: str) -> bytes | None:
    """The content of the file of a map, by its suffix; None where there is no map."""
    from ssimtool.reports.maps import map_npy, map_png

    if compared.ssim_map is None or compared.pair is None:
        return None
    if PurePath(path).suffix.lower() == ".npy":
        return map_npy(compared.ssim_map)
    return map_png(compared.ssim_map, compared.pair, compared.record, style)
