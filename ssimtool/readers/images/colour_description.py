"""Describe a colour space by numbers, as files do that have no ICC profile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Primaries = tuple[float, ...]  # x and y of white, red, green and blue, as in the cHRM chunk
SRGB: Literal["sRGB"] = "sRGB"  # the transfer function of IEC 61966-2-1

D65 = (0.3127, 0.3290)
BT709 = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# Chromaticities that differ by less give the same 8-bit samples: with each of the eight off by
# 0.001, one colour in ten is off by one level, none by more than two. Encoders round to 3 digits.
SAME_CHROMATICITY = 0.001
# gAMA holds 1/2.2 as 45455. Some encoders round it to 0.45, to 0.455 or even to 0.46.
SRGB_GAMMA = (0.4495, 0.4605)

# ITU-T H.273 (07/2024), table 2
PRIMARIES: dict[int, tuple[str, Primaries]] = {
    1: ("BT.709", BT709),
    4: ("BT.470 M", (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.470 BG", (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    8: ("film", (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),
    9: ("BT.2020", (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
# ITU-T H.273 (07/2024), table 3. The functions of BT.709, BT.601 and BT.2020 describe a camera;
# browsers and players show such images by the function of sRGB, and so does this program.
TRANSFERS: dict[int, tuple[str, float | str]] = {
    1: ("BT.709", SRGB),
    4: ("gamma 2.2", 2.2),
    5: ("gamma 2.8", 2.8),
    6: ("BT.601", SRGB),
    8: ("linear", 1.0),
    13: ("sRGB", SRGB),
    14: ("BT.2020", SRGB),
    15: ("BT.2020", SRGB),
    16: ("PQ", "PQ"),
    18: ("HLG", "HLG"),
}
UNSPECIFIED = (0, 2, 3)  # reserved and unspecified values of both tables
# Adobe RGB (1998), sections 4.3.1 and 4.3.4
ADOBE_RGB = ("Adobe RGB", (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)


@dataclass(frozen=True)
class ColourDescription:
    """Colour space of samples: primaries and a transfer function.

    `primaries` are x and y of white, red, green and blue; None if they are unknown. `transfer` is
    the exponent that turns a sample from 0 to 1 into light, or the name of another function.
    `narrow` says that 16 to 235 of 255 stand for black to white. `source` is where the file says so
    and what, for messages; it does not make two descriptions different.
    """

    source: str = field(compare=False)
    primaries: Primaries | None
    transfer: float | str
    narrow: bool = False


def of_cicp(
    place: str, primaries: int, transfer: int, *, narrow: bool = False
) -> ColourDescription | None:
    """Describe a colour space by its code points of ITU-T H.273; None if they leave it open.

    Args:
        place: where the file states them, for messages.
        primaries, transfer: the code points.
        narrow: whether the samples have the narrow range.
    """
    if primaries in UNSPECIFIED or transfer in UNSPECIFIED:
        return None
    name, chromaticities = PRIMARIES.get(primaries, (f"primaries {primaries}", None))
    function, curve = TRANSFERS.get(transfer, (f"transfer function {transfer}",) * 2)
    source = f"{place} {name}, {function}" + (", narrow range" if narrow else "")
    return _rounded(ColourDescription(source, chromaticities, curve, narrow))


def of_gamma(gamma: float | None, chromaticities: Primaries | None) -> ColourDescription | None:
    """Describe the colour space of the PNG chunks gAMA and cHRM; None if there is neither.

    Without gAMA, the transfer function is that of sRGB; without cHRM, the primaries are. Values
    that describe no colour space are ignored, as libpng does.

    Args:
        gamma: the exponent of the encoder, from 0 to 1 as a rule.
        chromaticities: x and y of white, red, green and blue.
    """
    gamma = gamma if gamma and gamma > 0 else None
    if chromaticities is not None and not _spans_colours(chromaticities):
        chromaticities = None
    if gamma is None and chromaticities is None:
        return None
    parts = (f"gAMA {gamma:g}" if gamma else "", "cHRM" if chromaticities else "")
    return _rounded(
        ColourDescription(
            ", ".join(part for part in parts if part),
            chromaticities or BT709,
            1 / gamma if gamma else SRGB,
        )
    )


def is_srgb(description: ColourDescription) -> bool:
    """Whether the samples are those of sRGB."""
    return (description.primaries, description.transfer, description.narrow) == (BT709, SRGB, False)


def of_grey(description: ColourDescription) -> ColourDescription:
    """Describe grey samples, for which the primaries do not matter."""
    return _rounded(replace(description, primaries=BT709))


def _rounded(description: ColourDescription) -> ColourDescription:
    """Take the primaries and the exponent of sRGB for itself, if they are meant."""
    primaries, transfer = description.primaries, description.transfer
    if primaries is not None and all(
        abs(a - b) <= SAME_CHROMATICITY for a, b in zip(primaries, BT709, strict=True)
    ):
        primaries = BT709
    low, high = SRGB_GAMMA
    if primaries == BT709 and isinstance(transfer, float) and low <= 1 / transfer <= high:
        transfer = SRGB
    return replace(description, primaries=primaries, transfer=transfer)


def _spans_colours(chromaticities: Primaries) -> bool:
    """Whether white lies inside the triangle of the primaries."""
    (wx, wy), *corners = zip(chromaticities[::2], chromaticities[1::2], strict=True)
    sides = [
        (bx - ax) * (wy - ay) - (by - ay) * (wx - ax)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True)
    ]
    inside = all(side > 0 for side in sides) or all(side < 0 for side in sides)
    return inside and min(chromaticities[1::2]) > 0
