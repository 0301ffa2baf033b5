"""The option of MS-SSIM, for the commands that compute it."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.cli.options import SCORES

ALL = len(SCALE_WEIGHTS)

ScalesOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=ALL,
        help=f"Of MS-SSIM: fewer than {ALL} for small images, with the weights of these alone.",
        rich_help_panel=SCORES,
    ),
]
