"""Two images read side by side: the same pair, and the error of the reference first."""

from __future__ import annotations

import io
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import numpy.testing as npt
import pytest
from PIL import Image
from windows import unix

from ssimtool.errors import SsimtoolError
from ssimtool.readers import align, files, held
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.images import fast
from ssimtool.readers.images.opening import Opened, open_image
from ssimtool.readers.images.together import decode_together
from ssimtool.readers.samples import Samples

RGB = np.random.RandomState(3).randint(0, 256, (64, 96, 3)).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    """Writes an array as an image and cuts its end off; returns the path."""

    def write(name: str, array: np.ndarray = RGB, cut: int = 0) -> str:
        file = io.BytesIO()
        Image.fromarray(array).save(file, name.split(".")[-1].replace("jpg", "jpeg"))
        path = tmp_path / name
        path.write_bytes(file.getvalue()[: len(file.getvalue()) - cut])
        return str(path)

    return write


@pytest.fixture
def large(monkeypatch):
    """Images of any size are large, and take long."""
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    monkeypatch.setattr(align, "LOAD_TORCH_FROM_PIXELS", 1)


def _threads(*arguments, **options) -> list[threading.Thread]:
    """The threads that `meanwhile` was called in."""
    seen: list[threading.Thread] = []
    read_pair(*arguments, meanwhile=lambda: seen.append(threading.current_thread()), **options)
    return seen


@pytest.mark.parametrize("kinds", ["png png", "jpg jpg", "png jpg"])
def test_the_same_pair(save, monkeypatch, kinds):
    first, second = kinds.split()
    paths = save(f"a.{first}"), save(f"b.{second}", RGB[::-1].copy())
    expected = read_pair(*paths, Reading())
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    for threads in (None, 1, 2):
        pair = read_pair(*paths, Reading(), threads=threads)
        npt.assert_array_equal(pair.reference, expected.reference)
        npt.assert_array_equal(pair.distorted, expected.distorted)
        assert (pair.reference_path, pair.distorted_path) == paths


def test_who_reads_side_by_side(save, large):
    paths = save("a.png"), save("b.jpg")
    (thread,) = _threads(*paths, Reading())
    assert thread is not threading.main_thread()
    assert _threads(*paths, Reading(), threads=1) == []
    assert _threads(save("c.bmp"), paths[1], Reading()) == []
    seen: list[list[threading.Thread]] = []
    worker = threading.Thread(target=lambda: seen.append(_threads(*paths, Reading())))
    worker.start()
    worker.join()
    assert seen == [[]]


def test_small_images_start_no_thread(save, monkeypatch):
    monkeypatch.setattr(align, "decode_together", None)
    assert _threads(save("a.png"), save("b.png"), Reading()) == []


def test_what_does_not_take_long_leaves_the_rest_for_later(save, monkeypatch):
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    assert _threads(save("a.png"), save("b.png"), Reading()) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_of_the_reference_comes_first(save, large, threads):
    good, cut, absent = save("a.png"), save("b.png", cut=3000), str(save("c.png")) + "x"
    for reference, distorted, named in [
        (cut, cut + "x", cut),
        (cut, save("d.jpg", cut=900), cut),
        (absent, cut, absent),
        (good, cut, cut),
        (good, absent, absent),
    ]:
        with pytest.raises(SsimtoolError) as caught:
            read_pair(reference, distorted, Reading(), threads=threads)
        assert caught.value.message.startswith(f"{named}: ")


def test_an_error_of_a_header_is_told_before_anything_else_is_done(save, large):
    called: list[int] = []
    with pytest.raises(SsimtoolError):
        read_pair(save("a.png"), save("b.png") + "x", Reading(), meanwhile=lambda: called.append(1))
    assert called == []


def test_standard_input(save, large, monkeypatch):
    path = save("a.png")
    for pair in (("-", path), (path, "-")):
        with open(path, "rb") as file:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read())))
        npt.assert_array_equal(read_pair(*pair, Reading()).reference, RGB)


def test_what_fails_meanwhile_is_not_lost(save, large):
    def fail() -> None:
        raise RuntimeError("no torch")

    with pytest.raises(RuntimeError, match="no torch"):
        read_pair(save("a.png"), save("b.png"), Reading(), meanwhile=fail)


def test_decoding_gives_up(save, monkeypatch):
    monkeypatch.setattr(fast, "FAST_DECODE_FROM_PIXELS", 1)
    monkeypatch.setattr(fast, "STREAM_FROM_PIXELS", 1)
    with pytest.raises(CancelledError):
        open_image(save("a.png")).decode(lambda: True)


@unix
def test_ctrl_c_ends_what_decodes_and_lets_the_rest_come_to_its_end():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    told: list[str] = []

    def decode(cancelled) -> Samples:
        while not cancelled():
            time.sleep(0.001)
        told.append("gave up")
        raise CancelledError

    def load() -> None:
        time.sleep(0.1)  # by then, the main thread waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)
        told.append("loaded")

    image = Opened(1, 1, True, decode)
    try:
        with pytest.raises(KeyboardInterrupt):
            decode_together(image, image, load)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(told) == ["gave up", "gave up", "loaded"]


def test_memory_of_mapped_files_is_given_back(save, monkeypatch):
    monkeypatch.setattr(held, "COPY_IMAGE_FROM_BYTES", 1)
    content = files.read_content(save("a.png"))
    before = content[:]
    files.give_back(content, 5000, len(content))
    assert content[:] == before
    files.give_back(before, 0, 1)
    assert isinstance(before, bytes)


def test_an_opaque_alpha_leaves_samples_side_by_side(save):
    opaque = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    pair = read_pair(save("a.png", opaque), save("b.png"), Reading())
    assert pair.reference.flags.c_contiguous
    npt.assert_array_equal(pair.reference, RGB)
