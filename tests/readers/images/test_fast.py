"""Large PNG and JPEG: the same samples, steps and errors as by Pillow, whoever decodes them."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import numpy.testing as npt
import pytest
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images import fast
from ssimtool.readers.images import opening as images
from ssimtool.readers.images.opening import read_image
from ssimtool.readers.images.orientation import ORIENTATION
from ssimtool.readers.samples import Samples

RNG = np.random.RandomState(7)
YY, XX = np.mgrid[:70, :93]
# neither flat nor noise alone, so that an encoder chooses each of PNG's filters, and of odd width
RGB = (np.dstack([XX * 2, YY * 3, XX + YY]) + RNG.randint(0, 20, (70, 93, 3))).astype(np.uint8)
DEEP = RNG.randint(0, 65536, (70, 93, 4)).astype(np.uint16)
NOBODY = 10**12  # pixels


def _encoded(kind: str, mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(file, kind, **options)
    return file.getvalue()


def _deep(channels: int) -> bytes:
    return imagecodecs.png_encode(np.ascontiguousarray(DEEP[:, :, :channels]))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    rows: bytes, *, depth: int = 8, colour: int = 2, size: tuple[int, int] = (93, 70)
) -> bytes:
    """A PNG of rows that are filtered already, in IDAT chunks of 999 bytes."""
    whole = zlib.compress(rows)
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    parts = [_chunk(b"IDAT", whole[i : i + 999]) for i in range(0, len(whole), 999)]
    return b"".join([b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), *parts, _chunk(b"IEND", b"")])


def _filtered(kinds: np.ndarray) -> bytes:
    noise = RNG.randint(0, 256, (len(kinds), 3 * 93)).astype(np.uint8)
    return np.hstack([kinds.astype(np.uint8)[:, None], noise]).tobytes()


def _with(png: bytes, chunk: bytes, *, last: bool = False) -> bytes:
    at = len(png) - 12 if last else 33
    return png[:at] + chunk + png[at:]


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


ACCEPTED = {
    "png rgb": _encoded("PNG"),
    "png grey": _encoded("PNG", "L"),
    "png alpha": _encoded("PNG", "RGBA"),
    "png grey alpha": _encoded("PNG", "LA"),
    "png 16-bit rgb": _deep(3),
    "png 16-bit rgba": _deep(4),
    "png 16-bit grey": _deep(1),
    "png 16-bit grey alpha": _deep(2),
    "png orientation": _encoded("PNG", exif=_exif(6)),
    "png profile": _encoded("PNG", icc_profile=b"a profile"),
    "png gamma": _with(_encoded("PNG"), _chunk(b"gAMA", struct.pack(">I", 100000))),
    **{f"png filter {i}": _png(_filtered(np.full(70, i))) for i in range(5)},
    "png all filters": _png(_filtered(np.arange(70) % 5)),
    "jpeg 4:4:4": _encoded("JPEG", subsampling=0),
    "jpeg 4:2:2": _encoded("JPEG", subsampling=1),
    "jpeg 4:2:0": _encoded("JPEG", subsampling=2),
    "jpeg 4:2:0 progressive": _encoded("JPEG", subsampling=2, progressive=True),
    "jpeg 4:4:4 progressive": _encoded("JPEG", subsampling=0, progressive=True, quality=100),
    "jpeg restart": _encoded("JPEG", restart_marker_blocks=2),
    "jpeg rgb": _encoded("JPEG", keep_rgb=True),
    "jpeg grey": _encoded("JPEG", "L"),
    "jpeg grey progressive": _encoded("JPEG", "L", progressive=True),
    "jpeg orientation": _encoded("JPEG", exif=_exif(5)),
    "jpeg profile": _encoded("JPEG", icc_profile=b"a profile"),
    "jpeg trailing": _encoded("JPEG") + bytes(100),
}
LEFT = {
    "png palette": _encoded("PNG", "P"),
    "png bilevel": _encoded("PNG", "1"),
    "png 4-bit grey": _png(bytes(70 * 48), depth=4, colour=0),
    "png 2-bit grey": _png(bytes(70 * 25), depth=2, colour=0),
    "png transparent colour": _with(_encoded("PNG"), _chunk(b"tRNS", bytes(6))),
    "png animated": _encoded("PNG", save_all=True, append_images=[Image.fromarray(RGB[::-1])]),
    "png late orientation": _with(
        _encoded("PNG"), _chunk(b"eXIf", _exif(6).tobytes()[6:]), last=True
    ),
    "jpeg cmyk": _encoded("JPEG", "CMYK"),
    "jpeg several": _encoded("MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])]),
}


@pytest.fixture(params=["libraries", "Numba"])
def decoders(request, monkeypatch):
    """Images of any size are large; the own reader of PNG stands in or does not."""
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    if request.param == "Numba":
        monkeypatch.setattr(fast, "STREAM_FROM_PIXELS", 1)
    else:
        monkeypatch.delitem(sys.modules, "numba", raising=False)
    return request.param


def _by_pillow(path: str, monkeypatch: pytest.MonkeyPatch) -> Samples:
    with monkeypatch.context() as patch:
        patch.setattr(fast, "FAST_DECODE_FROM_PIXELS", NOBODY)
        return read_image(path)


def _assert_same(read: Samples, expected: Samples) -> None:
    assert read.samples.dtype == expected.samples.dtype
    npt.assert_array_equal(read.samples, expected.samples)
    assert (read.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        npt.assert_array_equal(read.alpha, expected.alpha)
    for name in ("space", "data_range", "profile", "steps", "warnings"):
        assert getattr(read, name) == getattr(expected, name)


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_same_samples_without_pillow(tmp_path, monkeypatch, decoders, name):
    path = tmp_path / "a.bin"
    path.write_bytes(ACCEPTED[name])
    expected = _by_pillow(str(path), monkeypatch)
    monkeypatch.setattr(images, "_read_by_pillow", None)
    _assert_same(read_image(str(path)), expected)


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_to_pillow(tmp_path, monkeypatch, decoders, name):
    path = tmp_path / "a.bin"
    path.write_bytes(LEFT[name])
    asked = []
    by_pillow = images._read_by_pillow
    monkeypatch.setattr(
        images, "_read_by_pillow", lambda *given: asked.append(1) or by_pillow(*given)
    )
    read = read_image(str(path))
    assert asked
    _assert_same(read, _by_pillow(str(path), monkeypatch))


def test_interlaced(tmp_path, monkeypatch, decoders):
    """Adam7 by hand, a single row of 8 bits of grey: its passes are 1, 0, 1, 2 and 4 pixels."""
    line = np.arange(8, dtype=np.uint8) * 31
    passes = [line[[0]], line[[4]], line[[2, 6]], line[1::2]]  # rows of passes 3, 5, 7 are absent
    rows = b"".join(b"\0" + p.tobytes() for p in passes)
    header = struct.pack(">IIBBBBB", 8, 1, 8, 0, 0, 0, 1)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )  # fmt: skip
    npt.assert_array_equal(read_image(str(path)).samples[0, :, 0], line)
    npt.assert_array_equal(_by_pillow(str(path), monkeypatch).samples[0, :, 0], line)


def test_paeth_is_what_the_standard_says():
    """W3C PNG, section 9.4, over a grid of all three neighbours with its ties."""
    from ssimtool.readers.images.compiled.unfilter import nearest

    values = [0, 1, 2, 3, 100, 101, 127, 128, 253, 254, 255]
    for a in values:
        for b in values:
            for c in values:
                p = a + b - c
                assert nearest(a, b, c) == min((a, b, c), key=lambda v, p=p: abs(p - v))


SOUND = {k: ACCEPTED[k] for k in ("png rgb", "png alpha", "jpeg 4:2:0", "jpeg 4:2:0 progressive")}


def _damaged(whole: bytes, how: int, rng: np.random.RandomState) -> bytes:
    content, at = bytearray(whole), rng.randint(8, len(whole))
    if how == 0:
        del content[at:]
    elif how == 1:
        content[at] ^= 1 << rng.randint(8)
    elif how == 2:
        del content[at : at + rng.randint(1, 40)]
    else:
        content[at:at] = rng.bytes(rng.randint(1, 10))
    return bytes(content)


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it finds on the way
@pytest.mark.parametrize("name", SOUND)
def test_damage_comes_to_the_same(tmp_path, monkeypatch, decoders, name):
    rng, path, told = np.random.RandomState(5), str(tmp_path / "a.bin"), set()
    for n in range(120):
        (tmp_path / "a.bin").write_bytes(_damaged(SOUND[name], n % 4, rng))
        read, expected = _outcome(path), _outcome(path, monkeypatch)
        if isinstance(expected, Samples) and isinstance(read, Samples):
            _assert_same(read, expected)
        else:
            assert read == expected
            told.add(expected[0])
    assert "truncated" in told


def _outcome(path: str, by_pillow: pytest.MonkeyPatch | None = None) -> Samples | tuple[str, str]:
    try:
        return read_image(path) if by_pillow is None else _by_pillow(path, by_pillow)
    except SsimtoolError as error:
        return error.code, error.message


def test_a_jpeg_without_its_end_is_not_filled_with_grey(tmp_path, decoders):
    path, whole = tmp_path / "a.jpg", ACCEPTED["jpeg 4:2:0"]
    for end in (-2, -20, -len(whole) // 3):
        path.write_bytes(whole[:end])
        with pytest.raises(SsimtoolError) as caught:
            read_image(str(path))
        assert caught.value.code == "truncated"


@pytest.mark.parametrize("kind", [b"IHDR", b"gAMA", b"IDAT"])
def test_a_checksum_alone_that_is_wrong(tmp_path, decoders, kind):
    content = bytearray(ACCEPTED["png gamma"])
    start = content.index(kind)
    content[start + 4 + int.from_bytes(content[start - 4 : start], "big")] ^= 1
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SsimtoolError):
        read_image(str(path))


def test_a_limit_of_pixels_comes_before(tmp_path, monkeypatch, decoders):
    path = tmp_path / "a.png"
    path.write_bytes(ACCEPTED["png rgb"])
    monkeypatch.setattr(images, "find_decoder", None)
    with pytest.raises(SsimtoolError, match="expected at most 6509"):
        read_image(str(path), max_pixels=70 * 93 - 1)


@pytest.mark.parametrize("name", ["png rgb", "png alpha", "png palette", "jpeg 4:2:0", "jpeg cmyk"])
def test_mapped_files(tmp_path, monkeypatch, decoders, name):
    from ssimtool.readers import held
    from ssimtool.readers.images import png

    path = tmp_path / "a.bin"
    path.write_bytes({**ACCEPTED, **LEFT}[name])
    expected = _by_pillow(str(path), monkeypatch)
    monkeypatch.setattr(held, "COPY_IMAGE_FROM_BYTES", 1)
    monkeypatch.setattr(png, "PIECE", 500)
    monkeypatch.setattr(png, "SWEEP", 1000)
    _assert_same(read_image(str(path)), expected)


@pytest.mark.parametrize("block", [1, 1000, 5000])
@pytest.mark.parametrize("piece", [7, 1000, 10**6])
def test_blocks_of_any_size(monkeypatch, block, piece):
    from ssimtool.readers.images import png
    from ssimtool.readers.images.compiled.unfilter import unfilter

    monkeypatch.setattr(png, "BLOCK", block)
    monkeypatch.setattr(png, "PIECE", piece)
    for name in ("png rgb", "png all filters"):
        content = ACCEPTED[name]
        read = png.decode_rgb(content, 93, 70, unfilter, lambda: False)
        npt.assert_array_equal(read, np.asarray(Image.open(io.BytesIO(content))))
    for wrong in (_filtered(np.zeros(71)), _filtered(np.zeros(69)), _filtered(np.zeros(70)) + b"x"):
        with pytest.raises(ValueError, match="samples than the header says"):
            png.decode_rgb(_png(wrong), 93, 70, unfilter, lambda: False)


@pytest.mark.parametrize("kind", ["png rgb", "png 16-bit rgb", "png grey", "jpeg rgb"])
@pytest.mark.parametrize("numba", [False, True])
def test_memory_is_written_to_again_where_it_fits(tmp_path, monkeypatch, kind, numba):
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 0)
    monkeypatch.setattr(fast, "STREAM_FROM_PIXELS", 0 if numba else NOBODY)
    if not numba:
        monkeypatch.delitem(sys.modules, "numba", raising=False)
    path = tmp_path / "a"
    path.write_bytes(_encoded("JPEG") if kind == "jpeg rgb" else ACCEPTED[kind])
    expected = read_image(str(path)).samples
    into = np.full_like(RGB, 99)
    found = images.open_image(str(path), into=into).decode(lambda: False).samples
    npt.assert_array_equal(found, expected)
    assert np.shares_memory(found, into) == (kind in ("png rgb", "jpeg rgb"))
    for other in (into[:-1], into.astype(np.uint16), into[:, ::-1]):
        again = images.open_image(str(path), into=other).decode(lambda: False).samples
        npt.assert_array_equal(again, expected)
        assert not np.shares_memory(again, other)
