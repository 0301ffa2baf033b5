"""A plain writer of TIFF, of more kinds than a library writes (TIFF 6.0; its technical note 3)."""

from __future__ import annotations

import lzma
import struct
import zlib

import imagecodecs
import numpy as np

BYTES = {
    1: bytes,
    5: imagecodecs.lzw_encode,
    8: zlib.compress,
    32946: zlib.compress,
    32773: imagecodecs.packbits_encode,
    34925: lzma.compress,
    50000: imagecodecs.zstd_encode,
}
TILE = 16


def tiff(
    raw: np.ndarray,
    *,
    bits: int,
    kind: int,
    photometric: int,
    order: str = "<",
    compression: int = 1,
    predictor: int = 1,
    planar: int = 1,
    rows: int | None = None,
    fill_order: int = 1,
    big: bool = False,
    tags: dict[int, tuple[int, ...]] | None = None,
    encode=None,
) -> bytes:
    """A TIFF of one page of samples (H, W, C).

    `rows` is the height of a strip; None writes tiles. `encode` is the encoder of a compression of
    images: samples of a segment to bytes. `tags` are more tags, 16-bit each.
    """
    height, width, channels = raw.shape
    planes = [raw] if planar == 1 else [raw[:, :, i : i + 1] for i in range(channels)]
    segments = []
    for plane in planes:
        for part in _parts(plane, rows):
            if encode is not None:
                segments.append(bytes(encode(np.ascontiguousarray(part))))
                continue
            packed = _packed(part, bits, kind, predictor, order)
            if fill_order == 2 and compression == 1:
                packed = bytes(imagecodecs.bitorder_encode(packed))
            coded = bytes(BYTES[compression](packed))
            turned = fill_order == 2 and compression != 1
            segments.append(bytes(imagecodecs.bitorder_encode(coded)) if turned else coded)
    entries = {
        256: (width,),
        257: (height,),
        258: (bits,) * channels,
        259: (compression,),
        262: (photometric,),
        266: (fill_order,),
        277: (channels,),
        284: (planar,),
        317: (predictor,),
        339: (kind,) * channels,
        **(tags or {}),
    }
    entries |= {278: (rows,)} if rows else {322: (TILE,), 323: (TILE,)}
    return _file(entries, segments, 273 if rows else 324, 279 if rows else 325, order, big)


def _parts(plane: np.ndarray, rows: int | None) -> list[np.ndarray]:
    height, width = plane.shape[:2]
    if rows:
        return [plane[top : top + rows] for top in range(0, height, rows)]
    full = np.pad(plane, ((0, -height % TILE), (0, -width % TILE), (0, 0)), mode="edge")
    return [
        full[top : top + TILE, left : left + TILE]
        for top in range(0, height, TILE)
        for left in range(0, width, TILE)
    ]


def _packed(part: np.ndarray, bits: int, kind: int, predictor: int, order: str) -> bytes:
    rows, channels = part.reshape(len(part), -1), part.shape[2]
    if bits % 8:
        spread = (rows[:, :, None].astype(np.uint64) >> np.arange(bits, dtype=np.uint64)[::-1]) & 1
        return np.packbits(spread.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()
    rows = rows.astype(f"{'uuif'[kind]}{bits // 8}")
    if predictor == 2:
        whole = rows.view(f"u{bits // 8}").copy()
        whole[:, channels:] -= whole[:, :-channels].copy()
        rows = whole
    if predictor == 3:
        size = bits // 8
        each = rows.astype(rows.dtype.newbyteorder(">")).view(np.uint8)
        planes = each.reshape(len(rows), -1, size).swapaxes(1, 2).reshape(len(rows), -1).copy()
        planes[:, channels:] -= planes[:, :-channels].copy()
        return planes.tobytes()
    return rows.astype(rows.dtype.newbyteorder(order)).tobytes()


def _file(entries, segments, offsets_tag, counts_tag, order, big) -> bytes:
    start = 16 if big else 8
    offsets, at = [], start
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    long = 16 if big else 4
    typed = {tag: (3, values) for tag, values in entries.items()}
    typed |= {offsets_tag: (long, tuple(offsets)), counts_tag: (long, tuple(map(len, segments)))}
    body = b"".join(segments)
    where = at + at % 2
    body += bytes(at % 2)
    head, item, inline, number = ("Q", 20, 8, "Q") if big else ("H", 12, 4, "I")
    extra_at = (
        where + struct.calcsize(order + head) + item * len(typed) + struct.calcsize(order + number)
    )
    directory, extra = struct.pack(order + head, len(typed)), b""
    for tag, (code, values) in sorted(typed.items()):
        packed = struct.pack(f"{order}{len(values)}{ {3: 'H', 4: 'I', 16: 'Q'}[code] }", *values)
        if len(packed) > inline:
            place = struct.pack(order + number, extra_at + len(extra))
            extra += packed
        else:
            place = packed.ljust(inline, b"\0")
        directory += struct.pack(f"{order}HH{number}", tag, code, len(values)) + place
    directory += struct.pack(order + number, 0)
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, where) if big else struct.pack(order + "I", where)
    return mark + head + body + directory + extra
