"""Which pixels of a pair count, as it is asked for. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ssimtool.errors import ArgumentError

Region = tuple[int, int, int, int]  # x, y of the upper left pixel, width, height
# The columns of a manifest that say it, each in the place of the option of its name.
MASK, REGION = "mask", "region"


@dataclass(frozen=True, kw_only=True)
class RegionOfInterest:
    """The pixels that count: those where `mask` is white, within the union of `regions`; all where
    neither is given."""

    mask: str | None = None
    regions: tuple[Region, ...] = ()

    def __bool__(self) -> bool:
        return self.mask is not None or bool(self.regions)


ALL = RegionOfInterest()


def parse_region(text: str) -> Region:
    """`X,Y,W,H`: whole pixels from the upper left corner.

    Raises:
        ValueError: it is not.

    >>> parse_region("10,20,64,48")
    (10, 20, 64, 48)
    """
    found = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text, re.ASCII)
    x, y, width, height = (min(int(n), 2**63) for n in found.groups()) if found else (0, 0, 0, 0)
    if not (width and height):
        raise ValueError(
            f"{text!r} is no region, expected X,Y,W,H in whole pixels from the upper left corner, "
            "W and H above 0"
        )
    return x, y, width, height


def parse_regions(text: str) -> tuple[Region, ...]:
    """Several: separated by semicolons, or a JSON list of texts or of lists of four numbers.

    Raises:
        ValueError: it is not.

    >>> parse_regions("0,0,8,8; 8,8,16,16")
    ((0, 0, 8, 8), (8, 8, 16, 16))
    >>> parse_regions("[[0, 0, 8, 8]]")
    ((0, 0, 8, 8),)
    """
    if not text.lstrip().startswith("["):
        return tuple(parse_region(part) for part in text.split(";") if part.strip())
    try:
        found = json.loads(text)
    except ValueError:
        found = [text]
    if len(found) == 4 and all(isinstance(n, int) for n in found):  # one alone
        found = [found]
    return tuple(parse_region(_listed(part)) for part in found)


def parse_interest(mask: str | None, regions: Sequence[str]) -> RegionOfInterest:
    """Return which pixels are compared: the file of a mask, and texts `X,Y,W,H`.

    Raises:
        ArgumentError: a region that cannot be parsed, or standard input for a mask.
    """
    if mask == "-":
        raise ArgumentError(
            "standard input is no mask: give a file, ./- for one of that name", argument="mask"
        )
    try:
        return RegionOfInterest(mask=mask, regions=tuple(map(parse_region, regions)))
    except ValueError as error:
        raise ArgumentError(str(error), argument="region") from None


def _listed(part: object) -> str:
    if isinstance(part, Sequence) and not isinstance(part, str):
        return ",".join(map(str, part))
    return str(part)


def region_of(columns: Mapping[str, str], otherwise: RegionOfInterest) -> RegionOfInterest:
    """What counts of a pair of a manifest: what its columns say, else what holds for all.

    Raises:
        ValueError: a column that cannot be parsed.
    """
    mask, regions = columns.get(MASK), columns.get(REGION)
    return RegionOfInterest(
        mask=mask or otherwise.mask,
        regions=(parse_regions(regions) if regions else ()) or otherwise.regions,
    )
