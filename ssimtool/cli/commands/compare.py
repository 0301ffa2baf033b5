"""`ssimtool compare`: one pair."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool import __version__
from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.cli import parsing
from ssimtool.cli.options import mask as m
from ssimtool.cli.options import scales as s
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, attempt, present, show
from ssimtool.output import Reserved, put, reserved
from ssimtool.plugins import METRIC_NAMES, with_implied
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.readers.regions import RegionOfInterest
    from ssimtool.readers.samples import Array, Pair


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
    format: o.FormatOption = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    """Compare two images: SSIM, SSIM loss, MSE, PSNR, and the map of SSIM."""
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    limits = parsing.thresholds(fail_under, fail_over, metrics=METRIC_NAMES)
    chosen = parsing.chosen_definition(definition, window_size, sigma, k1, k2, border)
    under = parsing.background(background)
    counting = m.counting(mask, region)
    # A map states the score in its text, so it implies it.
    computed = with_implied((*metric, *(t.metric for t in limits), *(["ssim"] if map_ else [])))
    m.check_takes(counting, computed, backend)
    scoring = CompareSettings(
        metrics=computed,
        definition=chosen,
        scales=s.count_of(scales, computed),
        thresholds=limits,
        device=device,
        backend=backend,  # type: ignore[arg-type]  # one of its names: the option checks
        precision=precision,  # type: ignore[arg-type]  # likewise
        once=True,
    )
    style = Style(format, tuple(metric), computed, quiet, debug)
    targets = [*map_, *([output] if output is not None else [])]
    with reserved(targets, inputs=(reference, distorted, *([mask] if mask else []))) as files:
        from ssimtool.readers.align import Reading, recorded

        how = Reading(
            channels=channels,  # type: ignore[arg-type]  # one of its names: the option checks
            data_range=data_range,
            background=under,
            resize=resize,
            frame=frame,
            max_pixels=max_pixels,
            layout=layout,  # type: ignore[arg-type]  # likewise
        )
        maps = tuple(zip(map_, files, strict=False))
        record = attempt(
            lambda: _compare((reference, distorted), how, counting, scoring, maps, map_style),
            lambda failure: Comparison(
                status="error",
                reference=reference,
                distorted=distorted,
                definition=parts_of(chosen),
                reading=recorded(how),
                mask=counting.mask,
                regions=counting.regions,
                version=__version__,
                error=failure,
            ),
            style,
        )
        return show(record, style, files[-1] if output is not None else None)


def _compare(
    paths: tuple[str, str],
    how: Reading,
    counting: RegionOfInterest,
    scoring: CompareSettings,
    maps: tuple[tuple[str, Reserved], ...],
    style: str,
) -> Comparison:
    from ssimtool.readers.align import read_pair
    from ssimtool.readers.images.opening import set_up_pillow

    set_up_pillow()
    # Before torch is loaded, so that what is wrong with a file shows at once; only the samples of
    # large images are decoded meanwhile, and what is wrong with those shows when torch is there.
    pair = read_pair(*paths, how, meanwhile=_load_torch)
    if counting:
        from ssimtool.readers.masks import with_mask

        pair = with_mask(pair, counting, max_pixels=how.max_pixels)
    from ssimtool.scoring.pair import compare, map_of

    present(scoring.device, scoring.backend)
    record = compare(pair, scoring)
    if maps:
        ssim_map = map_of(pair, scoring)
        for path, file in maps:
            put(file, _rendered(path, ssim_map, pair, record, style))
    return record


def _load_torch() -> None:
    import ssimtool.scoring.tensors  # noqa: F401  # for what it loads


def _rendered(path: str, ssim_map: Array, pair: Pair, record: Comparison, style: str) -> bytes:
    from ssimtool.reports.maps import map_npy, map_png

    if PurePath(path).suffix.lower() == ".npy":
        return map_npy(ssim_map)
    return map_png(ssim_map, pair, record, style)
