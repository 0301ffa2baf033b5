"""JPEG XL, PAM and colour PFM."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import read_image

RNG = np.random.RandomState(6)


def _read(tmp_path, content: bytes, name: str = "a.bin", **options):
    path = tmp_path / name
    path.write_bytes(content)
    return read_image(str(path), **options)


def _refused(tmp_path, content: bytes, **options) -> SsimtoolError:
    with pytest.raises(SsimtoolError) as caught:
        _read(tmp_path, content, **options)
    assert len(caught.value.message.splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(
    "shape", [(20, 33, 1), (20, 33, 2), (64, 64, 3), (20, 33, 4), (600, 800, 3)]
)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("container", [False, True])
def test_jpeg_xl(tmp_path, shape, dtype, container):
    array = RNG.randint(0, 256, shape).astype(dtype)
    content = imagecodecs.jpegxl_encode(array, lossless=True, usecontainer=container)
    read = _read(tmp_path, content)
    channels = shape[2] - (shape[2] in (2, 4))
    np.testing.assert_array_equal(read.samples, array[:, :, :channels])
    if channels < shape[2]:
        np.testing.assert_array_equal(read.alpha, array[:, :, channels])
    assert (read.space, read.data_range) == (
        "grey" if channels == 1 else "rgb",
        255 if dtype == "u1" else 65535,
    )
    # imagecodecs marks 16 bits as linear light, which a profile states
    assert (read.profile is None) == (dtype == "u1")


def test_jpeg_xl_of_floats(tmp_path):
    array = RNG.rand(20, 33, 3).astype(np.float32)
    read = _read(tmp_path, imagecodecs.jpegxl_encode(array, lossless=True))
    np.testing.assert_array_equal(read.samples, array)
    assert read.data_range == 1
    with_alpha = imagecodecs.jpegxl_encode(RNG.rand(20, 33, 4).astype(np.float32), lossless=True)
    assert "alpha beside floats" in _refused(tmp_path, with_alpha).message


def test_linear_light_becomes_srgb_beside_srgb(tmp_path, ssimtool):
    linear = np.linspace(0, 65535, 64 * 64).reshape(64, 64, 1).repeat(3, 2).astype(np.uint16)
    light = linear / 65535
    curved = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(linear, lossless=True))
    (tmp_path / "a.png").write_bytes(
        imagecodecs.png_encode(np.rint(65535 * curved).astype(np.uint16))
    )
    pair = [str(tmp_path / name) for name in ("a.png", "a.jxl")]
    record = ssimtool("compare", *pair, "-f", "json").record
    assert record["metrics"]["mse"] < 1  # one of 65535 levels
    assert "converted to sRGB" in record["warnings"][0]


class Bits:
    """Writes the fields of a header, the lowest bit first."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def add(self, value: int, count: int) -> Bits:
        self.bits += [(value >> i) & 1 for i in range(count)]
        return self

    def bytes(self) -> bytes:
        return b"\xff\x0a" + np.packbits(self.bits, bitorder="little").tobytes() + bytes(64)


def _header(*fields: tuple[int, int]) -> bytes:
    """8x8 pixels, not all by default; then fields of (value, bits)."""
    bits = Bits().add(1, 1).add(0, 5).add(1, 3).add(0, 1)
    for value, count in fields:
        bits.add(value, count)
    return bits.bytes()


PLAIN = ((0, 1), (0, 1), (0, 2), (0, 1))  # no extra fields, integers of 8 bits
RGB, D65 = (0, 2), (1, 2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (((1, 1), (0, 3), (0, 1), (0, 1), (1, 1)), "several frames"),
        (((1, 1), (0, 3), (0, 1), (1, 1)), "a preview"),
        ((*PLAIN, (2, 2), (0, 4), (0, 1), (0, 1), (1, 1)), "2 extra channels"),
        ((*PLAIN, (1, 2), (0, 1), (1, 2), (0, 3), (0, 1)), "not alpha"),
        (
            (*PLAIN, (1, 2), (0, 1), (0, 2), (0, 3), (0, 2), (0, 2), (1, 1), (1, 1), (1, 1)),
            "premultiplied alpha",
        ),
        ((*PLAIN, (0, 2), (1, 1), (0, 1), (1, 1), RGB), "an ICC profile"),
        ((*PLAIN, (0, 2), (1, 1), (0, 1), (0, 1), (2, 2), (0, 4)), "other than grey and RGB"),
        ((*PLAIN, (0, 2), (1, 1), (0, 1), (0, 1), RGB, D65, (2, 2), (9, 4)), "primaries"),
        (  # PQ
            (
                *(*PLAIN, (0, 2), (1, 1), (0, 1), (0, 1), RGB, D65, (1, 2), (0, 1)),
                *((2, 2), (14, 4)),
            ),
            "a transfer function",
        ),
    ],
)
def test_jpeg_xl_that_is_not_srgb_is_refused(tmp_path, fields, words):
    error = _refused(tmp_path, _header(*fields))
    assert error.code == "unsupported"
    assert words in error.message


def test_jpeg_xl_that_is_cut(tmp_path):
    content = imagecodecs.jpegxl_encode(RNG.randint(0, 256, (90, 80, 3)).astype(np.uint8))
    for length in (3, 12, len(content) // 2, len(content) - 1):
        assert _refused(tmp_path, content[:length]).code in ("truncated", "unreadable")
    assert _refused(tmp_path, content, max_pixels=7199).code == "too_large"


@pytest.mark.parametrize("scale", ["-1.0", "1.0", "-2.5"])
def test_colour_pfm(tmp_path, scale):
    array = RNG.rand(9, 7, 3).astype(np.float32)
    stored = array[::-1].astype("<f4" if scale.startswith("-") else ">f4")
    content = f"PF\n7 9\n{scale}\n".encode() + stored.tobytes()
    read = _read(tmp_path, content, "a.pfm")
    np.testing.assert_array_equal(read.samples, array)
    assert (read.space, read.data_range) == ("rgb", 1)
    assert _refused(tmp_path, content[:-1]).code == "truncated"


@pytest.mark.parametrize("top", [1, 15, 255, 4095, 65535])
@pytest.mark.parametrize(
    ("kind", "channels"),
    [
        ("BLACKANDWHITE", 1),
        ("GRAYSCALE", 1),
        ("GRAYSCALE_ALPHA", 2),
        ("RGB", 3),
        ("RGB_ALPHA", 4),
        ("", 3),
        ("", 4),
    ],
)
def test_pam(tmp_path, top, kind, channels):
    array = RNG.randint(0, top + 1, (9, 7, channels)).astype(np.uint16 if top > 255 else np.uint8)
    words = f"TUPLTYPE {kind}\n" if kind else ""
    head = f"P7\n# a comment\nWIDTH 7\nHEIGHT 9\nDEPTH {channels}\nMAXVAL {top}\n{words}ENDHDR\n"
    content = head.encode() + array.astype(">u2" if top > 255 else "u1").tobytes()
    read = _read(tmp_path, content, "a.pam")
    colours = channels - (channels in (2, 4))
    np.testing.assert_array_equal(read.samples, array[:, :, :colours])
    assert read.data_range == top
    if colours < channels:
        np.testing.assert_array_equal(read.alpha, array[:, :, colours])
    assert _refused(tmp_path, content[:-1]).code == "truncated"
    assert _refused(tmp_path, content, max_pixels=62).code == "too_large"


def test_pam_of_other_kinds(tmp_path):
    def content(channels: int, kind: str) -> bytes:
        head = f"P7\nWIDTH 2\nHEIGHT 1\nDEPTH {channels}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n"
        return head.encode() + bytes(2 * channels)

    for channels, kind in ((4, "CMYK"), (5, "RGB"), (2, "GRAYSCALE")):
        error = _refused(tmp_path, content(channels, kind))
        assert error.code == "unsupported"
        assert kind in error.message
