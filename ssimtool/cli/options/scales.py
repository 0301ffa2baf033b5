"""Option of MS-SSIM, for the commands that compute it."""

from __future__ import annotations

from typing import Annotated

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.cli.options.shared import score
from ssimtool.cli.parsing import at_least

ALL = len(SCALE_WEIGHTS)

ScalesOption = Annotated[
    int | None,
    score(
        metavar="N",
        callback=at_least(1, ALL),
        help=f"Set the number of MS-SSIM scales: 1 to {ALL} (default); fewer below 161 pixels.",
    ),
]
