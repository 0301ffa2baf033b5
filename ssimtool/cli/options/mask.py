"""The options that say which pixels count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ssimtool.cli.options.shared import computing
from ssimtool.readers.regions import RegionOfInterest, parse_region

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


def counting(mask: str | None, regions: Sequence[str]) -> RegionOfInterest:
    """Which pixels count.

    Raises:
        typer.BadParameter: a region that cannot be parsed, or standard input for a mask.
    """
    if mask == "-":
        raise typer.BadParameter(
            "standard input is no mask: give a file, ./- for one of that name", param_hint="--mask"
        )
    try:
        return RegionOfInterest(mask=mask, regions=tuple(map(parse_region, regions)))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--region") from None
