"""Every kind of PNG, on every path of the decoders: the samples that were written."""

from __future__ import annotations

import sys
from itertools import product

import imagecodecs
import numpy as np
import pytest
from pngs import CHANNELS, DEPTHS, png

from ssimtool.readers.images import fast
from ssimtool.readers.images.opening import read_image

# Wider and higher than one block of Adam7, with rows that end within a byte.
HEIGHT, WIDTH = 13, 21
KINDS = [
    (colour, depth, interlaced, transparent)
    for colour, depths in DEPTHS.items()
    for depth, interlaced in product(depths, (False, True))
    for transparent in {
        0: ("none", "first", "absent", "high bits"),
        2: ("none", "first", "absent", "high bits"),
        3: ("none", "one", "several", "all"),
    }.get(colour, ("none",))
]


def _raw(colour: int, depth: int) -> np.ndarray:
    rng = np.random.RandomState(16 * colour + depth)
    raw = rng.randint(0, 2**depth, (HEIGHT, WIDTH, CHANNELS[colour]))
    if depth > 4 and colour < 3:  # so that the transparent colour is more than one pixel
        raw[2:5, 3:9] = raw[0, 0]
        raw[5, 3:9] = raw[0, 0] ^ 1  # and another is near it
    if colour < 3 and depth > 1:  # one value that no pixel has, for "absent"
        raw[(raw == 2**depth - 1).all(axis=2)] = 0
    return raw


def _written(
    colour: int, depth: int, interlaced: bool, transparent: str
) -> tuple[bytes, np.ndarray, np.ndarray | None]:
    """A PNG, the samples that it holds, and its alpha."""
    raw = _raw(colour, depth)
    if colour == 3:
        return _of_palette(raw, depth, interlaced, transparent)
    top = 2**depth - 1
    plain = raw * (255 // top) if depth < 8 else raw
    dtype = np.uint16 if depth == 16 else np.uint8
    if colour in (4, 6):
        content = png(raw, depth=depth, colour=colour, interlaced=interlaced)
        return content, plain[:, :, :-1].astype(dtype), plain[:, :, -1].astype(dtype)
    chunk, alpha = None, None
    if transparent != "none":
        level = np.full(raw.shape[2], top) if transparent == "absent" else raw[0, 0]
        unused = 0xFFFF & ~top if transparent == "high bits" else 0
        chunk = (level | unused).astype(">u2").tobytes()
        alpha = np.where((raw == level).all(axis=2), 0, 65535 if depth == 16 else 255)
    content = png(raw, depth=depth, colour=colour, interlaced=interlaced, transparent=chunk)
    return content, plain.astype(dtype), None if alpha is None else alpha.astype(dtype)


def _of_palette(raw: np.ndarray, depth: int, interlaced: bool, transparent: str):
    rng = np.random.RandomState(depth)
    palette = rng.randint(0, 256, (2**depth, 3)).astype(np.uint8)
    alphas = np.full(2**depth, 255, np.uint8)
    if transparent == "one":
        alphas[: 2**depth // 2] = [255] * (2**depth // 2 - 1) + [0]
    elif transparent == "several":
        alphas[: 2**depth // 2] = rng.randint(0, 255, 2**depth // 2)
    elif transparent == "all":
        alphas[:] = rng.randint(0, 256, 2**depth)
    short = alphas if transparent == "all" else alphas[: max(2**depth // 2, 1)]
    content = png(
        raw,
        depth=depth,
        colour=3,
        interlaced=interlaced,
        palette=palette,
        transparent=None if transparent == "none" else short.tobytes(),
    )
    alpha = None if transparent == "none" else alphas[raw[:, :, 0]]
    return content, palette[raw[:, :, 0]], alpha


@pytest.fixture(scope="module", params=["small", "libraries", "own reader"])
def path_of_decoder(request):
    """How images of this size are decoded: as small ones, by libpng, or by the own reader."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "small":
            patch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
            patch.setattr(fast, "STREAM_FROM_PIXELS", 1 if request.param != "libraries" else 10**12)
        if request.param == "libraries":
            patch.delitem(sys.modules, "numba", raising=False)
        yield request.param


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_every_kind_of_png(tmp_path, path_of_decoder, kind):
    content, samples, alpha = _written(*kind)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    read = read_image(str(path))
    assert read.data_range == (65535 if kind[1] == 16 else 255)
    # bilevel grey is read as RGB, for the sake of black and white beside colour
    np.testing.assert_array_equal(read.samples, np.broadcast_to(samples, read.samples.shape))
    if alpha is None:
        assert read.alpha is None
    else:
        np.testing.assert_array_equal(read.alpha, alpha)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_the_writer_of_these_tests_by_libpng(kind):
    """What was written is what libpng decodes."""
    content, samples, alpha = _written(*kind)
    decoded = np.atleast_3d(imagecodecs.png_decode(content))
    whole = samples if alpha is None else np.concatenate([samples, alpha[:, :, None]], axis=2)
    np.testing.assert_array_equal(decoded[:, :, : whole.shape[2]], whole)


def test_the_matrix_is_whole():
    assert {(c, d) for c, d, *_ in KINDS} == {(c, d) for c, ds in DEPTHS.items() for d in ds}
    assert len(KINDS) == 96
