"""The requested region of interest of a pair. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ssimtool.errors import ArgumentError

SHOWN = 80  # characters of a text that is no region
Region = tuple[int, int, int, int]  # x, y of the upper left pixel, width, height
# Columns of a manifest that replace the option of the same name.
MASK, REGION = "mask", "region"


@dataclass(frozen=True, kw_only=True)
class RegionOfInterest:
    """Pixels to compare: white in `mask` and inside the union of `regions`; all without either."""

    mask: str | None = None
    regions: tuple[Region, ...] = ()

    def __bool__(self) -> bool:
        return self.mask is not None or bool(self.regions)


ALL = RegionOfInterest()


def parse_region(text: str) -> Region:
    """Parse `X,Y,W,H`, in whole pixels from the upper left corner.

    Raises:
        ValueError: the text is not a region.

    >>> parse_region("10,20,64,48")
    (10, 20, 64, 48)
    """
    number = r"\s*(\d{1,99})\s*"  # int() refuses thousands of digits
    match = re.fullmatch(",".join([number] * 4), text, re.ASCII)
    x, y, width, height = (min(int(n), 2**63) for n in match.groups()) if match else (0, 0, 0, 0)
    if not (width and height):
        raise ValueError(
            f"{text[:SHOWN]!r} is not a region, expected X,Y,W,H in whole pixels from the upper "
            "left corner, W and H above 0"
        )
    return x, y, width, height


def parse_regions(text: str) -> tuple[Region, ...]:
    """Parse regions: separated by semicolons, or a JSON list of texts or of lists of four numbers.

    Raises:
        ValueError: the text holds something else.

    >>> parse_regions("0,0,8,8; 8,8,16,16")
    ((0, 0, 8, 8), (8, 8, 16, 16))
    >>> parse_regions("[[0, 0, 8, 8]]")
    ((0, 0, 8, 8),)
    """
    if not text.lstrip().startswith("["):
        return tuple(parse_region(part) for part in text.split(";") if part.strip())
    try:
        parts = json.loads(text)
        if len(parts) == 4 and all(isinstance(n, int) for n in parts):  # a single region
            parts = [parts]
        texts = [_comma_separated(part) for part in parts]
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, deep nesting
        texts = [text]
    return tuple(map(parse_region, texts))


def parse_interest(mask: str | None, regions: Sequence[str]) -> RegionOfInterest:
    """Return the region of interest of a mask file and of texts `X,Y,W,H`.

    Raises:
        ArgumentError: a region cannot be parsed, or the mask is standard input.
    """
    if mask == "-":
        raise ArgumentError(
            "standard input cannot be a mask: use a file (./- for a file named -)", argument="mask"
        )
    try:
        return RegionOfInterest(mask=mask, regions=tuple(map(parse_region, regions)))
    except ValueError as error:
        raise ArgumentError(str(error), argument="region") from None


def _comma_separated(part: object) -> str:
    if isinstance(part, Sequence) and not isinstance(part, str):
        return ",".join(map(str, part))
    return str(part)


def region_of(columns: Mapping[str, str], otherwise: RegionOfInterest) -> RegionOfInterest:
    """Region of interest of a pair in a manifest: by its columns, or else `otherwise`.

    Raises:
        ValueError: a column cannot be parsed.
    """
    mask, regions = columns.get(MASK), columns.get(REGION)
    return RegionOfInterest(
        mask=mask or otherwise.mask,
        regions=(parse_regions(regions) if regions else ()) or otherwise.regions,
    )
