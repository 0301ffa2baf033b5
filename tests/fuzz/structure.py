"""Mutations that know a format: chunks of PNG, entries of a TIFF's directories, headers of .npy.

What they leave is well formed elsewhere, so that the readers get further than with changed bytes.
"""

from __future__ import annotations

import random
import re
import struct
import zlib

PNG, NPY = b"\x89PNG\r\n\x1a\n", b"\x93NUMPY"
TIFF = {b"II*\0": "<", b"MM\0*": ">"}
COUNTS = (0, 1, 2, 3, 4, 8, 255, 256, 65535, 2**31 - 1, 2**32 - 1)
# Width, height, bits, compression, photometric, fill order, strips, orientation, samples, rows,
# byte counts, planar, predictor, tiles, sample format, alpha, profile
TAGS = (256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 322, 323, 324, 325, 338,
        339, 34675)  # fmt: skip
DTYPES = (b"<f8", b">f8", b"|b1", b"|u1", b"<u2", b">i4", b"<c16", b"|O", b"<U4", b"<M8[s]", b"|V3")
SHAPES = (b"()", b"(0,)", b"(20,)", b"(20, 24)", b"(24, 20, 3)", b"(2, 20, 24)", b"(1, 3, 20, 24)",
          b"(True, 20)", b"(-1, 20)", b"(4611686018427387904, 4)", b"(20, 24.0)")  # fmt: skip


def restructured(content: bytes, rng: random.Random) -> bytes:
    """Return a content with one part of its structure changed; others as they are."""
    if content.startswith(PNG):
        return _png(content, rng)
    if content.startswith(NPY):
        return _npy(content, rng)
    order = TIFF.get(content[:4])
    return content if order is None else _tiff(content, order, rng)


def _png(content: bytes, rng: random.Random) -> bytes:
    """Remove, repeat or move a chunk, change a number of its header, or its inflated samples."""
    chunks, at = [], len(PNG)
    while at + 12 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    if not chunks:
        return content
    k, kind = rng.randrange(len(chunks)), rng.randrange(5)
    if kind == 0:
        del chunks[k]
    elif kind == 1:
        chunks.insert(rng.randrange(len(chunks) + 1), chunks[k])
    elif kind == 2:
        name, data = chunks[0]
        header = bytearray(data)
        if header:
            header[rng.randrange(len(header))] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
        chunks[0] = name, bytes(header)
    else:
        places = [i for i, (name, _) in enumerate(chunks) if name == b"IDAT"]
        if places:
            chunks[places[0]] = b"IDAT", _inflated(chunks[places[0]][1], rng)
    parts = [
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    ]
    return PNG + b"".join(parts)


def _inflated(data: bytes, rng: random.Random) -> bytes:
    """Change the filters and samples of a stream, or its length."""
    try:
        samples = bytearray(zlib.decompressobj().decompress(data, 1 << 20))
    except zlib.error:
        return data
    if samples:
        samples[rng.randrange(len(samples))] = rng.randrange(256)
        samples = samples[: rng.choice((len(samples), len(samples) - 1, len(samples) // 2))]
    return zlib.compress(bytes(samples) + b"\0" * rng.choice((0, 0, 1, 999)), rng.choice((0, 9)))


def _tiff(content: bytes, order: str, rng: random.Random) -> bytes:
    """Change the tag, the type, the count or the value of an entry of the first directory."""
    data = bytearray(content)
    if len(data) < 8:
        return content
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if start + 2 > len(data):
        return content
    (entries,) = struct.unpack_from(f"{order}H", data, start)
    at = start + 2 + 12 * rng.randrange(max(1, entries))
    if at + 12 > len(data):
        return content
    kind = rng.randrange(5)
    if kind == 0:
        struct.pack_into(f"{order}H", data, at, rng.choice(TAGS))
    elif kind == 1:
        struct.pack_into(f"{order}H", data, at + 2, rng.randrange(14))
    elif kind == 2:
        struct.pack_into(f"{order}I", data, at + 4, rng.choice(COUNTS))
    elif kind == 3:
        value = rng.choice((*COUNTS, start, at, len(data), len(data) - 1))
        struct.pack_into(f"{order}I", data, at + 8, value)
    else:  # the next directory is this one, another place or the end
        end = start + 2 + 12 * entries
        if end + 4 <= len(data):
            struct.pack_into(f"{order}I", data, end, rng.choice((0, 8, start, at, len(data))))
    return bytes(data)


def _npy(content: bytes, rng: random.Random) -> bytes:
    """Change the dtype, the shape or the order in the header, whose length stays right."""
    size = int.from_bytes(content[8:10], "little")
    header, samples = content[10 : 10 + size], content[10 + size :]
    kind = rng.randrange(3)
    if kind == 0:
        header = re.sub(rb"'descr': '[^']*'", b"'descr': '%b'" % rng.choice(DTYPES), header)
    elif kind == 1:
        header = re.sub(rb"'shape': \([^)]*\)", b"'shape': %b" % rng.choice(SHAPES), header)
    else:
        header = header.replace(b"False", b"True")
    header = header.rstrip() + b" \n"
    return content[:8] + len(header).to_bytes(2, "little") + header + samples
