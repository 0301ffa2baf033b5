"""What counts: what a mask and regions are read as, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ssimtool.errors import SsimtoolError
from ssimtool.readers.masks import with_mask
from ssimtool.readers.regions import RegionOfInterest, parse_region, parse_regions, region_of
from ssimtool.readers.samples import Pair

H, W = 6, 8
RNG = np.random.default_rng(0)
WHERE = RNG.uniform(size=(H, W)) < 0.5


def _pair() -> Pair:
    image = np.zeros((H, W, 3), np.uint8)
    return Pair(
        reference_path="a.png",
        distorted_path="b.png",
        reference=image,
        distorted=image,
        data_range=255,
        sample_type="uint8",
        steps=("reference: turned",),
    )


def _npy(path, array) -> str:
    np.save(path / "m.npy", array)
    return str(path / "m.npy")


def _png(path, array, mode=None, **options) -> str:
    image = Image.fromarray(array)
    image = image.convert(mode) if mode else image
    image.save(path / "m.png", **options)
    return str(path / "m.png")


def _weight(mask: str | None, *regions: tuple[int, int, int, int]) -> np.ndarray | None:
    return with_mask(_pair(), RegionOfInterest(mask=mask, regions=regions)).weight


# Levels just below and above half of white, by type.
LEVELS = {
    "bool": (False, True),
    "uint8": (127, 128),
    "uint16": (32767, 32768),
    "int8": (63, 64),
    "int16": (16383, 16384),
    "int32": (2**30 - 1, 2**30),
    "uint32": (2**31 - 1, 2**31),
    "int64": (0, 2**63 - 1),
}


@pytest.mark.parametrize("dtype", LEVELS)
@pytest.mark.parametrize("shape", [(H, W), (H, W, 1)])
def test_integers_count_above_half_of_white(tmp_path, dtype, shape):
    low, high = LEVELS[dtype]
    array = np.where(WHERE, np.array(high, dtype), np.array(low, dtype)).reshape(shape)
    found = _weight(_npy(tmp_path, array.astype(dtype)))
    assert found.dtype == bool
    np.testing.assert_array_equal(found, WHERE)


@pytest.mark.parametrize(
    ("mode", "levels"),
    [(None, (127, 128)), ("1", (0, 255)), ("RGB", (127, 128)), ("P", (0, 255)), ("LA", (0, 255))],
)
def test_images_count_above_half_of_white(tmp_path, mode, levels):
    path = _png(tmp_path, np.where(WHERE, levels[1], levels[0]).astype(np.uint8), mode)
    np.testing.assert_array_equal(_weight(path), WHERE)


def test_deep_images(tmp_path):
    path = _png(tmp_path, np.where(WHERE, 32768, 32767).astype(np.uint16))
    np.testing.assert_array_equal(_weight(path), WHERE)


def test_a_colour_counts_by_its_luma(tmp_path):
    colours = np.zeros((H, W, 3), np.uint8)
    colours[0], colours[1], colours[2] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    found = _weight(_png(tmp_path, colours))  # 0.299, 0.587 and 0.114 of white
    assert found[1].all()
    assert found.sum() == W


def test_the_orientation_of_a_mask_applies(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    path = _png(tmp_path, np.rot90(255 * WHERE.astype(np.uint8)), exif=exif)
    pair = with_mask(_pair(), RegionOfInterest(mask=path))
    np.testing.assert_array_equal(pair.weight, WHERE)
    assert pair.steps == ("reference: turned", "mask: EXIF orientation 6 applied")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_are_weights(tmp_path, dtype):
    weights = RNG.uniform(size=(H, W)).astype(dtype)
    pair = with_mask(_pair(), RegionOfInterest(mask=_npy(tmp_path, weights)))
    np.testing.assert_array_equal(pair.weight, weights)
    assert pair.weight.dtype in (np.float32, np.float64)
    assert pair.counted == pytest.approx(weights.sum(dtype=np.float64), rel=1e-12)
    inside = _weight(_npy(tmp_path, weights), (1, 2, 3, 4))
    np.testing.assert_array_equal(inside[2:6, 1:4], weights[2:6, 1:4])
    assert inside[:2].sum() == inside[:, 4:].sum() == inside[:, 0].sum() == 0


def test_regions_count_together_and_within_the_mask(tmp_path):
    expected = np.zeros((H, W), bool)
    expected[0:3, 1:5] = expected[2:6, 4:8] = True
    regions = (1, 0, 4, 3), (4, 2, 4, 4)
    pair = with_mask(_pair(), RegionOfInterest(regions=regions))
    np.testing.assert_array_equal(pair.weight, expected)
    assert (pair.counted, pair.region.regions) == (27, regions)  # 12 + 16 - 1
    assert isinstance(pair.counted, int)
    path = _npy(tmp_path, WHERE)
    np.testing.assert_array_equal(_weight(path, *regions), expected & WHERE)


def test_what_counts_the_same_everywhere_needs_no_weight(tmp_path):
    for array in (np.ones((H, W), bool), np.full((H, W), 0.25, np.float32)):
        pair = with_mask(_pair(), RegionOfInterest(mask=_npy(tmp_path, array)))
        assert pair.weight is None
        assert pair.counted == array.sum()
        assert pair.region.mask
    whole = with_mask(_pair(), RegionOfInterest(regions=((0, 0, 5, H), (5, 0, 3, H))))
    assert (whole.weight, whole.counted) == (None, H * W)
    pair = _pair()
    assert with_mask(pair, RegionOfInterest()) is pair


def _bytes(array, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png", **options)
    return file.getvalue()


BLACK = np.zeros((H, W), np.uint8)
SHADES = np.arange(4 * H * W, dtype=np.uint8).reshape(H, W, 4)
CASES = {
    "black": (BLACK, "empty_mask", "largest level is 0), expected levels above 127.5"),
    "0 and 1": (BLACK + WHERE, "empty_mask", "white is 255: scale the mask, or save it as bool"),
    "0 and 1 of int64": (WHERE.astype(int), "empty_mask", "save it as bool"),
    "zeros": (np.zeros((H, W)), "empty_mask", "expected levels above 0; use another mask"),
    "another size": (BLACK[:, 1:], "size_mismatch", "is a mask of 7x6 pixels, expected 8x6 as in"),
    "beyond 1": (
        WHERE * 2.0,
        "data_range",
        "float values from 0 to 2, expected weights from 0 to 1",
    ),
    "below 0": (WHERE - 0.5, "data_range", "float values from -0.5 to 0.5, expected weights"),
    "nan": (np.where(WHERE, np.nan, 1), "non_finite", "holds NaN or infinity"),
    "three planes of floats": (np.ones((H, W, 3)), "shape_mismatch", "has 3 channels, expected a"),
    "two planes": (np.ones((H, W, 2), bool), "shape_mismatch", "has 2 channels"),
    "four axes": (np.ones((1, 1, H, W)), "shape_mismatch", "has 8 channels, expected a mask"),
    "frames": (np.ones((2, H, W, 1)), "shape_mismatch", "has four axes, expected a mask"),
    "objects": (np.array([None]), "pickled", "pickles are never loaded"),
    "an alpha channel": (_bytes(SHADES), "unsupported", "save it as grey without alpha"),
    "no image": (b"text", "not_an_image", ""),
    "cut": (_bytes(SHADES)[:-60], "truncated", ""),
    "nothing": (None, "not_found", "no such file"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_refused(tmp_path, case):
    content, code, words = CASES[case]
    path = str(tmp_path / "m.npy")
    if isinstance(content, bytes):
        (tmp_path / "m.npy").write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(SsimtoolError) as raised:
        _weight(path)
    assert raised.value.code == code
    assert raised.value.message.startswith(f"{path}: ")
    assert words in raised.value.message


def test_regions_that_do_not_fit(tmp_path):
    for region in ((4, 0, 5, 1), (0, 4, 1, 3), (8, 0, 1, 1), (2**63, 0, 1, 1)):
        with pytest.raises(SsimtoolError, match="is 8x6 pixels, expected the region") as raised:
            _weight(None, (0, 0, 1, 1), region)
        assert raised.value.code == "size_mismatch"
    path = _npy(tmp_path, np.arange(H * W).reshape(H, W) == 0)
    with pytest.raises(SsimtoolError, match="selects no pixel within the regions") as raised:
        _weight(path, (1, 0, 7, 6))
    assert raised.value.code == "empty_mask"
    with pytest.raises(SsimtoolError, match="standard input: cannot be a mask"):
        _weight("-")
    with pytest.raises(SsimtoolError, match="48 pixels, expected at most 47"):
        with_mask(_pair(), RegionOfInterest(mask=path), max_pixels=47)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("1,2,3,4", ((1, 2, 3, 4),)),
        (" 1 , 2 , 3 , 4 ; 5,6,7,8 ;", ((1, 2, 3, 4), (5, 6, 7, 8))),
        ("[1, 2, 3, 4]", ((1, 2, 3, 4),)),
        ('["1,2,3,4", "5,6,7,8"]', ((1, 2, 3, 4), (5, 6, 7, 8))),
        ("[[1, 2, 3, 4], [5, 6, 7, 8]]", ((1, 2, 3, 4), (5, 6, 7, 8))),
        ("[]", ()),
    ],
)
def test_several_regions(text, expected):
    assert parse_regions(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3",
        "1,2,3,0",
        "1,2,0,4",
        "-1,2,3,4",
        "1.5,2,3,4",
        "1,2,3,4,5",
        "a",
        "١,٢,٣,٤",
        "1 2 3 4",
    ],
)
def test_what_is_no_region(text):
    with pytest.raises(ValueError, match="is not a region, expected X,Y,W,H in whole pixels"):
        parse_region(text)
    for several in (f"0,0,1,1;{text}", f'["{text}"]', f"[[{text}]]", f"[{text}"):
        with pytest.raises(ValueError, match="is not a region"):
            parse_regions(several)


def test_a_pair_may_say_it_itself():
    every = RegionOfInterest(mask="m.png", regions=((0, 0, 1, 1),))
    assert region_of({}, every) == every
    assert region_of({"mask": "", "region": ""}, every) == every
    own = {"mask": "n.png", "region": "1,2,3,4;5,6,7,8", "other": "x"}
    expected = RegionOfInterest(mask="n.png", regions=((1, 2, 3, 4), (5, 6, 7, 8)))
    assert region_of(own, every) == expected
    assert region_of({"mask": "n.png"}, every).regions == every.regions
