"""Options of the region of interest."""

from __future__ import annotations

from typing import Annotated

from ssimtool.cli.options.shared import computing

MaskOption = Annotated[
    str | None,
    computing(
        metavar="FILE", help="Compare only where FILE is white. Float masks (0 to 1) are weights."
    ),
]
RegionOption = Annotated[
    list[str],
    computing(
        metavar="X,Y,W,H",
        help="Compare only this rectangle. Repeatable; with --mask, the intersection.",
    ),
]
