"""`ssimtool explain`: why a number differs from another tool's."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import typer

from ssimtool import __version__
from ssimtool.cli.options import reading as r
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import Style, attempt, deliver, present
from ssimtool.output import reserved, wants_colour
from ssimtool.records.verdicts import EXIT_CODES
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.records.explanation import Explanation


def command(
    reference: o.ReferenceArgument,
    distorted: o.DistortedArgument,
    channels: r.ChannelsOption = "rgb",
    data_range: o.DataRangeOption = None,
    background: r.BackgroundOption = "checker",
    resize: r.ResizeOption = False,
    frame: r.FrameOption = None,
    layout: r.LayoutOption = "auto",
    max_pixels: r.MaxPixelsOption = 2**29,
    device: o.DeviceOption = "auto",
    backend: o.BackendOption = "auto",
    format: o.FormatOption = "table",
    output: o.OutputOption = None,
    quiet: o.QuietOption = False,
    debug: o.DebugOption = False,
) -> int:
    r"""Explain why SSIM differs between tools: every definition on one pair.

    Examples:
      ssimtool explain ref.png out.png
      ssimtool explain a.png b.png -f json
      ssimtool explain ref.npy out.npy \
        --data-range 1
    """
    if reference == distorted == "-":
        raise typer.BadParameter("standard input can be only one of REFERENCE and DISTORTED")
    scoring = CompareSettings(
        metrics=("ssim",),
        device=device,
        backend=backend,
        once=True,
    )
    how = r.reading_of(channels, data_range, background, resize, frame, layout, max_pixels)
    paths = reference, distorted
    targets = [output] if output is not None else []
    with reserved(targets, inputs=paths) as files:
        from ssimtool.readers.align import recorded
        from ssimtool.records.explanation import Explanation
        from ssimtool.reports.text import MACHINE_FORMATS

        record = attempt(
            lambda: _explain(paths, how, scoring),
            lambda failure: Explanation(
                status="error",
                reference=reference,
                distorted=distorted,
                reading=recorded(how),
                version=__version__,
                error=failure,
            ),
            Style(format, (), (), quiet, debug),
        )
        if record.error is None or format in MACHINE_FORMATS:
            deliver(_text(record, format, to_file=bool(files)), files[0] if files else None)
        return EXIT_CODES[record.status]


def _explain(paths: tuple[str, str], how: Reading, scoring: CompareSettings) -> Explanation:
    from ssimtool.readers.align import read_pair
    from ssimtool.readers.images.opening import set_up_pillow

    set_up_pillow()
    pair = read_pair(*paths, how)
    from ssimtool.scoring.explain import explain

    present(scoring.device, scoring.backend)
    return explain(pair, scoring)


def _text(record: Explanation, format: str, *, to_file: bool) -> str:
    from ssimtool.reports.explanation import FORMATS, explanation_table

    if format in FORMATS:
        return FORMATS[format](record)
    width = shutil.get_terminal_size((80, 24)).columns
    return explanation_table(record, width=width, colour=wants_colour() and not to_file)
