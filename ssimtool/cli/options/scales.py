"""The option of MS-SSIM, for the commands that compute it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.cli.options.shared import score
from ssimtool.plugins import find_metric

ALL = len(SCALE_WEIGHTS)

ScalesOption = Annotated[
    int | None,
    score(
        metavar="N",
        min=1,
        max=ALL,
        help=f"Set the number of MS-SSIM scales. Default: {ALL}; use fewer below 161 pixels.",
    ),
]


def count_of(scales: int | None, metrics: Iterable[str]) -> int:
    """How many scales.

    Raises:
        typer.BadParameter: they are given, and no metric has any.
    """
    if scales is not None and not any("scales" in find_metric(name).takes for name in metrics):
        raise typer.BadParameter("is of ms_ssim: add -m ms_ssim", param_hint="--scales")
    return scales or ALL
