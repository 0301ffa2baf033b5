"""Every kind of TIFF: the samples that were written, or a refusal that says why."""

from __future__ import annotations

import io
from collections import Counter
from itertools import product

import imagecodecs
import numpy as np
import pytest
import tifffile
from tiffs import BYTES, tiff

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import read_image

HEIGHT, WIDTH = 19, 23  # neither whole strips nor whole tiles, nor whole bytes
DEPTHS = {1: (*range(1, 13), 14, 15, 16, 32, 64), 2: (8, 16, 32, 64), 3: (16, 32, 64)}  # by format
CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}  # by photometric
NONE, PACKBITS = 1, 32773
LAYOUTS = (7, None, HEIGHT)  # rows of a strip; tiles
RNG = np.random.RandomState(11)
PALETTE = RNG.randint(0, 65536, (3, 256))


def _raw(kind: int, bits: int, channels: int) -> np.ndarray:
    shape = HEIGHT, WIDTH, channels
    if kind == 3:
        return RNG.rand(*shape).astype(f"f{bits // 8}")
    drawn = RNG.randint(0, 256, (*shape, 8), dtype=np.uint8).view(np.uint64)[..., 0]
    size = next(s for s in (8, 16, 32, 64) if bits <= s)
    return (drawn >> np.uint64(64 - bits)).astype(f"u{size // 8}").view(f"{'uui'[kind]}{size // 8}")


def _is_refused(photometric: int, kind: int, bits: int) -> bool:
    if photometric == 0:
        return kind != 1  # white is not defined
    if photometric == 3:
        return kind != 1 or bits > 8
    return photometric > 3 and (kind, bits) != (1, 8)


def _expected(raw: np.ndarray, bits: int, photometric: int) -> np.ndarray:
    """The samples to be read."""
    if photometric == 0:
        raw = (2**bits - 1 - raw.astype(object)).astype(raw.dtype)
    elif photometric == 3:
        return (PALETTE[:, : 2**bits].T[raw[:, :, 0]] >> 8).astype(np.uint8)
    elif photometric == 6:  # JFIF 1.02: ITU-R BT.601, all 256 levels
        y, cb, cr = (raw[:, :, i].astype(float) - (128 if i else 0) for i in range(3))
        rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
        return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    elif photometric == 8:
        linear = np.clip(_linear(raw), 0, 1)
        rgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
        return np.rint(255 * rgb).astype(np.uint8)
    return raw * np.uint8(255 // (2**bits - 1)) if bits in (1, 2, 4) else raw


def _kinds():
    for photometric, kind in product(CHANNELS, DEPTHS):
        for bits, planar, predictor in product(DEPTHS[kind], (1, 2), (1, 2, 3)):
            if planar == 2 and CHANNELS[photometric] == 1:
                continue
            if (planar, predictor) != (1, 1) and _is_refused(photometric, kind, bits):
                continue
            yield photometric, kind, bits, planar, predictor


def _has_predictor(kind: int, bits: int, predictor: int) -> bool:
    """Whether the samples can be written with the predictor."""
    return predictor == 1 or (bits in (8, 16, 32, 64) if predictor == 2 else kind == 3)


def _is_agreed(compression: int, kind: int, bits: int, predictor: int) -> bool:
    """Whether all readers do the same; without compression they all ignore a predictor."""
    if compression in (NONE, PACKBITS):
        return predictor == 1 or compression == NONE
    return _has_predictor(kind, bits, predictor)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", BYTES)
def test_every_kind_of_tiff(tmp_path, compression, order):
    path, counted = tmp_path / "a.tif", Counter()
    for number, (photometric, kind, bits, planar, predictor) in enumerate(_kinds()):
        raw = _raw(kind, bits, CHANNELS[photometric])
        options = {
            "bits": bits,
            "kind": kind,
            "photometric": photometric,
            "planar": planar,
            "compression": compression,
            "order": order,
            "rows": LAYOUTS[number % 3],
            "big": number % 4 == 0,
            "tags": {
                3: {320: tuple(PALETTE[:, : 2 ** min(bits, 8)].ravel().tolist())},
                6: {530: (1, 1)},
            }.get(photometric, {}),
        }
        agreed = _is_agreed(compression, kind, bits, predictor)
        if agreed and compression != NONE:
            options["predictor"] = predictor
        else:  # only the tag says so
            options["tags"][317] = (predictor,)
        content = tiff(raw, **options)
        path.write_bytes(content)
        if _is_refused(photometric, kind, bits) or not agreed:
            with pytest.raises(SsimtoolError) as caught:
                read_image(str(path))
            assert caught.value.code == "unsupported", options
            assert len(caught.value.message.splitlines()) == 1
            counted["refused"] += 1
            continue
        read = read_image(str(path))
        _check(read, raw, photometric, bits, kind)
        if bits in (8, 16, 32, 64) and photometric not in (3, 5, 6):
            ignored = compression == NONE and predictor != 1  # tifffile undoes it
            decode = imagecodecs.tiff_decode if ignored else _by_tifffile
            stored = np.asarray(decode(content))
            stored = np.moveaxis(stored, 0, -1) if planar == 2 else stored
            np.testing.assert_array_equal(stored.reshape(raw.shape), raw)
        counted["read"] += 1
    assert counted.total() == 401
    assert counted["read"] == {NONE: 309, PACKBITS: 103}.get(compression, 156)


def _by_tifffile(content: bytes) -> np.ndarray:
    return tifffile.imread(io.BytesIO(content))


def _check(read, raw: np.ndarray, photometric: int, bits: int, kind: int) -> None:
    expected = _expected(raw, bits, photometric)
    shape = (HEIGHT, WIDTH, 3) if bits == 1 and photometric < 2 else expected.shape
    assert read.samples.shape == shape
    # Pillow and littleCMS convert to 8 bits by integers: off by one here and there
    tolerance = 1 if photometric in (6, 8) else 0
    off = np.abs(read.samples.astype(object) - np.broadcast_to(expected, shape).astype(object))
    if photometric == 8:
        off = off[_in_gamut(raw)]
    assert off.max() <= tolerance, (photometric, bits, kind)
    assert photometric in (6, 8) or read.samples.dtype == expected.dtype
    top = 1 if kind == 3 else 255 if bits in (1, 2, 4) else 2**bits - 1
    assert read.data_range == (255 if photometric == 3 else top)


# sRGB with the white of D50 (IEC 61966-2-1, adapted by Bradford's matrix as ICC profiles are)
TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)


def _linear(raw: np.ndarray) -> np.ndarray:
    """CIELAB of 8 bits (TIFF 6.0, section 23) as linear RGB."""
    lightness = raw[:, :, 0] * (100 / 255)
    a, b = (raw[:, :, i].view(np.int8).astype(float) for i in (1, 2))
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=2)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return (xyz * [0.9642, 1, 0.8249]) @ np.linalg.inv(TO_XYZ).T


def _in_gamut(raw: np.ndarray) -> np.ndarray:
    linear = _linear(raw)
    return (linear > 0.01).all(axis=2) & (linear < 1).all(axis=2)
