"""Read a page of a TIFF into samples, without libtiff where that is possible.

libtiff prints its errors, and Pillow reads only some kinds, a few of them wrongly: it does not
invert 16 bits with MinIsWhite, and takes signed samples for unsigned ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import Content, shown
from ssimtool.readers.images.orientation import turned
from ssimtool.readers.images.tiff_codecs import dtype_of, segment_decoder
from ssimtool.readers.images.tiff_meaning import RGB, YCBCR, as_samples
from ssimtool.readers.images.tiff_tags import JPEG, JPEG_OLD, NONE, SEPARATE, Page
from ssimtool.readers.samples import Array, Samples

CCITT = (2, 3, 4)
# libtiff returns these as RGBA: flipped so that the first row is the upper one, but not turned.
FLIPPED_ROWS, FLIPPED_COLUMNS = (3, 4, 7, 8), (2, 3, 6, 7)  # by orientation
# Names of compressions for a message (libtiff, tiff.h).
COMPRESSIONS = {
    **{32766: "NeXT", 32809: "ThunderScan", 34676: "SGI LogLuv", 34677: "SGI LogLuv"},
    **{33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "lossy DNG"},
    **{34661: "JBIG", 34934: "JPEG XR", 22610: "JPEG XR", 50003: "JPEG XL"},
}


def read_page(data: Content, page: Page, number: int, path: str) -> Samples:
    """Return the samples of a page, with its orientation applied.

    Args:
        data: the whole file.
        page: the tags of the page.
        number: the number of the page in the file.
        path: the name of the file in the record.

    Raises:
        SsimtoolError: `unsupported`, a kind of TIFF that is not read.
        ValueError, RuntimeError: the page is damaged or cut off.
    """
    if _is_left_to_libtiff(page):
        array, step = _by_libtiff(data, page, number)
        samples = Samples(
            path=path,
            samples=array,
            space="rgb",
            data_range=255,
            profile=page.profile or None,
            steps=(step,),
        )
    else:
        raw = _raw(data, page, shown(path))
        if page.compression == JPEG and page.photometric == YCBCR:
            page = replace(page, photometric=RGB)  # libjpeg converts
        samples = replace(as_samples(raw, page, path), profile=page.profile or None)
    return turned(samples, page.orientation, done=False)


def _is_left_to_libtiff(page: Page) -> bool:
    if page.compression in (*CCITT, JPEG_OLD):
        return True
    subsampled = page.subsampling != (1, 1) and page.photometric == YCBCR
    return subsampled and page.compression != JPEG and set(page.bits) == {8}


def _by_libtiff(data: Content, page: Page, number: int) -> tuple[Array, str]:
    """Decode to RGB; libtiff in imagecodecs prints nothing."""
    import imagecodecs

    _segments(data, page, len(page.offsets))
    array = np.asarray(imagecodecs.tiff_decode(data, index=number, asrgb=True))[:, :, :3]
    if page.orientation in FLIPPED_ROWS:
        array = array[::-1]
    if page.orientation in FLIPPED_COLUMNS:
        array = array[:, ::-1]
    step = "bilevel to RGB" if page.compression in CCITT else "YCbCr to RGB"
    return np.ascontiguousarray(array), step


def _raw(data: Content, page: Page, name: str) -> Array:
    """Return the samples as they are stored, (height, width, channels)."""
    dtype = dtype_of(page)
    if dtype is None or page.depth != 1 or page.planar not in (1, SEPARATE):
        raise _unread(name, _kind_of(page))
    decode = segment_decoder(page, name)
    if decode is None:
        raise _unread(name, f"with {_way_of(page)}")
    raw = np.empty((page.height, page.width, page.channels), dtype)
    (width, height), planes = page.segment, page.channels if page.planar == SEPARATE else 1
    corners = [
        (plane, top, left)
        for plane in range(planes)
        for top in range(0, page.height, height)
        for left in range(0, page.width, width)
    ]
    segments = _segments(data, page, len(corners))
    for (plane, top, left), segment in zip(corners, segments, strict=True):
        channels = slice(plane, plane + 1) if planes > 1 else slice(None)
        place = raw[top : top + height, left : left + width, channels]
        samples = decode(segment)[: place.shape[0], : place.shape[1]]
        if samples.shape != place.shape:
            raise ValueError(f"truncated: a segment holds {len(samples)} of {len(place)} rows")
        place[...] = samples
    return raw


def _segments(data: Content, page: Page, number: int) -> list[bytes]:
    """Return the bytes of the strips or tiles.

    Raises:
        ValueError: one is missing, or lies beyond the end of the file.
    """
    places = list(zip(page.offsets, page.counts, strict=False))[:number]
    if len(places) < number or not number:
        raise ValueError(f"truncated: {len(places)} strips or tiles, expected {number}")
    if any(not count or at + count > len(data) for at, count in places):
        raise ValueError("truncated: a strip or tile is empty or lies beyond the end")
    return [data[at : at + count] for at, count in places]


def _kind_of(page: Page) -> str:
    if page.depth != 1 or page.planar not in (1, SEPARATE):
        return "of several layers"
    kinds = {1: "unsigned", 2: "signed", 3: "float", 4: "untyped", 5: "complex", 6: "complex"}
    kind = "/".join(dict.fromkeys(kinds.get(k, "unknown") for k in page.kind))
    return f"of {kind} samples of {'/'.join(map(str, dict.fromkeys(page.bits)))} bits"


def _way_of(page: Page) -> str:
    name = COMPRESSIONS.get(page.compression)
    if name:
        return f"{name} compression"
    if page.predictor != 1:
        return f"predictor {page.predictor} for {_kind_of(page)[3:]}"
    if page.compression in (NONE, JPEG):
        return f"compression {page.compression} of {_kind_of(page)[3:]}"
    return f"compression {page.compression}"


def _unread(name: str, kind: str) -> SsimtoolError:
    return SsimtoolError(
        "unsupported",
        f"{name}: is a TIFF {kind}, which is not read; save it as PNG, as a plain TIFF or as .npy",
    )
