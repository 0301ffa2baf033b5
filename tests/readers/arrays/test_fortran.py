"""Arrays in Fortran order, where a row is spread over the whole file, from .npy and .npz files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from ssimtool.errors import SsimtoolError
from ssimtool.readers import held
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.images.opening import read_image
from ssimtool.readers.memory import open_memory

DTYPES = ["bool", "uint8", "int8", "<u2", ">i4", "<i8", "<f2", ">f4", "<f8"]
SHAPES = [(), (5,), (5, 3), (5, 2, 3), (5, 2, 3, 4), (3, 2, 2, 2, 2), (0, 3), (1, 1, 7)]


def _values(shape, dtype):
    return np.random.default_rng(1).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def _opened(tmp_path, array, form):
    if form == "npy":
        np.save(tmp_path / "a.npy", array)
        return open_array(str(tmp_path / "a.npy"))
    save = np.savez if form == "npz" else np.savez_compressed
    save(tmp_path / "a.npz", before=np.zeros(3), mu=array, after=np.zeros(3))
    return open_dump(str(tmp_path / "a.npz"), ("mu",))["mu"]


@pytest.mark.parametrize("form", ["npy", "npz", "compressed"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_those_of_the_array(tmp_path, shape, form):
    for dtype in DTYPES:
        array = np.asfortranarray(_values(shape, dtype))
        source = _opened(tmp_path, array, form)
        assert (source.shape, source.dtype) == (array.shape, array.dtype)
        for start in range(0, len(array) if shape else 0, 2):
            part = source.read(start, min(start + 2, len(array)))
            np.testing.assert_array_equal(part, array[start : start + 2])
            source.release()


@pytest.mark.parametrize("form", ["npz", "compressed"])
def test_memory_is_that_of_one_array_at_most(tmp_path, form):
    import tracemalloc

    array = np.asfortranarray(np.zeros((64, 256, 256), np.float32))
    path = tmp_path / "a.npz"
    (np.savez if form == "npz" else np.savez_compressed)(path, mu=array)
    tracemalloc.start()
    source = open_dump(str(path), ("mu",))["mu"]
    source.read(0, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The array, a block, and the eighth by which a bytearray grows ahead.
    assert peak < 1.25 * array.nbytes + 2**23


@pytest.mark.parametrize("form", ["npy", "npz", "compressed"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_takes_no_memory(tmp_path, monkeypatch, form, order):
    """One sample, or rows that are spread over all of it: a copy in a temporary file is mapped."""
    import tracemalloc

    monkeypatch.setattr(held, "COPY_FROM_BYTES", 2**22)
    shape = (1, 64, 256, 256) if order == "C" else (64, 256, 256)
    array = np.asarray(_values(shape, "<f4"), order=order)
    tracemalloc.start()
    source = _opened(tmp_path, array, form)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    rows = source.read(0, 1)
    source.release()
    source.read(0, 1)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    np.testing.assert_array_equal(rows, array[:1])
    assert peak < 2**23  # blocks of 1 MiB; zipfile joins two of them


def test_a_stored_member_behind_another_program_or_with_an_extra_field(tmp_path):
    array = np.asfortranarray(_values((5, 2, 3), "<f4"))
    np.save(tmp_path / "mu.npy", array)
    info = zipfile.ZipInfo("mu.npy")
    info.extra = b"\x99\x99\x04\x00abcd"
    with (tmp_path / "a.npz").open("wb") as file:
        file.write(b"#!/bin/sh\n")  # as in a self-extracting archive
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(info, (tmp_path / "mu.npy").read_bytes())
    source = open_dump(str(tmp_path / "a.npz"), ("mu",))["mu"]
    np.testing.assert_array_equal(source.read(0, 5), array)


@pytest.mark.parametrize("form", ["npz", "compressed"])
def test_damage_is_found_before_a_number_is_computed(tmp_path, form):
    array = np.asfortranarray(_values((64, 20, 3), "<f8"))
    path = tmp_path / "a.npz"
    (np.savez if form == "npz" else np.savez_compressed)(path, mu=array)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    source = open_dump(str(path), ("mu",))["mu"]
    with pytest.raises(SsimtoolError) as caught:
        source.read(0, 1)
    assert caught.value.code == "unreadable"


def test_a_member_that_is_short(tmp_path):
    np.save(tmp_path / "mu.npy", np.asfortranarray(_values((5, 2), "<f4")))
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
            archive.writestr("mu.npy", (tmp_path / "mu.npy").read_bytes()[:-4])
        with pytest.raises(SsimtoolError, match=r"36 bytes of samples, expected 40"):
            open_dump(str(tmp_path / "a.npz"), ("mu",))


@pytest.mark.parametrize("dtype", ["bool", "uint8", ">u2", "<f2", "<f4", ">f8"])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3), (7, 9, 4), (7, 9, 1), (3, 7, 9)], ids=str)
def test_images_have_the_same_samples_in_both_orders(tmp_path, shape, dtype):
    array = _values(shape, dtype)
    np.save(tmp_path / "f.npy", np.asfortranarray(array))
    np.save(tmp_path / "c.npy", array)
    f, c = (read_image(str(tmp_path / name)) for name in ("f.npy", "c.npy"))
    np.testing.assert_array_equal(f.samples, c.samples)
    assert (f.samples.dtype, f.data_range, f.steps) == (c.samples.dtype, c.data_range, c.steps)
    opened = open_memory(np.asfortranarray(array))
    assert opened is not None
    np.testing.assert_array_equal(opened.decode(lambda: False).samples, c.samples)
