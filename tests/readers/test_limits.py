"""The number of bytes of an input: files, pipes, archives; and the limit if none is requested."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from windows import unix

from ssimtool import compare, compare_many
from ssimtool.devices import usable_memory
from ssimtool.errors import SsimtoolError
from ssimtool.readers import limits
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.files import read_content
from ssimtool.readers.lists.scores import read_scores


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50)).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def endless(tmp_path):
    """A named pipe that is written to until its reader closes it; and the number of bytes."""
    path, held = tmp_path / "pipe", [0]
    os.mkfifo(path)

    def write():
        with suppress(BrokenPipeError), open(path, "wb", buffering=0) as pipe:
            while True:
                held[0] += pipe.write(bytes(1 << 16))

    writer = threading.Thread(target=write)
    writer.start()
    yield path, held
    writer.join(20)
    assert not writer.is_alive()


def test_a_file_has_as_many_bytes_as_allowed(png):
    size = png.stat().st_size
    for allowed in (size, 0, None):
        assert len(read_content(str(png), max_bytes=allowed)) == size
    with pytest.raises(SsimtoolError) as error:
        read_content(str(png), max_bytes=size - 1)
    assert error.value.code == "too_large"
    assert str(error.value) == (
        f"{png}: has {size} bytes, expected at most {size - 1}; check that it is the right input, "
        "or allow more with --max-bytes"
    )


@unix
@pytest.mark.parametrize("read", [read_content, open_array, read_scores, open_dump])
def test_a_pipe_without_end_is_read_to_the_limit(endless, read):
    path, held = endless
    with pytest.raises(SsimtoolError, match="has more than 3000000 bytes") as error:
        read(str(path), *([("mu",)] if read is open_dump else []), max_bytes=3_000_000)
    assert error.value.code == "too_large"
    assert held[0] < 3_000_000 + 2 * limits.BLOCK + (1 << 20)  # what the pipe holds


@unix
def test_standard_input_without_end(endless, monkeypatch):
    with open(endless[0], encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(SsimtoolError, match="standard input: has more than 5000 bytes"):
            read_content("-", max_bytes=5000)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_that_is_unpacked_as_a_whole(tmp_path, order):
    path = str(tmp_path / "a.npz")
    np.savez_compressed(path, mu=np.zeros((1000, 100), order=order))
    source = open_dump(path, ("mu",), max_bytes=799_999)["mu"]
    if order == "C":
        assert source.read(0, 1000).shape == (1000, 100)
        return
    with pytest.raises(SsimtoolError, match=r"a\.npz\[mu\]: has 800000 bytes, expected at most"):
        source.read(0, 10)
    assert open_dump(path, ("mu",), max_bytes=800_000)["mu"].read(0, 10).shape == (10, 100)


def test_an_array_of_a_file_has_no_limit(tmp_path):
    path = str(tmp_path / "a.npy")
    np.save(path, np.zeros((30, 40), np.uint8))
    assert compare(path, path, max_bytes=5).ssim == 1


def test_from_python(png):
    with pytest.raises(SsimtoolError, match=r"allow more with max_bytes$"):
        compare(png, png, max_bytes=9)
    assert compare(png, png, max_bytes=0).ssim == 1
    (record,) = compare_many([(png, png)], max_bytes=9)
    assert record.error.code == "too_large"


def test_a_mask_has_the_limit_of_the_images(png, tmp_path):
    mask = tmp_path / "mask.bmp"  # larger than the images
    Image.new("L", (50, 40), 255).resize((50, 40)).save(mask)
    size = mask.stat().st_size
    assert size > png.stat().st_size
    with pytest.raises(SsimtoolError, match=r"mask\.bmp: has"):
        compare(png, png, mask=mask, max_bytes=size - 1)
    assert compare(png, png, mask=mask, max_bytes=size).ssim == 1


@pytest.mark.parametrize(
    ("memory", "limit"), [(None, 2**32), (2**40, 2**32), (2**32, 2**31), (2**20, 2**19)]
)
def test_the_limit_if_none_is_requested(monkeypatch, memory, limit):
    monkeypatch.setattr(limits, "usable_memory", lambda: memory)
    assert limits.default_max_bytes.__wrapped__() == limit


@unix
def test_the_memory_of_this_process(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.get, False)
    assert usable_memory(tmp_path) == 4_096_000
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_memory(tmp_path) == 4_096_000
    (tmp_path / "memory.max").write_text("1000000\n")
    assert usable_memory(tmp_path) == 1_000_000
    (tmp_path / "memory.max").unlink()
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")  # no limit
    assert usable_memory(tmp_path) == 4_096_000
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": -1, "SC_PAGE_SIZE": 4096}.get, False)
    (tmp_path / "memory/memory.limit_in_bytes").unlink()
    assert usable_memory(tmp_path) is None
