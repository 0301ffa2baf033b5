"""The options that say which pixels count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ssimtool.cli.options.shared import computing
from ssimtool.plugins import find_metric
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


def check_takes(what: RegionOfInterest, metrics: Sequence[str], backend: str) -> None:
    """Refuses what cannot be told of some pixels alone.

    Raises:
        typer.BadParameter: a metric or a backend that takes no mask.
    """
    if not what:
        return
    option = "--mask" if what.mask is not None else "--region"
    for name in metrics:
        if "weight" not in find_metric(name).takes:
            raise typer.BadParameter(f"{name} takes no {option}: leave one of them out")
    if backend == "fused":
        raise typer.BadParameter(
            f"the fused kernels take no {option}: leave it out, torch computes then",
            param_hint="--backend",
        )
