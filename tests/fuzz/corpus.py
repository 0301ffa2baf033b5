"""Small sound inputs of every format that is read, made anew each time: the start of mutations."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import imagecodecs
import numpy as np
from PIL import Image
from reports.scores import broken, made_up, summary_of

from ssimtool.records.batch import Unmatched
from ssimtool.reports.text import ndjson_text

HEIGHT, WIDTH = 20, 24
BY_PILLOW = {
    "png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "gif": "GIF", "bmp": "BMP",
    "ppm": "PPM", "tga": "TGA", "im": "IM", "pcx": "PCX", "sgi": "SGI", "jp2": "JPEG2000",
    "tiff": "TIFF",
}  # fmt: skip
OPTIONS: dict[str, tuple[dict[str, object], ...]] = {
    "png": ({}, {"save_all": True}),
    "gif": ({}, {"save_all": True}),
    "webp": ({}, {"lossless": True}, {"save_all": True}),
    "jpeg": ({}, {"progressive": True}, {"quality": 5}),
    "tiff": tuple(
        {"compression": name, "save_all": True}
        for name in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits")
    ),
}


def _arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    colour = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    alpha = rng.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    deep = rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    return [grey, colour, alpha, deep, grey > 128]


def _by_pillow(name: str) -> Iterator[bytes]:
    for array in _arrays():
        for options in OPTIONS.get(name, ({},)):
            file = io.BytesIO()
            picture = Image.fromarray(array)
            more = {"append_images": [picture.copy()]} if options.get("save_all") else {}
            try:
                picture.save(file, BY_PILLOW[name], **options, **more)
            except (OSError, ValueError):  # the format has no such samples
                continue
            yield file.getvalue()


def _arrays_of_numpy() -> Iterator[bytes]:
    grey, colour, _, deep, bits = _arrays()
    for array in (grey, colour, deep, bits, grey / 255, np.stack([colour, colour])):
        file = io.BytesIO()
        np.save(file, array)
        yield file.getvalue()


def _lists() -> list[bytes]:
    row = {"reference": "a", "distorted": "b", "mask": "m", "region": [[0, 0, 8, 8]]}
    return [
        b'reference,distorted,mask,region\na.png,b.png,m.png,"0,0,8,8;8,8,8,8"\nc,d,,\n',
        b'a,"b ""c"" d"\n"e\nf",g\n',
        b"sep=;\na;b\nc;d\n",
        b"a\tb\tc\n" * 3,
        (json.dumps(row) + "\n").encode() * 3,
        json.dumps([row] * 3, indent=1).encode(),
        "a,b\nc,d\n".encode("utf-16"),
        b"a\0b\0c\0d\0",
    ]


def _records() -> list[bytes]:
    records = [made_up(i) for i in (0, 1, 996)] + [broken("x", "y")]
    summary = summary_of(records, Unmatched(("a",), ("b",)))
    return [ndjson_text(one).encode() for one in (*records, summary)]


def corpus() -> dict[str, list[bytes]]:
    """The inputs of each format."""
    _, colour, alpha, *_ = _arrays()
    floats = (colour / np.float32(255)).astype("<f4")
    made = {name: list(_by_pillow(name)) for name in BY_PILLOW}
    made["jxl"] = [bytes(imagecodecs.jpegxl_encode(colour))]
    made["qoi"] = [bytes(imagecodecs.qoi_encode(colour))]
    made["pfm"] = [b"PF\n24 20\n-1.0\n" + floats.tobytes()]
    head = b"P7\nWIDTH 24\nHEIGHT 20\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    made["pam"] = [head + alpha.tobytes()]
    made["npy"] = list(_arrays_of_numpy())
    made["list"] = _lists()
    made["records"] = _records()
    made["page"] = [b"".join(_records()), b"".join(_records()[:2])]
    return made
