"""Option of MS-SSIM, for the commands that compute it."""

from __future__ import annotations

from typing import Annotated

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.cli.options.shared import score

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
