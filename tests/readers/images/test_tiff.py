"""TIFF beside the matrix: alpha, codecs of images, fax, frames, damage, and what is refused."""

from __future__ import annotations

import io
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from tiffs import tiff

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import read_image
from ssimtool.readers.memory import open_memory

RNG = np.random.RandomState(5)
RGB = RNG.randint(0, 256, (40, 37, 3)).astype(np.uint8)
GREY16 = RNG.randint(0, 65536, (40, 37, 1)).astype(np.uint16)
ALPHA = RNG.randint(0, 256, (40, 37, 1)).astype(np.uint8)


def _read(tmp_path, content: bytes, **options):
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    return read_image(str(path), **options)


def _refused(tmp_path, content: bytes, **options) -> SsimtoolError:
    with pytest.raises(SsimtoolError) as caught:
        _read(tmp_path, content, **options)
    assert len(caught.value.message.splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(
    ("colour", "extra", "read"),
    [
        (RGB, (2,), "alpha"),
        (RGB, (999,), "alpha"),
        (RGB, None, "alpha"),  # RGB and one more without the tag
        (RGB, (0,), "dropped"),
        (RGB[:, :, :1], (2,), "alpha"),
        (RGB[:, :, :1], (0,), "refused"),
        (RGB[:, :, :1], None, "refused"),
        (RGB, (0, 2), "refused"),
        (RGB.astype(np.float32), (2,), "refused"),
        (RGB.astype(np.int8), (2,), "refused"),
    ],
)
@pytest.mark.parametrize("planar", [1, 2])
def test_extra_channels(tmp_path, colour, extra, read, planar):
    raw = np.concatenate([colour] + [ALPHA.astype(colour.dtype)] * len(extra or (0,)), axis=2)
    content = tiff(
        raw,
        bits=8 * raw.itemsize,
        kind="?uif".index(raw.dtype.kind),
        photometric=2 if colour.shape[2] == 3 else 1,
        planar=planar,
        rows=9,
        tags={338: extra} if extra else {},
    )
    if read == "refused":
        assert _refused(tmp_path, content).code == "unsupported"
        return
    found = _read(tmp_path, content)
    np.testing.assert_array_equal(found.samples, colour)
    if read == "alpha":
        np.testing.assert_array_equal(found.alpha, ALPHA[:, :, 0])
    else:
        assert (found.alpha, found.steps) == (None, ("unspecified channels dropped",))


def test_premultiplied_alpha_is_undone_as_by_pillow(tmp_path):
    whole = np.concatenate([RGB // 2, np.maximum(ALPHA, 128)], axis=2)
    content = tiff(whole, bits=8, kind=1, photometric=2, rows=40, tags={338: (1,)})
    straight = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    found = _read(tmp_path, content)
    np.testing.assert_array_equal(found.samples, straight[:, :, :3])
    np.testing.assert_array_equal(found.alpha, straight[:, :, 3])
    assert found.steps == ("premultiplied alpha undone",)


def _lossless(array: np.ndarray) -> bytes:
    return imagecodecs.jpegxl_encode(array, lossless=True)


@pytest.mark.parametrize(
    ("compression", "encode", "raw"),
    [
        (50001, lambda part: imagecodecs.webp_encode(part, lossless=True), RGB),
        (50002, _lossless, RGB),
        (50002, _lossless, RGB[:, :, :1]),
        (50002, _lossless, GREY16),
        (50002, _lossless, (RGB / 255).astype(np.float32)),
        (52546, _lossless, RGB),
        (34887, imagecodecs.lerc_encode, RGB),
        (34887, imagecodecs.lerc_encode, (RGB / 255).astype(np.float32)),
    ],
)
@pytest.mark.parametrize("rows", [7, 40, None])
def test_codecs_of_images(tmp_path, compression, encode, raw, rows):
    content = tiff(
        raw,
        bits=8 * raw.itemsize,
        kind=3 if raw.dtype.kind == "f" else 1,
        photometric=2 if raw.shape[2] == 3 else 1,
        compression=compression,
        rows=rows,
        encode=lambda part: encode(part if part.shape[2] > 1 else part[:, :, 0]),
    )
    found = _read(tmp_path, content)
    np.testing.assert_array_equal(found.samples, raw)
    assert found.samples.dtype == raw.dtype
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(content)).reshape(raw.shape), raw)
    cut = tiff(
        raw,
        bits=8 * raw.itemsize,
        kind=3 if raw.dtype.kind == "f" else 1,
        photometric=2 if raw.shape[2] == 3 else 1,
        compression=compression,
        rows=rows,
        encode=lambda part: encode(part if part.shape[2] > 1 else part[:, :, 0])[:-9],
    )
    assert _refused(tmp_path, cut).code in ("truncated", "unreadable")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(37, 40), (300, 200)])
def test_jpeg_inside(tmp_path, mode, size):
    """The same as by Pillow, whose libtiff has another libjpeg."""
    file = io.BytesIO()
    Image.fromarray(RGB).resize(size).convert(mode).save(file, "TIFF", compression="jpeg")
    found = _read(tmp_path, file.getvalue())
    expected = np.asarray(Image.open(file))
    np.testing.assert_array_equal(found.samples, expected.reshape(found.samples.shape))
    assert found.space == {"L": "grey", "RGB": "rgb", "CMYK": "cmyk"}[mode]


def test_jpeg_of_ycbcr_inside(tmp_path):
    content = io.BytesIO()
    tifffile.imwrite(content, RGB, photometric="rgb", compression="jpeg", rowsperstrip=16)
    found = _read(tmp_path, content.getvalue())
    np.testing.assert_array_equal(found.samples, np.asarray(Image.open(content)))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_fax(tmp_path, compression, orientation):
    bilevel, file = Image.fromarray(RGB[:, :, 0] > 128), io.BytesIO()
    bilevel.save(file, "TIFF", compression=compression, tiffinfo={274: orientation})
    found = _read(tmp_path, file.getvalue())
    turned = np.asarray(Image.open(file))  # Pillow turns while it loads
    np.testing.assert_array_equal(found.samples[:, :, 0] > 0, turned)
    assert found.steps[0] == "bilevel to RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_subsampled_ycbcr(tmp_path, orientation):
    """Blocks of 2x2 pixels: four luma samples, then Cb and Cr (TIFF 6.0, section 21)."""
    luma, chroma = RNG.randint(16, 236, (4, 6, 4)), RNG.randint(100, 156, (4, 6, 2))
    blocks = np.concatenate([luma, chroma], axis=2).astype(np.uint8)
    stored = zlib.compress(blocks.tobytes())
    raw = np.zeros((8, 12, 3), np.uint8)
    content = tiff(
        raw,
        bits=8,
        kind=1,
        photometric=6,
        compression=8,
        rows=8,
        tags={530: (2, 2), 274: (orientation,)},
        encode=lambda _: stored,
    )
    found = _read(tmp_path, content)
    whole = luma.reshape(4, 6, 2, 2).transpose(0, 2, 1, 3).reshape(8, 12).astype(float)
    cb, cr = (chroma[:, :, i].repeat(2, 0).repeat(2, 1) - 128.0 for i in (0, 1))
    rgb = [whole + 1.402 * cr, whole - 0.344136 * cb - 0.714136 * cr, whole + 1.772 * cb]
    upright = np.clip(np.rint(np.stack(rgb, axis=2)), 0, 255)
    marks = Image.fromarray(np.arange(96, dtype=np.int32).reshape(8, 12))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Image.Transpose, of Pillow
    marks = marks.transpose(undo[orientation]) if orientation > 1 else marks
    off = found.samples.astype(float) - upright.reshape(-1, 3)[np.asarray(marks)]
    assert np.abs(off).max() <= 1  # libtiff rounds by tables


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16])
def test_bits_from_the_lowest(tmp_path, compression, bits):
    raw = RNG.randint(0, 2**bits, (20, 21, 1)).astype(np.uint16 if bits > 8 else np.uint8)
    options = {"bits": bits, "kind": 1, "photometric": 1, "compression": compression, "rows": 8}
    usual = _read(tmp_path, tiff(raw, **options))
    found = _read(tmp_path, tiff(raw, fill_order=2, **options))
    np.testing.assert_array_equal(found.samples, usual.samples)


def test_pages_of_kinds_that_pillow_does_not_open(tmp_path):
    pages, file = [RNG.rand(9, 8, 3).astype(np.float16), RNG.rand(12, 8, 3)], io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in pages:
            writer.write(page, photometric="rgb")
    first = _read(tmp_path, file.getvalue())
    np.testing.assert_array_equal(first.samples, pages[0])
    assert "has 2 frames" in first.warnings[0]
    second = _read(tmp_path, file.getvalue(), frame=1)
    np.testing.assert_array_equal(second.samples, pages[1])
    assert (second.samples.dtype, second.steps) == (np.float64, ("frame 1",))
    assert "no frame 2" in _refused(tmp_path, file.getvalue(), frame=2).message
    assert _refused(tmp_path, file.getvalue(), max_pixels=70).code == "too_large"


def test_floats_that_are_not_finite_are_refused(tmp_path):
    raw = RNG.rand(9, 8, 3).astype(np.float16)
    raw[3, 3, 0] = np.inf
    content = tiff(raw, bits=16, kind=3, photometric=2, rows=9)
    assert _refused(tmp_path, content).code == "non_finite"
    assert _read(tmp_path, tiff(300 * RNG.rand(9, 8, 3), bits=64, kind=3, photometric=2, rows=9))


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 34925, 50000])
def test_a_strip_that_is_cut(tmp_path, compression):
    options = {"bits": 8, "kind": 1, "photometric": 2, "compression": compression, "rows": 9}
    whole = tiff(RGB, **options)
    assert _refused(tmp_path, whole[:3000]).code == "truncated"  # without its tags
    fewer = tiff(RGB[:30], **options, tags={257: (40,)})
    assert _refused(tmp_path, fewer).code == "truncated"


def test_a_codec_that_imagecodecs_lacks(tmp_path, monkeypatch):
    content = tiff(RGB, bits=8, kind=1, photometric=2, compression=50002, rows=40, encode=_lossless)
    (tmp_path / "a.jxl").write_bytes(_lossless(RGB))

    class Stub:
        available = False

    monkeypatch.setattr(imagecodecs, "JPEGXL", Stub)
    error = _refused(tmp_path, content)
    assert error.code == "unsupported"
    assert "compressed with JPEG XL, which the installed imagecodecs" in error.message
    with pytest.raises(SsimtoolError, match="JPEG XL, which the installed imagecodecs"):
        read_image(str(tmp_path / "a.jxl"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"compression": 33003}, "JPEG 2000 compression"),
        ({"compression": 12345}, "compression 12345"),
        ({"photometric": 32844}, "photometric 32844"),
        ({"tags": {339: (6, 6, 6)}}, "complex samples"),
        ({"tags": {258: (5, 6, 5)}}, "5/6 bits"),
        ({"tags": {32997: (4,)}}, "several layers"),
        ({"tags": {317: (3,)}, "compression": 8}, "predictor 3"),
        ({"photometric": 5, "tags": {332: (2,), 277: (3,)}}, "channels of photometric 5"),
    ],
)
def test_what_is_refused_is_named(tmp_path, change, words):
    given = {"bits": 8, "kind": 1, "photometric": 2, "rows": 40, **change}
    encode = None if given.get("compression", 1) in (1, 8) else lambda part: part.tobytes()
    error = _refused(tmp_path, tiff(RGB, **given, encode=encode))
    assert error.code == "unsupported"
    assert words in error.message


def test_a_tiff_that_pillow_has_opened_is_read_like_the_file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(GREY16, bits=16, kind=1, photometric=0, rows=9))
    opened = open_memory(Image.open(path)).decode(lambda: False)
    np.testing.assert_array_equal(opened.samples, 65535 - GREY16)
