"""Colour that a file describes without an ICC profile: PNG chunks, nclx of AVIF, and EXIF."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import numpy.testing as npt
import pytest
from PIL import Image, ImageCms

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.images import fast
from ssimtool.readers.samples import Pair

RNG = np.random.RandomState(8)
RGB = RNG.randint(0, 256, (40, 50, 3)).astype(np.uint8)
DEEP = RNG.randint(0, 65536, (40, 50, 3)).astype(np.uint16)
D65 = [0.3127, 0.3290, 1.0]
BT709 = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
SRGB_CHUNK = (b"sRGB", b"\0")


def _gama(gamma: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", gamma)


def _chrm(chromaticities: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(100000 * c) for c in chromaticities))


def _cicp(*content: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(content)


def _iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


def _png(array: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks after its header."""
    plain = imagecodecs.png_encode(np.ascontiguousarray(array))
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return plain[:33] + b"".join(packed) + plain[33:]


@pytest.fixture(params=["Pillow", "libraries", "Numba"])
def decoders(request, monkeypatch):
    """Each of the decoders reads the PNGs of a test."""
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 10**9 if request.param == "Pillow" else 1)
    if request.param == "Numba":
        monkeypatch.setattr(fast, "STREAM_FROM_PIXELS", 1)
    else:
        monkeypatch.delitem(sys.modules, "numba", raising=False)


@pytest.fixture
def pair(tmp_path):
    """Writes two files and reads them as a pair."""

    def read(first: bytes, second: bytes) -> Pair:
        paths = []
        for name, content in (("a", first), ("b", second)):
            (tmp_path / name).write_bytes(content)
            paths.append(str(tmp_path / name))
        return read_pair(paths[0], paths[1], Reading())

    return read


def _expected(array: np.ndarray, gamma: float, primaries: tuple[float, ...]) -> np.ndarray:
    """What LittleCMS makes of samples with a profile of this gamma and these primaries."""
    grey = array.ndim == 2
    rgb = [v for i in (2, 4, 6) for v in (*primaries[i : i + 2], 1.0)]
    profile = imagecodecs.cms_profile(
        "gray" if grey else "rgb",
        whitepoint=[*primaries[:2], 1.0],
        gamma=gamma,
        **({} if grey else {"primaries": rgb}),
    )
    converted = imagecodecs.cms_transform(
        np.ascontiguousarray(array),
        profile,
        imagecodecs.cms_profile("srgb"),
        colorspace="gray" if grey else "rgb",
        outcolorspace="rgb",
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
    return converted[:, :, :1] if grey else converted


DESCRIBED = {
    "linear": ((_gama(100000),), 1.0, BT709),
    "gamma 1.8": ((_gama(55556),), 1 / 0.55556, BT709),
    "gamma and primaries": ((_gama(50000), _chrm(ADOBE)), 2.0, ADOBE),
    "cICP linear": ((_cicp(1, 8, 0, 1),), 1.0, BT709),
    "cICP gamma and primaries": (
        (_cicp(5, 5, 0, 1),),
        2.8,
        (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    ),
    "another white": ((_gama(100000), _chrm((0.3457, 0.3585, *BT709[2:]))), 1.0,
                      (0.3457, 0.3585, *BT709[2:])),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["rgb", "grey", "rgba", "16-bit rgb", "16-bit grey"])
@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_that_differs_is_converted(pair, decoders, name, kind):
    chunks, gamma, primaries = DESCRIBED[name]
    array = DEEP if "16" in kind else RGB
    array = array[:, :, 0].copy() if "grey" in kind else array
    expected = _expected(array, gamma, primaries)
    if kind == "rgba":
        array = np.dstack([array, np.full(array.shape[:2], 255, np.uint8)])
    read = pair(_png(array), _png(array, *chunks))
    npt.assert_array_equal(
        read.reference.squeeze(), array[..., :3].squeeze() if kind == "rgba" else array
    )
    # LittleCMS holds its matrices with 16 bits after the point. Near black the curve of sRGB is
    # steep (12.92), so that two such errors are 26 levels of 65535, besides one of rounding.
    tolerance = 27 if "16" in kind else 1
    assert np.abs(read.distorted.astype(int) - expected).max() <= tolerance
    warnings = [w for w in read.warnings if "its colour description" in w]
    assert len(warnings) == 1
    assert "differs from the other's (sRGB); converted to sRGB" in warnings[0]
    assert any(step.startswith("distorted: colour description ") for step in read.steps)
    back = pair(_png(array, *chunks), _png(array))
    npt.assert_array_equal(back.reference, read.distorted)


def test_palettes_are_converted(pair):
    file = io.BytesIO()
    Image.fromarray(RGB).quantize(16).save(file, "PNG")
    plain = file.getvalue()
    body = b"gAMA" + struct.pack(">I", 100000)
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    read = pair(plain, plain[:33] + chunk + plain[33:])
    expected = _expected(read.reference, 1.0, BT709)
    assert np.abs(read.distorted.astype(int) - expected).max() <= 1


# The primaries of sRGB, and white, in other spaces: Display P3 as CSS Color 4 converts it, and
# BT.2020 by the matrix of ITU-R BT.2087, table 2.
# The colours are rounded: of a channel that is 0 in sRGB, some light is left.
CORNERS = {
    "Display P3": ((12, 13), [(234, 51, 35), (117, 251, 76), (255, 255, 255)]),
    "BT.2020 linear": ((9, 8), [(160, 17.6, 4.2), (84, 234.5, 22.4), (255, 255, 255)]),
}


@pytest.mark.parametrize("name", CORNERS)
def test_primaries_arrive_where_they_belong(pair, name):
    code, colours = CORNERS[name]
    array = np.round(np.array([colours]) * 257).astype(np.uint16)
    array = np.repeat(np.repeat(array, 12, axis=0), 4, axis=1)
    srgb = np.array([[(65535, 0, 0), (0, 65535, 0), (65535, 65535, 65535)]])
    read = pair(_png(np.zeros_like(array)), _png(array, _cicp(*code, 0, 1)))
    found = read.distorted[0, ::4].astype(int)
    # An error of 0.001 of light near black becomes 0.013 of the range by the curve of sRGB (12.92).
    assert np.abs(found - srgb[0]).max() < 0.02 * 65535
    npt.assert_array_equal(found[2], srgb[0, 2])


PLAIN = {
    "gAMA of 1/2.2": (_gama(45455),),
    "gAMA of 0.45": (_gama(45000),),
    "gAMA and the primaries of sRGB": (_gama(45455), _chrm(BT709)),
    "the primaries of sRGB": (_chrm(BT709),),
    "sRGB": (SRGB_CHUNK,),
    "sRGB before gAMA": (SRGB_CHUNK, _gama(100000), _chrm(ADOBE)),
    "cICP of sRGB": (_cicp(1, 13, 0, 1),),
    "cICP of BT.709, shown as sRGB": (_cicp(1, 1, 0, 1),),
    "cICP before gAMA": (_cicp(1, 13, 0, 1), _gama(100000)),
    "cICP that says nothing": (_cicp(2, 2, 0, 1),),
    "cICP with a matrix": (_cicp(1, 16, 9, 1),),
    "gAMA of nothing": (_gama(0),),
    "cHRM without colours": (_chrm((0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)),),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_means_srgb_is_compared_as_it_is(pair, decoders, name):
    read = pair(_png(RGB), _png(RGB, *PLAIN[name]))
    npt.assert_array_equal(read.distorted, RGB)
    assert (read.warnings, read.steps) == ((), ())


def _profile(gamma: float) -> bytes:
    return imagecodecs.cms_profile(
        "rgb", whitepoint=D65, gamma=gamma, primaries=[0.64, 0.33, 1, 0.3, 0.6, 1, 0.15, 0.06, 1]
    )


def test_which_chunk_precedes(pair, decoders):
    """W3C PNG, third edition, section 4.3."""
    linear = pair(_png(RGB), _png(RGB, _gama(100000))).distorted
    profile = pair(_png(RGB), _png(RGB, _iccp(_profile(1.8)))).distorted
    cicp = pair(_png(RGB), _png(RGB, _cicp(1, 5, 0, 1))).distorted
    assert len({a.tobytes() for a in (RGB, linear, profile, cicp)}) == 4
    for chunks, expected in (
        ((_cicp(1, 5, 0, 1), _iccp(_profile(1.8)), SRGB_CHUNK, _gama(100000)), cicp),
        ((_cicp(2, 13, 0, 1), _iccp(_profile(1.8)), _gama(100000)), profile),
        ((_iccp(_profile(1.8)), SRGB_CHUNK, _gama(100000)), profile),
        ((SRGB_CHUNK, _gama(100000)), RGB),
    ):
        npt.assert_array_equal(pair(_png(RGB), _png(RGB, *chunks)).distorted, expected)


ALIKE = {
    "gAMA": (_gama(100000),),
    "gAMA and cHRM": (_gama(50000), _chrm(ADOBE)),
    "PQ": (_cicp(9, 16, 0, 1),),
    "HLG": (_cicp(9, 18, 0, 1),),
    "narrow": (_cicp(1, 13, 0, 0),),
}


@pytest.mark.parametrize("name", ALIKE)
def test_the_same_description_is_compared_as_it_is(pair, decoders, name):
    read = pair(_png(RGB, *ALIKE[name]), _png(RGB, *ALIKE[name]))
    npt.assert_array_equal(read.reference, RGB)
    npt.assert_array_equal(read.distorted, RGB)
    assert (read.warnings, read.steps) == ((), ())


def test_one_space_described_by_two_chunks(pair):
    read = pair(_png(RGB, _gama(100000)), _png(RGB, _cicp(1, 8, 0, 1)))
    assert (read.warnings, read.steps) == ((), ())


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ((9, 16, 0, 1), "cICP BT.2020, PQ"),
        ((9, 18, 0, 1), "cICP BT.2020, HLG"),
        ((1, 9, 0, 1), "cICP BT.709, transfer function 9"),
        ((10, 13, 0, 1), "cICP primaries 10, sRGB"),
        ((1, 13, 0, 0), "cICP BT.709, sRGB, narrow range"),
    ],
)
def test_what_cannot_be_converted_is_refused(pair, decoders, code, name):
    for files in ((_png(RGB), _png(RGB, _cicp(*code))), (_png(RGB, _cicp(*code)), _png(RGB))):
        with pytest.raises(SsimtoolError, match=name) as caught:
            pair(*files)
        assert caught.value.code == "unsupported"


def _avif(primaries: int, transfer: int) -> bytes:
    """An AVIF of Pillow with other code points, which do not change its samples."""
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "AVIF", quality=100, subsampling="4:4:4")
    return file.getvalue().replace(
        b"colrnclx\0\1\0\r", b"colrnclx" + struct.pack(">HH", primaries, transfer)
    )


def test_nclx_of_avif(pair):
    plain = _avif(1, 13)
    for code in ((1, 1), (2, 2), (1, 2)):
        read = pair(plain, _avif(*code))
        npt.assert_array_equal(read.distorted, read.reference)
        assert read.warnings == ()
    read = pair(plain, _avif(1, 8))
    expected = _expected(read.reference, 1.0, BT709)
    assert np.abs(read.distorted.astype(int) - expected).max() <= 1
    assert "nclx BT.709, linear" in read.warnings[0]
    assert pair(_avif(12, 13), _avif(12, 13)).warnings == ()
    with pytest.raises(SsimtoolError, match=r"nclx BT\.2020, PQ"):
        pair(plain, _avif(9, 16))


def test_only_the_nclx_of_the_primary_item_counts(pair):
    """A gain map, say, has a colour space of its own."""
    content = _avif(9, 16)
    assert content.count(b"pitm\0\0\0\0\0\1") == 1
    other = content.replace(b"pitm\0\0\0\0\0\1", b"pitm\0\0\0\0\0\2")
    from ssimtool.readers.images import described

    assert described._nclx(content) is not None
    assert described._nclx(other) is None
    for end in range(len(content)):  # cut anywhere, it raises nothing
        described._nclx(content[:end])


def _with_exif(kind: str, *, space: int | None, index: str | None) -> bytes:
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    if space is not None:
        inner[0xA001] = space
    if index is not None:
        inner[0xA005] = {1: index}
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_exif_of_adobe_rgb(pair, monkeypatch, kind):
    for space, index in ((1, None), (1, "R98"), (0xFFFF, None), (0xFFFF, "R98"), (1, "R03")):
        read = pair(
            _with_exif(kind, space=1, index=None), _with_exif(kind, space=space, index=index)
        )
        npt.assert_array_equal(read.distorted, read.reference)
        assert read.warnings == ()
    for threshold in (1, 10**9):
        monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", threshold)
        for space, index in ((0xFFFF, "R03"), (2, None)):
            read = pair(
                _with_exif(kind, space=1, index=None), _with_exif(kind, space=space, index=index)
            )
            expected = _expected(read.reference, 563 / 256, ADOBE)
            assert np.abs(read.distorted.astype(int) - expected).max() <= 1
            assert "EXIF Adobe RGB" in read.warnings[0]


def test_a_profile_precedes_exif(pair):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 2
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(RGB).save(file, "JPEG", exif=exif, icc_profile=profile)
    assert pair(_with_exif("JPEG", space=1, index=None), file.getvalue()).warnings == ()


def test_pillow_images_in_memory(tmp_path):
    (tmp_path / "a.png").write_bytes(_png(RGB, _gama(100000)))
    with Image.open(tmp_path / "a.png") as image:
        read = read_pair(Image.fromarray(RGB), image, Reading())
    expected = _expected(RGB, 1.0, BT709)
    assert np.abs(read.distorted.astype(int) - expected).max() <= 1


GREY_PROFILE = imagecodecs.cms_profile("gray", whitepoint=[0.3457, 0.3585, 1.0], gamma=1.0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_of_another_space_is_left_out(pair, kind):
    def save(array: np.ndarray, profile: bytes | None) -> bytes:
        file = io.BytesIO()
        Image.fromarray(array).save(file, kind, icc_profile=profile)
        return file.getvalue()

    grey = RGB[:, :, 0].copy()
    cases = [(RGB, GREY_PROFILE, "grey", "RGB")]
    if kind != "WEBP":  # has no grey
        cases.append((grey, _profile(1.0), "RGB", "grey"))
    for array, profile, space, own in cases:
        read = pair(save(array, None), save(array, profile))
        npt.assert_array_equal(read.distorted, read.reference)
        assert len(read.warnings) == 1
        assert f"is for {space} samples, but the image is {own}, and is ignored" in read.warnings[0]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if kind != "WEBP":  # what many programs write: nothing is lost
        assert pair(save(grey, None), save(grey, srgb)).warnings == ()


def test_one_profile_that_fits_one_of_two(pair):
    """The grey image is sRGB, since its profile is left out; the other is converted."""
    grey = np.repeat(RGB[:, :, :1], 3, axis=2)
    tagged = _iccp(_profile(1.0))
    read = pair(_png(grey[:, :, 0], tagged), _png(grey, tagged))
    npt.assert_array_equal(read.reference, grey)
    expected = _expected(grey, 1.0, BT709)
    assert np.abs(read.distorted.astype(int) - expected).max() <= 1
    assert len(read.warnings) == 2
