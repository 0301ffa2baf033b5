"""Two images made comparable: each step on both, each recorded, each with its own numbers."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair

RNG = np.random.RandomState(1)
RGB = RNG.randint(0, 256, (20, 30, 3)).astype(np.uint8)
GREY = RGB[:, :, 0].copy()
ALPHA = RNG.randint(0, 256, (20, 30)).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    """Writes an array as a PNG, 16 bits of colour by imagecodecs, or as .npy; returns the path."""

    def write(name: str, array: np.ndarray, **options) -> str:
        path = tmp_path / name
        if name.endswith(".npy"):
            np.save(path, array)
        elif array.dtype == np.uint16 and array.ndim == 3:
            path.write_bytes(imagecodecs.png_encode(array))
        else:
            Image.fromarray(array).save(path, **options)
        return str(path)

    return write


def _error(*paths: str, **how) -> SsimtoolError:
    with pytest.raises(SsimtoolError) as caught:
        read_pair(*paths, Reading(**how))
    return caught.value


def test_nothing_is_done_to_two_alike(save):
    pair = read_pair(save("a.png", RGB), save("b.png", RGB), Reading())
    np.testing.assert_array_equal(pair.reference, RGB)
    assert (pair.data_range, pair.steps, pair.warnings, pair.colour) == (255, (), (), "rgb")


def test_grey_beside_colour(save):
    pair = read_pair(save("a.png", GREY), save("b.png", RGB), Reading())
    np.testing.assert_array_equal(pair.reference, np.stack([GREY] * 3, axis=2))
    assert pair.steps == ("reference: grey to colour",)


def test_eight_beside_sixteen_bits(save):
    deep = RGB.astype(np.uint16) * 257
    pair = read_pair(save("a.png", RGB), save("b.png", deep), Reading())
    np.testing.assert_allclose(pair.reference, RGB / 255, atol=1e-16)
    np.testing.assert_allclose(pair.distorted, pair.reference, atol=1e-16)
    assert pair.data_range == 1
    assert "8-bit compared with 16-bit" in pair.warnings[0]
    assert pair.steps == ("reference: divided by 255", "distorted: divided by 65535")
    error = _error(save("a.png", RGB), save("b.png", deep), data_range=255)
    assert error.code == "data_range"


def test_floats_beside_integers(save):
    pair = read_pair(save("a.npy", RGB / 255), save("b.png", RGB), Reading())
    np.testing.assert_array_equal(pair.reference, pair.distorted)
    assert pair.data_range == 1
    assert _error(save("a.npy", RGB * 1.0), save("b.png", RGB)).code == "data_range"


def test_the_range_of_floats(save):
    inside, beyond = RGB / 255, RGB * 1.0
    assert read_pair(save("a.npy", inside), save("b.npy", inside), Reading()).data_range == 1
    error = _error(save("a.npy", inside), save("b.npy", beyond))
    assert error.code == "data_range"
    assert "float values from 0 to 255; pass --data-range (e.g. 255)" in error.message
    paths = save("a.npy", inside), save("b.npy", beyond)
    assert read_pair(*paths, Reading(data_range=255)).data_range == 255


def test_a_data_range_that_is_given(save):
    paths = save("a.png", RGB), save("b.png", RGB)
    assert read_pair(*paths, Reading(data_range=219)).data_range == 219


def test_sizes(save):
    paths = save("a.png", RGB), save("b.png", RGB[:10])
    error = _error(*paths)
    assert error.code == "size_mismatch"
    assert "is 30x10 pixels, expected 30x20" in error.message
    pair = read_pair(*paths, Reading(resize=True))
    expected = np.asarray(Image.fromarray(RGB[:10]).resize((30, 20), Image.Resampling.LANCZOS))
    # Pillow's own 8-bit resampling rounds its weights: at most one level
    assert np.abs(pair.distorted.astype(int) - expected).max() <= 1
    assert pair.distorted.dtype == np.uint8
    assert pair.steps == ("distorted: resampled from 30x10 to 30x20 (Lanczos)",)


def test_resampling_keeps_sixteen_bits_and_floats(save):
    deep = RNG.randint(0, 65536, (20, 30, 3)).astype(np.uint16)
    pair = read_pair(save("a.png", deep), save("b.png", deep[:, :15]), Reading(resize=True))
    assert pair.distorted.dtype == np.uint16
    assert len(np.unique(pair.distorted)) > 300  # not cut to 8 bits
    paths = save("a.npy", RGB / 255), save("b.npy", RGB[:10] / 255)
    assert read_pair(*paths, Reading(resize=True)).distorted.dtype == np.float64


def test_channels_that_do_not_fit(save):
    four = np.zeros((20, 30, 4), np.uint8)
    assert _error(save("a.npy", RGB), save("b.npy", four)).code == "channel_mismatch"
    paths = save("a.npy", four), save("b.npy", four)
    assert read_pair(*paths, Reading()).reference.shape == (20, 30, 4)
    assert _error(*paths, channels="luma").code == "channel_mismatch"


def test_luma(save):
    pair = read_pair(save("a.png", RGB), save("b.png", RGB), Reading(channels="luma"))
    expected = RGB @ np.array([0.299, 0.587, 0.114])  # BT.601
    np.testing.assert_allclose(pair.reference[:, :, 0], expected, atol=1e-12)
    assert (pair.data_range, pair.colour) == (255, "luma")
    grey = read_pair(save("a.png", GREY), save("b.png", GREY), Reading(channels="luma"))
    np.testing.assert_array_equal(grey.reference[:, :, 0], GREY)


def test_alpha_on_a_colour(save):
    rgba = np.dstack([RGB, ALPHA])
    pair = read_pair(save("a.png", rgba), save("b.png", RGB), Reading(background=(255, 128, 0)))
    over = ALPHA[:, :, None] / 255
    expected = np.floor(over * RGB + (1 - over) * np.array([255, 128, 0]) + 0.5)
    np.testing.assert_array_equal(pair.reference, expected)
    np.testing.assert_array_equal(pair.distorted, RGB)
    assert pair.steps == ("reference: alpha laid on #ff8000",)


def test_alpha_on_the_checker_shows_a_difference_of_alpha(save):
    clear, opaque = (np.dstack([RGB, np.full((20, 30), a, np.uint8)]) for a in (0, 255))
    pair = read_pair(save("a.png", clear), save("b.png", opaque), Reading())
    assert sorted(np.unique(pair.reference)) == [102, 153]
    assert pair.reference[0, 0, 0] != pair.reference[8, 0, 0] == pair.reference[0, 8, 0]
    np.testing.assert_array_equal(pair.distorted, RGB)
    assert pair.steps == ("reference: alpha laid on checker", "distorted: opaque alpha dropped")


def test_sixteen_bit_alpha_and_grey_on_a_colour(save):
    deep = RNG.randint(0, 65536, (20, 30, 4)).astype(np.uint16)
    pair = read_pair(save("a.png", deep), save("b.png", deep), Reading(background=(9, 99, 199)))
    over = deep[:, :, 3:] / 65535
    expected = np.floor(over * deep[:, :, :3] + (1 - over) * np.array([9, 99, 199]) * 257 + 0.5)
    np.testing.assert_array_equal(pair.reference, expected)
    grey = np.dstack([GREY, ALPHA])
    pair = read_pair(save("a.png", grey), save("b.png", grey), Reading(background=(9, 99, 199)))
    assert pair.reference.shape == (20, 30, 3)


def _profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def _other_profile() -> bytes:
    """An RGB profile that is not sRGB: gamma 1.8 and the primaries of ProPhoto."""
    return imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3457, 0.3585, 1.0],
        gamma=1.8,
        primaries=[0.7347, 0.2653, 1.0, 0.1596, 0.8404, 1.0, 0.0366, 0.0001, 1.0],
    )


def test_a_profile_that_differs_is_converted(save):
    other = _other_profile()
    paths = save("a.png", RGB, icc_profile=other), save("b.png", RGB)
    pair = read_pair(*paths, Reading())
    source = ImageCms.ImageCmsProfile(io.BytesIO(other))
    expected = ImageCms.profileToProfile(
        Image.fromarray(RGB), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    # two builds of Little CMS: at most one level
    assert np.abs(pair.reference.astype(int) - np.asarray(expected)).max() <= 1
    assert not np.array_equal(pair.reference, RGB)
    np.testing.assert_array_equal(pair.distorted, RGB)
    assert "converted to sRGB" in pair.warnings[0]
    assert "colour profile" in pair.steps[0]


def test_a_profile_of_sixteen_bits(save, tmp_path):
    mild = 100 + RGB // 4  # well inside the gamut of sRGB, where nothing is clipped
    deep = mild.astype(np.uint16) * 257
    plain, tagged = save("a.png", deep), tmp_path / "b.png"
    file = io.BytesIO()
    Image.fromarray(mild).save(file, "png", icc_profile=_other_profile())
    png = file.getvalue()
    at = png.index(b"iCCP") - 4
    chunk = png[at : at + 12 + int.from_bytes(png[at : at + 4], "big")]
    encoded = imagecodecs.png_encode(deep)
    tagged.write_bytes(encoded[:33] + chunk + encoded[33:])
    pair = read_pair(plain, str(tagged), Reading())
    np.testing.assert_array_equal(pair.reference, deep)
    other = save("d.png", mild, icc_profile=_other_profile())
    eight = read_pair(save("c.png", mild), other, Reading())
    assert pair.distorted.dtype == np.uint16
    # the same colours, in 16 bits and in 8: at most a level and a half of 8 bits
    assert np.abs(pair.distorted / 257 - eight.distorted).max() < 1.5


def test_the_same_profile_or_srgb_changes_nothing(save):
    other, srgb = _other_profile(), _profile("sRGB")
    for first, second in ((other, other), (srgb, None), (None, srgb)):
        paths = save("a.png", RGB, icc_profile=first), save("b.png", RGB, icc_profile=second)
        pair = read_pair(*paths, Reading())
        np.testing.assert_array_equal(pair.reference, pair.distorted)
        np.testing.assert_array_equal(pair.reference, RGB)
        assert pair.warnings == ()


def test_a_broken_profile_is_left_out(save):
    pair = read_pair(save("a.png", RGB, icc_profile=b"nonsense"), save("b.png", RGB), Reading())
    np.testing.assert_array_equal(pair.reference, RGB)
    assert "cannot be read" in pair.warnings[0]


def test_cmyk(tmp_path, save):
    path = str(tmp_path / "a.tiff")
    cmyk = Image.fromarray(RGB).convert("CMYK")
    cmyk.save(path)
    pair = read_pair(path, save("b.png", RGB), Reading())
    np.testing.assert_array_equal(pair.reference, np.asarray(cmyk.convert("RGB")))
    assert pair.steps == ("reference: CMYK to RGB",)


def test_floats_with_a_profile(tmp_path, save):
    path, floats = str(tmp_path / "a.tiff"), GREY / np.float32(255)
    profile = imagecodecs.cms_profile("gray", whitepoint=[0.3457, 0.3585, 1.0], gamma=1.0)
    Image.fromarray(floats).save(path, icc_profile=profile)
    pair = read_pair(path, save("b.npy", floats), Reading())
    encoded = 1.055 * np.maximum(floats, 0.0031308) ** (1 / 2.4) - 0.055
    expected = np.where(floats <= 0.0031308, 12.92 * floats, encoded)
    # LittleCMS computes in float32, with curves of 4096 steps and more: 1/4 of an 8-bit level
    np.testing.assert_allclose(pair.reference[:, :, 0], expected, atol=1e-3)
    Image.fromarray(floats).save(path, icc_profile=_other_profile())
    pair = read_pair(path, save("b.npy", floats), Reading())
    np.testing.assert_array_equal(pair.reference, pair.distorted)
    assert "is for RGB samples" in pair.warnings[0]


def test_resampling_before_the_checker_is_laid_under(save):
    clear = np.zeros((64, 64, 4), np.uint8)
    pair = read_pair(save("a.png", clear), save("b.png", clear[:32, :32]), Reading(resize=True))
    np.testing.assert_array_equal(pair.reference, pair.distorted)


def test_resampling_weighs_by_alpha(save):
    half = np.zeros((20, 30, 4), np.uint8)
    half[:, :15] = (200, 100, 50, 255)  # and black where nothing is to be seen
    how = Reading(resize=True, background=(200, 100, 50))
    pair = read_pair(save("a.png", np.zeros((40, 60, 3), np.uint8)), save("b.png", half), how)
    # no dark seam: at most the rounding of alpha and samples
    assert np.abs(pair.distorted.astype(int) - (200, 100, 50)).max() <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_resampling_stays_within_the_type(save, dtype):
    top = np.iinfo(dtype).max
    white = np.full((20, 30), top, dtype)
    paths = save("a.npy", white), save("b.npy", white[:10])
    np.testing.assert_array_equal(read_pair(*paths, Reading(resize=True)).distorted, top)


def test_signs_beside_no_signs_are_scaled(save):
    paths = save("a.npy", GREY.astype(np.int16)), save("b.npy", GREY.astype(np.uint16))
    pair = read_pair(*paths, Reading())
    assert pair.reference.dtype == pair.distorted.dtype == np.float64
    np.testing.assert_array_equal(pair.reference, pair.distorted)
    assert "own range" in pair.warnings[0]


def test_one_range_for_both_where_it_holds(save):
    paths = save("a.npy", GREY * 1.0), save("b.png", GREY)
    assert read_pair(*paths, Reading(data_range=255)).data_range == 255
    paths = save("a.npy", GREY.astype(np.int64)), save("b.png", GREY)
    pair = read_pair(*paths, Reading(data_range=255))
    np.testing.assert_array_equal(pair.reference, pair.distorted)
    assert pair.warnings == ()
    assert _error(save("a.npy", GREY * 2.0), paths[1], data_range=255).code == "data_range"


@pytest.mark.parametrize(("value", "holds"), [(0, True), (-1, False), (255, True), (256, False)])
def test_one_range_holds_only_for_samples_within_it(save, value, holds):
    array = GREY.astype(np.int64)
    array[0, 0] = value
    paths = save("a.npy", array), save("b.png", GREY)
    if holds:
        assert read_pair(*paths, Reading(data_range=255)).data_range == 255
    else:
        error = _error(*paths, data_range=255)
        assert error.code == "data_range"
        assert "cannot apply to both" in error.message


def test_a_wide_type_is_warned_of(save):
    paths = save("a.npy", GREY.astype(np.int64)), save("b.npy", GREY.astype(np.int64))
    pair = read_pair(*paths, Reading())
    assert pair.data_range == 2**64 - 1
    assert "pass --data-range (e.g. 255) to change it" in pair.warnings[0]


def test_the_type_that_was_read_is_kept(save):
    pair = read_pair(save("a.png", RGB), save("b.png", RGB), Reading(channels="luma"))
    assert pair.sample_type == "uint8"
