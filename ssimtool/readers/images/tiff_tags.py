"""Read the tags of a TIFF: what a page holds, and where.

Sources: TIFF 6.0 (Adobe, 1992); Supplement 2 (compression 7 and 8); BigTIFF (AWare Systems).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
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
# Pages may share values, but no file needs more bytes of tags than this, and so many times its own:
# some kilobytes that overlap a thousand times would take hours and all memory.
SHARED_BYTES, OVERLAP = 1 << 20, 4
WORTH_SHARING = 64  # bytes
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


def read_pages(data: Content, most: int) -> tuple[Page, ...]:
    """Return the pages of a TIFF, in the order of the file, but no more than `most`.

    Raises:
        ValueError: the tags of a page are damaged or cut off, or many share their bytes.
    """
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    directories = islice(_directories(_Values(data), order, big), most)
    return tuple(_page(tags, order, len(data)) for tags in directories)


class _Values:
    """Values in the tags of a file. Those that several pages share are read once."""

    def __init__(self, data: Content) -> None:
        self._data = data
        self._left = SHARED_BYTES + OVERLAP * len(data)
        self._shared: dict[tuple[str, int], Values] = {}

    def at(self, layout: str, place: int) -> Values:
        """Return the values at a place of the file.

        Raises:
            ValueError: they lie beyond the end; or tags that overlap are far longer than the file.
        """
        shared = self._shared.get((layout, place))
        if shared is not None:
            return shared
        size = struct.calcsize(layout)
        if place + size > len(self._data):
            raise ValueError("truncated: a tag lies beyond the end")
        self._left -= size
        if self._left < 0:
            raise ValueError("its tags overlap")
        values = struct.unpack_from(layout, self._data, place)
        if size > WORTH_SHARING:
            self._shared[layout, place] = values
        return values


def _directories(
    values: _Values, order: Literal["<", ">"], big: bool
) -> Iterator[dict[str, Values]]:
    count_code, entry, offset_code, inline = ("Q", 20, "Q", 8) if big else ("H", 12, "I", 4)
    at = values.at(order + offset_code, 8 if big else 4)[0]
    seen: set[int] = set()
    while at and at not in seen:  # some files end in a circle
        seen.add(at)
        number = values.at(order + count_code, at)[0]
        first = at + struct.calcsize(order + count_code)
        tags = {}
        for place in range(first, first + number * entry, entry):
            tag, kind, count = values.at(f"{order}HH{offset_code}", place)
            if tag not in TAGS or kind not in TYPES:
                continue
            code, size = TYPES[kind]
            where = place + entry - inline
            if count * size > inline:
                where = values.at(order + offset_code, where)[0]
            tags[TAGS[tag]] = values.at(f"{order}{count}{code}", where)
        yield tags
        at = values.at(order + offset_code, first + number * entry)[0]


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
