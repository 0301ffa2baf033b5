"""The frames of two stacks: which are read, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, features

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.arrays.frames import frame_count
from ssimtool.readers.frames import read_frames
from ssimtool.readers.images.opening import open_image, read_image

T, H, W = 4, 12, 16
# Four colours, which a palette holds exactly; each frame differs from the others.
FRAMES = np.random.RandomState(3).choice([0, 80, 160, 255], (T, H, W))[..., None].repeat(3, -1)
FRAMES = FRAMES.astype(np.uint8)
ANIMATED = {
    "tif": {},
    "gif": {"duration": [10, 500, 20, 30]},
    "png": {"duration": 20},
    "webp": {"lossless": True},
}
if features.check("avif"):
    ANIMATED["avif"] = {"quality": 100}
Save = Callable[..., str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def save(name: str, frames: NDArray, **options: object) -> str:
        path = tmp_path / name
        if name.endswith(".npy"):
            np.save(path, frames)
        else:
            first, *others = [
                f if isinstance(f, Image.Image) else Image.fromarray(f) for f in frames
            ]
            options |= ANIMATED.get(path.suffix[1:], {})
            first.save(path, save_all=True, append_images=others, **options)
        return str(path)

    return save


def _refusal(*arguments: object, **options: object) -> SsimtoolError:
    with pytest.raises(SsimtoolError) as error:
        read_frames(*arguments, Reading(**options))
    return error.value


@pytest.mark.parametrize("kind", [*ANIMATED, "npy"])
def test_each_frame_is_that_of_its_number(save, kind):
    path = save(f"a.{kind}", FRAMES)
    found = read_frames(path, path, Reading())
    assert (found.numbers, found.are_several) == ((0, 1, 2, 3), True)
    each = [pair.reference for _, pair in found.each()]
    for number, frame in enumerate(each):
        chosen = read_frames(path, path, Reading(frame=number))
        assert not chosen.are_several
        np.testing.assert_array_equal(frame, chosen.first.reference)
        np.testing.assert_array_equal(frame, found.at(number).reference)  # backwards as well
        if kind != "avif":  # lossy
            np.testing.assert_array_equal(frame, FRAMES[number])


def test_frames_of_a_gif_are_composed(tmp_path):
    """The second frame is a small patch on the first one; the third replaces it by background."""
    whole = Image.new("P", (W, H), 1)
    whole.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    patch = whole.copy()
    patch.paste(2, (4, 4, 8, 8))
    path = str(tmp_path / "a.gif")
    whole.save(path, save_all=True, append_images=[patch, whole], disposal=[1, 2, 0])
    stored = Image.open(path)
    stored.seek(1)
    assert stored.tile[0][1] == (4, 4, 8, 8)  # the file holds the patch only
    _, (_, second), _ = read_frames(path, path, Reading()).each()
    expected = np.full((H, W, 3), (255, 0, 0), np.uint8)
    expected[4:8, 4:8] = (0, 255, 0)
    np.testing.assert_array_equal(second.reference, expected)


@pytest.mark.parametrize(
    ("shape", "layout", "count"),
    [
        ((12, 64, 48, 3), "auto", 12),
        ((12, 3, 64, 48), "chw", 12),
        ((12, 64, 48, 2), "hwc", 12),
        ((12, 64, 48), "thw", 12),
        ((12, 64, 48, 3), "thw", 12),
        ((1, 64, 48, 3), "auto", 1),
        ((3, 64, 48), "auto", None),
        ((64, 48, 3), "hwc", None),
        ((64, 48), "thw", None),
        ((0, 64, 48, 3), "auto", None),
    ],
)
def test_the_axis_of_frames(shape, layout, count):
    assert frame_count(shape, layout) == count


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        (FRAMES.transpose(0, 3, 1, 2), "auto"),
        (FRAMES.transpose(0, 3, 1, 2), "chw"),
        (FRAMES, "hwc"),
        (np.asfortranarray(FRAMES), "auto"),
        (FRAMES.astype(">u2"), "auto"),
        (FRAMES[..., 0], "thw"),
    ],
)
def test_arrays_in_every_layout(save, array, layout):
    path = save("a.npy", array)
    for inputs in ((path, path), (array, path)):
        frames = read_frames(*inputs, Reading(layout=layout))
        for number, pair in frames.each():
            for image in (pair.reference, pair.distorted):
                np.testing.assert_array_equal(image, FRAMES[number][..., : image.shape[2]])
    chosen = read_frames(path, array, Reading(layout=layout, frame=2))
    np.testing.assert_array_equal(chosen.first.distorted[..., 0], FRAMES[2, ..., 0])


def test_three_axes_keep_their_meaning(save):
    """A stack of three frames, without --layout thw, is an image of three channels."""
    path = save("a.npy", FRAMES[:3, :, :, 0])
    assert read_frames(path, path, Reading()).first.reference.shape == (H, W, 3)
    assert len(read_frames(path, path, Reading(layout="thw")).numbers) == 3


def test_numbers_of_frames_that_differ(save):
    four, two, still = (
        save(n, f) for n, f in (("4.gif", FRAMES), ("2.tif", FRAMES[:2]), ("s.png", FRAMES[:1]))
    )
    error = _refusal(four, two)
    assert error.code == "frame_mismatch"
    assert "2.tif: has 2 frames, expected 4 frames as in" in error.message
    assert "--frame (0 to 1)" in error.message
    for inputs, words in (
        ((four, still), "s.png: has 1 frame, expected 4 frames"),
        ((still, four), "4.gif: has 4 frames, expected 1 frame as in"),
        ((FRAMES, still), "s.png: has 1 frame, expected 4 frames as in <array>"),
    ):
        error = _refusal(*inputs)
        assert error.code == "frame_mismatch"
        assert words in error.message
        assert "--frame (0 to 3)" in error.message
        chosen = read_frames(*inputs, Reading(frame=3))  # an image beside one frame of a stack
        assert not chosen.are_several
    with pytest.raises(SsimtoolError, match=r"has 4 frames, expected one image; .*\(0 to 3\)"):
        read_pair(four, four, Reading())


def test_a_frame_that_is_not_there(save):
    path = save("a.npy", FRAMES)
    assert "no frame 4, expected 0 to 3" in _refusal(path, path, frame=4).message
    still = save("b.npy", FRAMES[0])
    read = read_image(still, frame=2)
    assert "has one frame, --frame 2 is ignored" in read.warnings[0]


def test_pages_that_are_copies_of_others_are_left_out(save, tmp_path):
    """NewSubfileType 1 is a reduced copy, 4 a mask (TIFF 6.0, section 8)."""
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for frame in FRAMES[:2]:
            file.write(frame, photometric="rgb", metadata=None)
            file.write(frame[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    plain = save("b.tif", FRAMES[:2])
    found = read_frames(str(tmp_path / "a.tif"), plain, Reading())
    assert found.numbers == (0, 2)
    for _, pair in found.each():
        np.testing.assert_array_equal(pair.reference, pair.distorted)


def test_a_photograph_with_a_preview_is_one_picture(save, tmp_path):
    """Phones append previews and gain maps to a JPEG (MPO); an edited copy has none of them."""
    photo = save("a.mpo", FRAMES)
    assert Image.open(photo).n_frames == T
    Image.fromarray(FRAMES[0]).save(tmp_path / "b.jpg")
    found = read_frames(photo, str(tmp_path / "b.jpg"), Reading())
    assert not found.are_several
    assert "a.mpo: has 4 frames, frame 0 is compared" in found.first.warnings[0]


def test_a_pillow_image_is_the_frame_that_it_is_at(save):
    with Image.open(save("a.gif", FRAMES)) as image:
        image.seek(2)
        found = read_frames(image, FRAMES[2], Reading())
        np.testing.assert_array_equal(found.first.reference, FRAMES[2])
        assert "frame 2 is compared; pass its path" in found.first.warnings[0]
        assert image.tell() == 2
        assert "is at frame 2, expected frame 1" in _refusal(image, FRAMES[2], frame=1).message
        assert read_frames(image, FRAMES, Reading(frame=2)).first.warnings == ()


def test_an_error_names_the_frame(save):
    broken = FRAMES.astype(np.float32) / 255
    broken[2, 0, 0] = np.nan
    frames = read_frames(save("a.npy", broken), FRAMES, Reading())
    with pytest.raises(SsimtoolError, match=r"a\.npy: holds NaN .* \(frame 2\)") as error:
        list(frames.each())
    assert error.value.code == "non_finite"


def test_the_limit_of_pixels_holds_for_each_frame(save):
    pages = [Image.new("L", (8, 8)), Image.new("L", (40, 40))]
    path = save("a.tif", pages)
    frames = read_frames(path, path, Reading(max_pixels=1000))
    with pytest.raises(SsimtoolError, match=r"40x40 = 1600 pixels, .*\(frame 1\)"):
        list(frames.each())


def test_memory_is_that_of_the_frames_at_once(save):
    """Not of the stack: of T frames two are in memory."""
    admitted: list[int] = []
    path = save("a.npy", np.zeros((50, H, W, 3), np.uint8))
    read_frames(path, path, Reading(), admit=admitted.append)
    assert admitted == [2 * 2 * H * W * 3]
    pages = [Image.new("L", (8, 8)), Image.new("L", (80, 80))]
    memory = open_image(save("a.tif", pages)).frames.memory
    assert memory >= 80 * 80  # of the largest page
