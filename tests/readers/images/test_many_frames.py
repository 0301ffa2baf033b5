"""Files with more frames than are counted, and pages that share their bytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image
from pngs import chunk

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading
from ssimtool.readers.frames import read_frames
from ssimtool.readers.images.frames import MOST_FRAMES, gif_frames
from ssimtool.readers.images.opening import open_image, read_image

SAMPLES = bytes(range(64))  # 8 x 8


def _tiff(pages: int, *, extra: bytes = b"", order: str = "<") -> bytes:
    """A TIFF whose pages share one strip, and one profile if there is any."""
    tags = {256: (3, 1, 8), 257: (3, 1, 8), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1)}
    tags |= {273: (4, 1, 8), 277: (3, 1, 1), 278: (3, 1, 8), 279: (4, 1, 64)}
    if extra:
        tags[34675] = (7, len(extra), 8 + 64)
    start = 8 + 64 + len(extra)
    size = 2 + 12 * len(tags) + 4
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    directory = struct.pack(f"{order}H", len(tags))
    for tag, (kind, count, value) in sorted(tags.items()):
        number = (
            struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        )
        directory += struct.pack(f"{order}HHI", tag, kind, count) + number
    directories = [
        directory + struct.pack(f"{order}I", start + (page + 1) * size if page + 1 < pages else 0)
        for page in range(pages)
    ]
    return head + SAMPLES + extra + b"".join(directories)


def _gif(frames: int) -> bytes:
    file = io.BytesIO()
    first, *rest = (Image.fromarray(np.full((2, 2), i % 2 * 255, np.uint8)) for i in range(frames))
    first.save(file, "gif", save_all=True, append_images=rest, duration=10)
    return file.getvalue()


@pytest.fixture
def path(tmp_path):
    """Writes a file and returns its path."""

    def write(content: bytes, name: str = "a.tif") -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


def _frames(path: str) -> int:
    frames = open_image(path).frames
    return 1 if frames is None else len(frames.numbers)


@pytest.mark.parametrize("order", ["<", ">"])
def test_as_many_pages_as_are_counted(path, order):
    several = path(_tiff(MOST_FRAMES, order=order))
    assert _frames(several) == MOST_FRAMES
    np.testing.assert_array_equal(
        read_image(several, frame=999).samples.ravel(), np.frombuffer(SAMPLES, np.uint8)
    )


@pytest.mark.parametrize("pages", [MOST_FRAMES + 1, 60_000])
def test_more_pages_than_are_counted(path, pages):
    many = path(_tiff(pages))
    for frame in (None, MOST_FRAMES, 59_999):
        with pytest.raises(SsimtoolError, match="has more than 1,000 frames") as raised:
            open_image(many, frame=frame)
        assert raised.value.code == "frame_mismatch"
        assert "--frame (0 to 999)" in raised.value.message
    assert read_image(many, frame=999).samples.shape == (8, 8, 1)


def test_a_line_for_each_of_a_pair(path):
    one, many = path(_tiff(1), "one.tif"), path(_tiff(2000), "many.tif")
    for pair in ((one, many), (many, one), (many, many)):
        with pytest.raises(SsimtoolError, match=r"many\.tif: has more than 1,000 frames"):
            read_frames(*pair, Reading())


def test_gif(path):
    content = _gif(MOST_FRAMES)
    assert _frames(path(content, "a.gif")) == MOST_FRAMES
    for frames in (1, 2, 40):
        content = _gif(frames)
        assert gif_frames(content, 9999) == frames
        assert gif_frames(content, 30) == min(frames, 30)
        for cut in range(len(content)):
            assert gif_frames(content[:cut], 9999) <= frames
    with pytest.raises(SsimtoolError, match="has more than 1,000 frames"):
        open_image(path(_gif(MOST_FRAMES + 1), "b.gif"))


@pytest.mark.parametrize("frames", [1001, 2**31 - 1])
def test_png_that_announces_many_frames(path, frames):
    file = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(file, "png")
    head, end = file.getvalue()[:33], file.getvalue()[33:]
    control = chunk(b"acTL", struct.pack(">II", frames, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 2, 2, 0, 0, 1, 10, 0, 0))
    with pytest.raises(SsimtoolError, match="has more than 1,000 frames"):
        open_image(path(head + control + frame + end, "a.png"))


def test_pages_may_share_a_profile(path):
    shared = path(_tiff(900, extra=bytes(100_000)))
    assert _frames(shared) == 900


@pytest.mark.parametrize("entries", [60_000, 65_535])
def test_pages_that_overlap(path, entries):
    """A thousand directories, each of which begins a few bytes after the one before it."""
    first = 1 << 10
    step = 2 + 12 * entries + 4
    data = bytearray(first + 1000 * 12 + step + 8)
    data[:8] = b"II*\0" + struct.pack("<I", first)
    data[first:] = struct.pack("<HHIHH", 256, 3, 1, entries, 0) * ((len(data) - first) // 12)
    for page in range(1000):
        at = first + 12 * page
        struct.pack_into("<H", data, at, entries)
        struct.pack_into("<I", data, at + step - 4, at + 12)
    with pytest.raises(SsimtoolError) as raised:
        open_image(path(bytes(data)))
    assert raised.value.code in ("unreadable", "truncated")


def test_values_that_overlap(path):
    """Ten pages, each with a million offsets that begin a byte after those of the page before."""
    count, pages = 1 << 20, 10
    at = 16
    body = bytearray(struct.pack("<I", 1) * (count + pages))
    start = at + len(body)
    directories = b""
    size = 2 + 12 * 3 + 4
    for page in range(pages):
        directories += struct.pack("<H", 3)
        directories += struct.pack("<HHIHH", 256, 3, 1, 8, 0) + struct.pack(
            "<HHIHH", 257, 3, 1, 8, 0
        )
        directories += struct.pack("<HHII", 273, 4, count, at + 4 * page)
        directories += struct.pack("<I", start + (page + 1) * size if page + 1 < pages else 0)
    head = b"II*\0" + struct.pack("<II", start, 0) + bytes(4)
    with pytest.raises(SsimtoolError, match="its tags overlap"):
        open_image(path(head + bytes(body) + directories))


@pytest.mark.parametrize("place", [1, 2])  # Pillow checks the first
@pytest.mark.parametrize(
    "size",
    [
        (2**31 - 1, 2**31 - 1, 0, 0),
        (9, 8, 0, 0),
        (8, 8, 1, 0),
        (8, 9, 0, 0),
        (8, 8, 0, 1),
        (0, 8, 0, 0),
    ],
)
def test_png_with_a_frame_beyond_its_image(path, place, size):
    file = io.BytesIO()
    pictures = [Image.fromarray(np.full((8, 8), 90 * i, np.uint8)) for i in range(3)]
    pictures[0].save(file, "png", save_all=True, append_images=pictures[1:])
    content = file.getvalue()
    assert _frames(path(content, "a.png")) == 3
    at = -1
    for _ in range(place + 1):
        at = content.index(b"fcTL", at + 1)
    body = content[at + 4 : at + 8] + struct.pack(">IIII", *size) + content[at + 24 : at + 30]
    hostile = path(content[: at - 4] + chunk(b"fcTL", body) + content[at + 34 :], "b.png")
    for frame in (None, 0, 1, 2):
        with pytest.raises(SsimtoolError, match=f"a frame of {size[0]}x{size[1]} pixels") as raised:
            read_image(hostile, frame=frame)
        assert raised.value.code == "damaged"
