"""Every format and kind of image: what comes out is what was written, and 16 bits stay 16."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import PIL
import pytest
import tifffile
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import read_image
from ssimtool.readers.images.orientation import ORIENTATION

RNG = np.random.RandomState(0)
RGB8 = RNG.randint(0, 256, (24, 31, 3)).astype(np.uint8)
GREY8 = RGB8[:, :, 0].copy()
RGB16 = RNG.randint(0, 65536, (24, 31, 3)).astype(np.uint16)
GREY16 = RGB16[:, :, :1].copy()
ALPHA16 = RNG.randint(0, 65536, (24, 31, 1)).astype(np.uint16)


def _save(path: Path, array: np.ndarray, **options) -> str:
    Image.fromarray(array).save(path, **options)
    return str(path)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("png", {}),
        ("bmp", {}),
        ("tiff", {}),
        ("tiff", {"compression": "tiff_lzw"}),
        ("ppm", {}),
        ("tga", {}),
        ("webp", {"lossless": True}),
        ("jp2", {"irreversible": False}),
    ],
)
def test_lossless_formats(tmp_path, suffix, options):
    read = read_image(_save(tmp_path / f"a.{suffix}", RGB8, **options))
    np.testing.assert_array_equal(read.samples, RGB8)
    assert (read.data_range, read.space, read.steps, read.warnings) == (255, "rgb", (), ())


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_lossy_formats_are_what_pillow_decodes(tmp_path, suffix):
    path = _save(tmp_path / f"a.{suffix}", RGB8)
    np.testing.assert_array_equal(read_image(path).samples, np.asarray(Image.open(path)))


def test_grey(tmp_path):
    for suffix in ("png", "jpg", "tiff", "pgm"):
        path = _save(tmp_path / f"a.{suffix}", GREY8)
        read = read_image(path)
        assert read.samples.shape == (24, 31, 1)
        np.testing.assert_array_equal(read.samples[:, :, 0], np.asarray(Image.open(path)))


def test_sixteen_bit_grey(tmp_path):
    for suffix in ("png", "tiff"):
        read = read_image(_save(tmp_path / f"a.{suffix}", GREY16[:, :, 0]))
        np.testing.assert_array_equal(read.samples, GREY16)
        assert (read.samples.dtype, read.data_range) == (np.uint16, 65535)
    big = tmp_path / "big.tiff"
    tifffile.imwrite(big, GREY16[:, :, 0], byteorder=">")
    np.testing.assert_array_equal(read_image(str(big)).samples, GREY16)


def test_pgm_of_sixteen_bits(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 31 24 65535\n" + GREY16.astype(">u2").tobytes())
    read = read_image(str(path))
    np.testing.assert_array_equal(read.samples, GREY16)
    assert (read.samples.dtype, read.data_range) == (np.uint16, 65535)


def test_sixteen_bit_colour_png_is_not_cut(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(RGB16))
    np.testing.assert_array_equal(read_image(str(path)).samples, RGB16)
    for colour in (RGB16, GREY16):
        path.write_bytes(imagecodecs.png_encode(np.concatenate([colour, ALPHA16], axis=2)))
        read = read_image(str(path))
        np.testing.assert_array_equal(read.samples, colour)
        np.testing.assert_array_equal(read.alpha, ALPHA16[:, :, 0])
        assert read.data_range == 65535


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "byteorder": ">"},
        {"photometric": "rgb", "compression": "zlib"},
        {"photometric": "rgb", "planarconfig": "separate"},
        {"photometric": "rgb", "tile": (16, 16)},
    ],
)
def test_sixteen_bit_colour_tiff_is_not_cut(tmp_path, options):
    path = tmp_path / "a.tiff"
    planes = np.moveaxis(RGB16, 2, 0) if "planarconfig" in options else RGB16
    tifffile.imwrite(path, planes, **options)
    read = read_image(str(path))
    np.testing.assert_array_equal(read.samples, RGB16)
    assert (read.samples.dtype, read.data_range) == (np.uint16, 65535)


def test_sixteen_bit_tiff_with_alpha(tmp_path):
    path = tmp_path / "a.tiff"
    whole = np.concatenate([RGB16, ALPHA16], axis=2)
    tifffile.imwrite(path, whole, photometric="rgb", extrasamples=["unassalpha"])
    read = read_image(str(path))
    np.testing.assert_array_equal(read.samples, RGB16)
    np.testing.assert_array_equal(read.alpha, ALPHA16[:, :, 0])
    tifffile.imwrite(path, whole, photometric="rgb", extrasamples=["assocalpha"])
    with pytest.raises(SsimtoolError, match="premultiplied") as caught:
        read_image(str(path))
    assert caught.value.code == "unsupported"


def test_deep_frames_of_a_tiff(tmp_path):
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, np.stack([RGB16, RGB16[::-1]]), photometric="rgb")
    np.testing.assert_array_equal(read_image(str(path), frame=1).samples, RGB16[::-1])


def test_float_tiff(tmp_path):
    inside = RNG.rand(24, 31).astype(np.float32)
    read = read_image(_save(tmp_path / "a.tiff", inside))
    np.testing.assert_array_equal(read.samples[:, :, 0], inside)
    assert read.data_range == 1
    assert read_image(_save(tmp_path / "b.tiff", 300 * inside)).data_range is None
    inside[3, 4] = np.nan
    with pytest.raises(SsimtoolError) as caught:
        read_image(_save(tmp_path / "c.tiff", inside))
    assert caught.value.code == "non_finite"


def test_twelve_bit_tiff_has_its_own_range(tmp_path):
    # a 12-bit grey TIFF by hand: libtiff writes none through Pillow or tifffile
    width, height = 4, 2
    packed = bytes([0xFF, 0xF0, 0x00, 0x80, 0x07, 0xFF] * 2)
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, 1, 12),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 3, 1, height),
        (279, 4, 1, len(packed)),
    ]
    body = b"II*\0" + (8 + len(packed)).to_bytes(4, "little") + packed
    body += len(entries).to_bytes(2, "little")
    for tag, kind, count, value in entries:
        body += tag.to_bytes(2, "little") + kind.to_bytes(2, "little")
        body += count.to_bytes(4, "little") + value.to_bytes(4, "little")
    path = tmp_path / "a.tiff"
    path.write_bytes(body + b"\0\0\0\0")
    read = read_image(str(path))
    assert read.samples[:, :, 0].tolist() == [[0xFFF, 0, 0x800, 0x7FF]] * 2
    assert read.data_range == 4095


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ppm", b"P6 # colour\n31 24 65535\n" + RGB16.astype(">u2").tobytes()),
        ("a.avif", imagecodecs.avif_encode(RGB16 >> 6, bitspersample=10)),
        ("a.jp2", imagecodecs.jpeg2k_encode(RGB16, codecformat="jp2")),
    ],
)
def test_deep_colour_that_is_not_read_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SsimtoolError, match="bits a channel") as caught:
        read_image(str(path))
    assert caught.value.code == "unsupported"


def test_palette_bilevel_and_transparent_colour(tmp_path):
    image = Image.fromarray(RGB8).quantize(16)
    path = str(tmp_path / "p.png")
    image.save(path)
    read = read_image(path)
    np.testing.assert_array_equal(read.samples, np.asarray(image.convert("RGB")))
    assert read.steps == ("palette to RGB",)

    image.save(path, transparency=0)
    read = read_image(path)
    np.testing.assert_array_equal(read.alpha == 0, np.asarray(image) == 0)

    one = Image.fromarray(GREY8 > 128)
    one.save(path)
    read = read_image(path)
    np.testing.assert_array_equal(read.samples, np.asarray(one.convert("RGB")))
    assert read.steps == ("bilevel to RGB",)

    Image.fromarray(GREY8).save(path, transparency=int(GREY8[0, 0]))
    read = read_image(path)
    np.testing.assert_array_equal(read.alpha == 0, GREY8 == GREY8[0, 0])
    assert (read.space, read.steps) == ("grey", ("transparent colour to alpha",))

    Image.fromarray(GREY16[:, :, 0]).save(path, transparency=int(GREY16[0, 0, 0]))
    read = read_image(path)
    np.testing.assert_array_equal(read.alpha == 0, GREY16[:, :, 0] == GREY16[0, 0, 0])


@pytest.mark.parametrize(
    ("mode", "step"),
    [
        pytest.param(
            "YCbCr",
            "YCbCr to RGB",
            marks=pytest.mark.skipif(
                PIL.__version__ < "13",
                reason="Pillow 11 and 12 take the TIFF that they write for cut",
            ),
        ),
        ("LAB", "CIELAB to RGB"),
        ("HSV", None),
        ("CMYK", None),
    ],
)
def test_other_colour_spaces(tmp_path, mode, step):
    path = str(tmp_path / "a.tiff")
    image = Image.fromarray(RGB8)
    if mode == "LAB":
        from PIL import ImageCms

        rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, rgb, lab, outputMode="LAB")
    elif mode != "HSV":
        image = image.convert(mode)
    image.save(path)
    read = read_image(path)
    assert read.samples.shape == (24, 31, 4 if mode == "CMYK" else 3)
    assert read.steps == ((step,) if step else ())
    if mode == "LAB":  # there and back in 8 bits, out-of-gamut noise aside
        assert np.median(np.abs(read.samples.astype(int) - RGB8)) <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "deep png", "deep tiff"])
def test_exif_orientation(tmp_path, orientation, kind):
    upright = Image.fromarray(RGB8)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Image.Transpose, of Pillow
    path = tmp_path / f"a.{kind.split()[-1]}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if kind == "deep tiff":
        tags = [(ORIENTATION, 3, 1, orientation, True)]
        tifffile.imwrite(path, RGB16, photometric="rgb", extratags=tags)
        plain = RGB16
    elif kind == "deep png":
        file = io.BytesIO()
        upright.save(file, "png", exif=exif)
        chunk = _chunk(file.getvalue(), b"eXIf")
        encoded = imagecodecs.png_encode(RGB16)
        path.write_bytes(encoded[:33] + chunk + encoded[33:])
        plain = RGB16
    else:
        upright.save(path, exif=exif)
        plain = np.asarray(upright) if kind != "jpg" else np.asarray(Image.open(path))
    read = read_image(str(path))
    expected = plain
    if orientation > 1:
        marks = np.arange(plain.shape[0] * plain.shape[1]).reshape(plain.shape[:2])
        turned = Image.fromarray(marks.astype(np.int32)).transpose(undo[orientation])
        expected = plain.reshape(-1, 3)[np.asarray(turned)]
        assert read.steps == (f"EXIF orientation {orientation} applied",)
    np.testing.assert_array_equal(read.samples, expected)


def _chunk(png: bytes, name: bytes) -> bytes:
    at = png.index(name) - 4
    return png[at : at + 12 + int.from_bytes(png[at : at + 4], "big")]


def test_frames(tmp_path):
    path = str(tmp_path / "a.gif")
    frames = [Image.fromarray(GREY8), Image.fromarray(GREY8[::-1].copy())]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    first = read_image(path)
    assert "has 2 frames" in first.warnings[0]
    assert read_image(path, frame=0).warnings == ()
    assert not np.array_equal(read_image(path, frame=1).samples, first.samples)
    with pytest.raises(SsimtoolError, match="no frame 2"):
        read_image(path, frame=2)
    still = _save(tmp_path / "a.png", GREY8)
    np.testing.assert_array_equal(read_image(still, frame=3).samples[:, :, 0], GREY8)


def test_a_name_that_lies(tmp_path):
    png = tmp_path / "a.png"
    np.save(tmp_path / "a.npy", GREY8)
    (tmp_path / "a.npy").rename(png)
    np.testing.assert_array_equal(read_image(str(png)).samples[:, :, 0], GREY8)
    npy = tmp_path / "b.npy"
    Image.fromarray(GREY8).save(npy, "png")
    np.testing.assert_array_equal(read_image(str(npy)).samples[:, :, 0], GREY8)


def test_standard_input(tmp_path, monkeypatch):
    for content in (_encoded("png"), _encoded("npy")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        read = read_image("-")
        np.testing.assert_array_equal(read.samples[:, :, 0], GREY8)
        assert read.path == "-"


def _encoded(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, GREY8)
    else:
        Image.fromarray(GREY8).save(file, kind)
    return file.getvalue()


def test_a_limit_of_pixels(tmp_path):
    path = _save(tmp_path / "a.png", GREY8)
    assert read_image(path, max_pixels=24 * 31).samples.size == 24 * 31
    with pytest.raises(SsimtoolError, match="31x24 = 744 pixels, expected at most 743") as caught:
        read_image(path, max_pixels=743)
    assert caught.value.code == "too_large"
    np.save(tmp_path / "a.npy", GREY8)
    with pytest.raises(SsimtoolError, match="744"):
        read_image(str(tmp_path / "a.npy"), max_pixels=743)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "avif", "gif", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_truncated_files(tmp_path, kind, share):
    file = io.BytesIO()
    Image.fromarray(RNG.randint(0, 256, (64, 64, 3)).astype(np.uint8)).save(file, kind)
    path = tmp_path / "a.bin"
    path.write_bytes(file.getvalue()[: int(share * len(file.getvalue()))])
    with pytest.raises(SsimtoolError) as caught:
        read_image(str(path))
    # a cut AVIF shows no sign that Pillow would know it by
    assert caught.value.code in ("truncated",) + (("not_an_image",) if kind == "avif" else ())


def test_damaged_png(tmp_path):
    """One bit inside the compressed samples: Pillow alone decodes it to other samples, silently."""
    content = bytearray(_encoded("png"))
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SsimtoolError, match="is a damaged PNG") as caught:
        read_image(str(path))
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    ("dtype", "data_range"),
    [("i2", 65535), ("i4", 2**32 - 1), ("u4", 2**32 - 1)],
)
def test_integers_of_a_tiff_are_what_they_were(tmp_path, dtype, data_range):
    limits = np.iinfo(dtype)
    array = RNG.randint(limits.min, int(limits.max) + 1, (24, 31), dtype=np.int64).astype(dtype)
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, array)
    read = read_image(str(path))
    np.testing.assert_array_equal(read.samples[:, :, 0], array)
    assert (read.samples.dtype, read.data_range) == (array.dtype, data_range)


def test_more_deep_colour_that_pillow_would_cut(tmp_path):
    plain = b"P3\n# x\n2 1\n65535\n1 2 3 65535 0 9\n"
    sgi = b"\x01\xda\x00\x02\x00\x03" + b"".join(n.to_bytes(2, "big") for n in (31, 24, 3))
    sgi += bytes(512 - len(sgi)) + RGB16.astype(">u2").transpose(2, 0, 1).tobytes()
    long = b"P6\n#" + b"x" * 2000 + b"\n2 1\n255\n123456"
    for name, content in (("a.ppm", plain), ("a.sgi", sgi)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SsimtoolError, match="16 bits a channel"):
            read_image(str(tmp_path / name))
    (tmp_path / "b.ppm").write_bytes(long)
    assert read_image(str(tmp_path / "b.ppm")).samples.tobytes() == b"123456"


def test_programs_are_not_run(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(SsimtoolError, match="is EPS, which holds drawing commands") as caught:
        read_image(str(path))
    assert caught.value.code == "unsupported"


def test_the_limit_holds_for_the_frame_that_is_read(tmp_path):
    path = tmp_path / "a.tiff"
    small, large = Image.fromarray(GREY8), Image.fromarray(GREY8.repeat(9, axis=0))
    small.save(path, save_all=True, append_images=[large])
    assert read_image(str(path), max_pixels=1000, frame=0).samples.size == 744
    with pytest.raises(SsimtoolError, match="expected at most 1000"):
        read_image(str(path), max_pixels=1000, frame=1)


def test_a_frame_of_one(tmp_path):
    read = read_image(_save(tmp_path / "a.png", GREY8), frame=3)
    assert "has one frame, --frame 3 is ignored" in read.warnings[0]


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it finds on the way
@pytest.mark.parametrize("kind", ["png", "gif", "tiff", "webp", "avif", "jpeg", "bmp"])
def test_damage_anywhere_is_one_error(tmp_path, kind):
    """Every damaged file is read or refused; nothing else comes out of the reader."""
    file = io.BytesIO()
    frames = [Image.fromarray(RGB8), Image.fromarray(RGB8[::-1].copy())]
    animated = {"save_all": True, "append_images": frames[1:]} if kind in ("gif", "tiff") else {}
    frames[0].save(file, kind, **animated)
    rng, whole, path = np.random.RandomState(3), file.getvalue(), tmp_path / "a.bin"
    told = []
    for _ in range(150):
        content = bytearray(whole)
        for at in rng.randint(0, min(len(whole), 600), rng.randint(1, 8)):
            content[at] = rng.randint(256)
        path.write_bytes(content)
        try:
            read_image(str(path), frame=1 if animated else None, max_pixels=10**6)
        except SsimtoolError as error:
            told.append(error.message)
    assert len(told) > 5
    assert all(len(message.splitlines()) == 1 for message in told)
