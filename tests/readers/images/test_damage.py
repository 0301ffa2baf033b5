"""Files that decoders read in spite of damage: an error by every decoder, at every size."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import numpy.testing as npt
import pytest
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.images import fast
from ssimtool.readers.images.opening import read_image

RNG = np.random.RandomState(9)
YY, XX = np.mgrid[:96, :120]
RGB = (np.dstack([XX * 2, YY * 2, XX + YY]) + RNG.randint(0, 20, (96, 120, 3))).astype(np.uint8)
WIDTH, HEIGHT = 13, 11
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2)]  # fmt: skip
# depth, colour type, samples of a pixel, interlaced
KINDS = {
    "rgb": (8, 2, 3, 0),
    "rgba": (8, 6, 4, 0),
    "grey": (8, 0, 1, 0),
    "grey alpha": (8, 4, 2, 0),
    "palette": (8, 3, 1, 0),
    "1-bit": (1, 0, 1, 0),
    "4-bit palette": (4, 3, 1, 0),
    "16-bit grey": (16, 0, 1, 0),
    "16-bit rgb": (16, 2, 3, 0),
    "interlaced rgb": (8, 2, 3, 1),
    "interlaced 1-bit": (1, 0, 1, 1),
    "interlaced 16-bit rgba": (16, 6, 4, 1),
}


@pytest.fixture(params=["Pillow", "libraries", "Numba"])
def decoders(request, monkeypatch):
    """Each of the decoders reads the files of a test."""
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 10**9 if request.param == "Pillow" else 1)
    if request.param == "Numba":
        monkeypatch.setattr(fast, "STREAM_FROM_PIXELS", 1)
    else:
        monkeypatch.delitem(sys.modules, "numba", raising=False)


@pytest.fixture
def refused(tmp_path):
    """Reads a content, which must be one line that names the file; returns the code."""

    def read(content: bytes) -> str:
        path = tmp_path / "a.bin"
        path.write_bytes(content)
        with pytest.raises(SsimtoolError) as caught:
            read_image(str(path))
        assert caught.value.message.startswith(f"{path}: ")
        assert "\n" not in caught.value.message
        return caught.value.code

    return read


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _rows(kind: str, width: int = WIDTH, height: int = HEIGHT) -> list[bytes]:
    """Rows of zeros with the filter 0, pass by pass."""
    depth, _, samples, interlaced = KINDS[kind]
    rows = []
    for x, y, across, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        columns = len(range(x, width, across))
        if columns:
            row = bytes(1 + (columns * samples * depth + 7) // 8)
            rows += [row] * len(range(y, height, down))
    return rows


def _png(kind: str, compressed: bytes, *, after: bytes = b"", end: bytes | None = None) -> bytes:
    depth, colour, _, interlaced = KINDS[kind]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    parts = [_chunk(b"IHDR", header)]
    if colour == 3:
        parts.append(_chunk(b"PLTE", bytes(3 * 2 ** min(depth, 8))))
    half = len(compressed) // 2
    parts += [_chunk(b"IDAT", compressed[:half]), _chunk(b"IDAT", compressed[half:]), after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + (_chunk(b"IEND", b"") if end is None else end)


def _unfinished(rows: bytes) -> bytes:
    packer = zlib.compressobj()
    return packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)


@pytest.mark.parametrize("kind", KINDS)
def test_png_with_damaged_samples(tmp_path, refused, decoders, kind):
    rows = _rows(kind)
    whole = b"".join(rows)
    sound = zlib.compress(whole)
    wrong_sum = sound[:-1] + bytes([sound[-1] ^ 1])
    cases = {
        "one row missing": (zlib.compress(b"".join(rows[:-1])), "truncated"),
        "half the rows missing": (zlib.compress(whole[: len(whole) // 2]), "truncated"),
        "all rows missing": (zlib.compress(b""), "truncated"),
        "a byte missing": (zlib.compress(whole[:-1]), "truncated"),
        "the end of the stream missing": (_unfinished(whole), "truncated"),
        "a wrong Adler-32": (wrong_sum, "damaged"),
        "half an Adler-32": (sound[:-2], "truncated"),
        "a row more": (zlib.compress(whole + rows[-1]), "damaged"),
        "data after the stream": (sound + b"more", "damaged"),
        "an unknown filter": (zlib.compress(whole[: -len(rows[-1])] + b"\5" + rows[-1][1:]),
                              "damaged"),
        "an impossible code": (sound[:2] + b"\7" + sound[3:], "damaged"),
    }  # fmt: skip
    for name, (compressed, code) in cases.items():
        assert (name, refused(_png(kind, compressed))) == (name, code)
    path = tmp_path / "sound.png"
    path.write_bytes(_png(kind, sound))
    assert not read_image(str(path)).samples.any()


@pytest.mark.parametrize("kind", ["rgb", "rgba", "palette", "interlaced 16-bit rgba"])
def test_png_with_damaged_chunks(refused, decoders, kind):
    sound = _png(kind, zlib.compress(b"".join(_rows(kind))))
    chunks = [b"IHDR", b"IDAT", b"IEND"] + ([b"PLTE"] if kind == "palette" else [])
    for name in chunks:
        content, at = bytearray(sound), sound.index(name)
        content[at + 4 + int.from_bytes(sound[at - 4 : at], "big")] ^= 1
        assert refused(bytes(content)) in ("damaged", "unreadable", "truncated")
    for end in (sound.index(b"IEND") - 4, len(sound) - 4, len(sound) - 1):
        assert refused(sound[:end]) == "truncated"


@pytest.mark.parametrize("bits", range(9, 16))
def test_png_of_every_size_of_window(tmp_path, decoders, bits):
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    compressed = packer.compress(b"".join(_rows("rgb"))) + packer.flush()
    path = tmp_path / "a.png"
    path.write_bytes(_png("rgb", compressed))
    assert read_image(str(path)).samples.shape == (HEIGHT, WIDTH, 3)


def test_png_animation_with_a_short_frame(tmp_path, refused):
    """Not even the first frame is taken from it: a frame of an animation builds on others."""
    file = io.BytesIO()
    frames = [Image.fromarray(RGB[::-1].copy()), Image.fromarray(RGB[:, ::-1].copy())]
    Image.fromarray(RGB).save(file, "PNG", save_all=True, append_images=frames)
    sound = file.getvalue()
    (tmp_path / "b.png").write_bytes(sound)
    assert read_image(str(tmp_path / "b.png"), frame=2).samples.shape == RGB.shape
    at = sound.rindex(b"fdAT") - 4
    size = int.from_bytes(sound[at : at + 4], "big")
    number, rows = sound[at + 8 : at + 12], zlib.compress(bytes(361 * 40))
    short = sound[:at] + _chunk(b"fdAT", number + rows) + sound[at + 12 + size :]
    assert refused(short) == "truncated"


def _jpeg(mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


JPEGS = {
    "4:2:0": _jpeg(),
    "4:4:4": _jpeg(subsampling=0),
    "4:2:2": _jpeg(subsampling=1),
    "progressive": _jpeg(progressive=True),
    "grey": _jpeg("L"),
    "grey progressive": _jpeg("L", progressive=True),
    "cmyk": _jpeg("CMYK"),
    "rgb": _jpeg(keep_rgb=True),
    "restarts": _jpeg(restart_marker_blocks=3),
    "trailing bytes": _jpeg() + b"more",
}
END = b"\xff\xd9"


@pytest.mark.parametrize("kind", JPEGS)
def test_jpeg_is_what_pillow_decodes(tmp_path, decoders, kind):
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEGS[kind])
    expected = np.asarray(Image.open(path))
    npt.assert_array_equal(read_image(str(path)).samples, expected.reshape(96, 120, -1))


@pytest.mark.parametrize("kind", [k for k in JPEGS if k != "trailing bytes"])
def test_jpeg_that_is_cut_or_damaged_inside_a_scan(refused, decoders, kind):
    sound = JPEGS[kind]
    scan = sound.index(b"\xff\xda") + 20
    half = scan + (len(sound) - scan) // 2
    while sound[half - 1] == 0xFF:  # not inside an escaped byte
        half += 1
    # Without an end marker it is cut off, even if only the marker is missing: libjpeg warns, and
    # nothing says that no scan followed.
    for end in (half, len(sound) - 2, len(sound) - 1):
        assert refused(sound[:end]) == "truncated"
    if "progressive" not in kind:  # cut there, its missing scans are whole scans
        assert refused(sound[:half] + END) == "damaged"
    lost = bytearray(sound)
    place = scan + 10 if "progressive" in kind else half  # in its first scan
    del lost[place : place + 40]
    assert refused(bytes(lost)) == "damaged"


def test_progressive_jpeg_cut_between_scans(refused, decoders):
    sound = JPEGS["progressive"]
    assert refused(sound[: sound.rindex(b"\xff\xda")]) == "truncated"


def test_a_frame_of_an_mpo(tmp_path):
    file = io.BytesIO()
    Image.fromarray(RGB).save(
        file, "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1].copy())]
    )
    sound = file.getvalue()
    second = sound.rindex(b"\xff\xda")
    lost = bytearray(sound)
    del lost[second + 200 : second + 240]
    path = tmp_path / "a.mpo"
    path.write_bytes(lost)
    assert read_image(str(path), frame=0).samples.shape == RGB.shape
    with pytest.raises(SsimtoolError) as caught:
        read_image(str(path), frame=1)
    assert caught.value.code == "damaged"


@pytest.mark.parametrize("channels", ["rgb", "luma"])
def test_a_pair_with_a_damaged_image(tmp_path, channels):
    sound, bad = tmp_path / "a.png", tmp_path / "b.png"
    compressed = zlib.compress(b"".join(_rows("rgb")))
    sound.write_bytes(_png("rgb", compressed))
    bad.write_bytes(_png("rgb", compressed[:-1] + b"?"))
    with pytest.raises(SsimtoolError) as caught:
        read_pair(str(sound), str(bad), Reading(channels=channels))
    assert caught.value.code == "damaged"


CUT = {
    "GIF": {},
    "WEBP": {"lossless": True},
    "AVIF": {},
    "TIFF": {},
    "BMP": {},
    "PPM": {},
    "TGA": {},
    "PCX": {},
    "SGI": {},
    "JPEG2000": {},
}


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("share", [0.35, 0.5, 0.75, 0.95])
def test_other_formats_that_are_cut(refused, kind, share):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, kind, **CUT[kind])
    code = refused(file.getvalue()[: int(share * len(file.getvalue()))])
    # Pillow does not open the header of some, or says no more than that it cannot be decoded
    assert code in ("truncated", "unreadable", "not_an_image")
