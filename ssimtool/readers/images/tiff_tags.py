"""Read the tags of a TIFF: what a page holds, and where.

Sources: TIFF 6.0 (Adobe, 1992); Supplement 2 (compression 7 and 8); BigTIFF (AWare Systems).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ssimtool.readers.files import Content

Values = tuple[int, ...]
NONE, JPEG_OLD, JPEG = 1, 6, 7  # compressions
UNSIGNED, SIGNED, FLOAT, VOID = 1, 2, 3, 4  # sample formats
SEPARATE = 2  # planar configuration: one channel after another
# Types of values: struct's code of one, and its bytes. Fractions and floats are in no tag below.
TYPES = {
    **{1: ("B", 1), 2: ("B", 1), 3: ("H", 2), 4: ("I", 4), 6: ("b", 1), 7: ("B", 1), 8: ("h", 2)},
    **{9: ("i", 4), 13: ("I", 4), 16: ("Q", 8), 17: ("q", 8), 18: ("Q", 8)},
}
TAGS = {
    **{256: "width", 257: "height", 258: "bits", 259: "compression", 262: "photometric"},
    **{266: "fill_order", 273: "offsets", 274: "orientation", 277: "channels", 278: "rows"},
    **{279: "counts", 284: "planar", 317: "predictor", 320: "palette", 322: "tile_width"},
    **{323: "tile_height", 324: "offsets", 325: "counts", 332: "inks", 338: "extra"},
    **{339: "kind", 347: "jpeg_tables", 530: "subsampling", 32997: "depth", 34675: "profile"},
    **{50674: "lerc", 254: "subfile", 255: "old_subfile"},
}
# TIFF 6.0, section 8: bit 0 of NewSubfileType is a reduced copy of another page, bit 2 a mask; a
# SubfileType of 2 is a reduced copy as well.
REDUCED_OR_MASK, REDUCED = 0b101, 2


@dataclass(frozen=True, kw_only=True)
class Page:
    """One image of a TIFF, by its tags.

    `bits` and `kind` hold one value for each channel. `segment` is (width, height) of a strip or
    tile. `offsets` and `counts` say where the segments are, in the order of the file. `is_part`
    says whether it is a reduced copy or a mask of another page.
    """

    order: Literal["<", ">"]
    width: int
    height: int
    channels: int
    bits: Values
    kind: Values
    photometric: int
    compression: int
    predictor: int
    planar: int
    fill_order: int
    orientation: int
    segment: tuple[int, int]
    offsets: Values
    counts: Values
    extra: Values
    palette: Values
    inks: int
    subsampling: Values
    depth: int
    jpeg_tables: bytes
    lerc: Values
    profile: bytes
    is_part: bool


def is_tiff(data: Content) -> bool:
    """Whether a file begins like a TIFF or a BigTIFF."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_pages(data: Content) -> tuple[Page, ...]:
    """Return the pages of a TIFF, in the order of the file.

    Raises:
        ValueError: the tags of a page are damaged or cut off.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    return tuple(_page(tags, order, len(data)) for tags in _directories(data, order, big))


def _directories(data: Content, order: Literal["<", ">"], big: bool) -> Iterator[dict[str, Values]]:
    count_code, entry, offset_code, inline = ("Q", 20, "Q", 8) if big else ("H", 12, "I", 4)
    at = _unpack(data, order + offset_code, 8 if big else 4)[0]
    seen: set[int] = set()
    while at and at not in seen:  # some files end in a circle
        seen.add(at)
        number = _unpack(data, order + count_code, at)[0]
        first = at + struct.calcsize(order + count_code)
        tags = {}
        for place in range(first, first + number * entry, entry):
            tag, kind, count = _unpack(data, f"{order}HH{offset_code}", place)
            if tag not in TAGS or kind not in TYPES:
                continue
            code, size = TYPES[kind]
            where = place + entry - inline
            if count * size > inline:
                where = _unpack(data, order + offset_code, where)[0]
            tags[TAGS[tag]] = _unpack(data, f"{order}{count}{code}", where)
        yield tags
        at = _unpack(data, order + offset_code, first + number * entry)[0]


def _unpack(data: Content, layout: str, at: int) -> Values:
    if at + struct.calcsize(layout) > len(data):
        raise ValueError("truncated: a tag lies beyond the end")
    return struct.unpack_from(layout, data, at)


def _page(tags: dict[str, Values], order: Literal["<", ">"], size: int) -> Page:
    def one(name: str, otherwise: int) -> int:
        return tags.get(name, ())[0] if tags.get(name) else otherwise

    width, height = one("width", 0), one("height", 0)
    if not (width and height):
        raise ValueError("a page without a size")
    channels = one("channels", 1)
    tile = one("tile_width", 0), one("tile_height", 0)
    segment = tile if all(tile) else (width, min(one("rows", height) or height, height))
    offsets = tags.get("offsets", ())
    compression = one("compression", NONE)
    return Page(
        order=order,
        width=width,
        height=height,
        channels=channels,
        bits=_of_channels(tags.get("bits", (1,)), channels),
        kind=_of_channels(tags.get("kind", (UNSIGNED,)), channels),
        # Required, but some writers forget it; libtiff and Pillow then take 0 as well.
        photometric=one("photometric", 0),
        compression=compression,
        predictor=one("predictor", 1),
        planar=one("planar", 1) if channels > 1 else 1,
        fill_order=one("fill_order", 1),
        orientation=one("orientation", 1) if one("orientation", 1) in range(1, 9) else 1,
        segment=segment,
        offsets=offsets,
        counts=_counts(tags.get("counts", ()), offsets, compression, size),
        extra=tags.get("extra", ()),
        palette=tags.get("palette", ()),
        inks=one("inks", 1),
        subsampling=tags.get("subsampling", (2, 2)),
        depth=one("depth", 1),
        jpeg_tables=bytes(tags.get("jpeg_tables", ())),
        lerc=tags.get("lerc", ()),
        profile=bytes(tags.get("profile", ())),
        is_part=bool(one("subfile", 0) & REDUCED_OR_MASK) or one("old_subfile", 0) == REDUCED,
    )


def _of_channels(values: Values, channels: int) -> Values:
    """Return one value for each channel; many writers store a single one for all."""
    return (values * channels if len(values) == 1 else values)[:channels]


def _counts(counts: Values, offsets: Values, compression: int, size: int) -> Values:
    """Return the bytes of each segment; old writers leave them out for samples as they are."""
    if len(counts) == len(offsets) or compression != NONE:
        return counts
    return tuple(max(size - offset, 0) for offset in offsets)
