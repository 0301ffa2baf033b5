"""Files that change while they are read: an error, and never the end of the process."""

from __future__ import annotations

import errno
import os
import tempfile

import numpy as np
import pytest
from PIL import Image
from windows import unix

from ssimtool.errors import SsimtoolError
from ssimtool.readers import held
from ssimtool.readers.arrays import vae
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.arrays.vae import chunks, open_arrays
from ssimtool.readers.files import read_content
from ssimtool.readers.images.opening import open_image, read_image
from ssimtool.readers.lists.scores import read_scores

CHANGED = "was changed while it was read, expected a file that stays as it is; wait until"


def copy_all(monkeypatch):
    """Reads files as large ones are read."""
    monkeypatch.setattr(held, "COPY_FROM_BYTES", 1)
    monkeypatch.setattr(held, "COPY_IMAGE_FROM_BYTES", 1)


@pytest.fixture(params=["in memory", "copied"])
def either(request, monkeypatch):
    """Reads files as small ones are read, and as large ones are."""
    if request.param == "copied":
        copy_all(monkeypatch)


def shorten(path):
    os.truncate(path, os.path.getsize(path) // 2)


def extend(path):
    with open(path, "ab") as file:
        file.write(b"x")


def rewrite(path):
    """Writes other bytes of the same number, a moment later."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(200)
        file.write(b"other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))


@pytest.fixture(params=[shorten, extend, rewrite], ids=lambda change: change.__name__)
def change(request):
    return request.param


@pytest.fixture
def npy(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(12_000.0).reshape(100, 120))
    return path


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_that_changes(tmp_path, either, change, order):
    path = tmp_path / "a.npy"
    np.save(path, np.asarray(np.zeros((100, 120)), order=order))
    source = open_array(str(path))
    change(path)
    with pytest.raises(SsimtoolError, match=CHANGED) as error:
        source.read(50, 100)
    assert error.value.code == "unreadable"
    assert str(error.value).startswith(f"{path}: ")


def test_an_image_of_an_array_that_changes(npy, either, change):
    opened = open_image(str(npy))
    decode = opened.decode
    read = held.HeldFile.read

    def changes_before(self, offset, size):
        change(npy)
        return read(self, offset, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held.HeldFile, "read", changes_before)
        with pytest.raises(SsimtoolError, match=CHANGED):
            decode(lambda: False)


def test_frames_of_an_array_that_changes(tmp_path, either, change):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((3, 40, 30, 3), np.uint8))
    frames = open_image(str(path)).frames
    change(path)
    with pytest.raises(SsimtoolError, match=CHANGED):
        frames.read(1)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_archive_that_changes(tmp_path, either, change, save, order):
    path = tmp_path / "a.npz"
    save(path, mu=np.asarray(np.random.default_rng(1).random((100, 120)), order=order))
    source = open_dump(str(path), ("mu",))["mu"]
    change(path)
    with pytest.raises(SsimtoolError, match=CHANGED) as error:
        source.read(0, 50)
    assert error.value.code == "unreadable"


def test_a_dump_that_is_written_while_a_loss_is_computed(tmp_path, monkeypatch, change):
    monkeypatch.setattr(vae, "CHUNK", 2 * 300)
    paths = tuple(str(tmp_path / name) for name in ("recon.npy", "raw.npy"))
    for path in paths:
        np.save(path, np.zeros((10, 1, 20, 15), np.float32))
    parts = chunks(open_arrays(paths, latents=False, layout="nchw"))
    assert next(parts).recon.shape == (2, 1, 20, 15)
    change(paths[1])
    with pytest.raises(SsimtoolError, match=r"raw\.npy: was changed while it was read"):
        next(parts)


def test_an_image_that_changes_while_it_is_copied(tmp_path, monkeypatch, change):
    copy_all(monkeypatch)
    monkeypatch.setattr(held, "BLOCK", 500)
    path = tmp_path / "a.bmp"
    Image.new("RGB", (40, 30)).save(path)
    read, calls = held.HeldFile.read, []

    def changes_after_the_first(self, offset, size):
        calls.append(offset)
        if len(calls) == 2:
            change(path)
        return read(self, offset, size)

    monkeypatch.setattr(held.HeldFile, "read", changes_after_the_first)
    with pytest.raises(SsimtoolError, match=CHANGED):
        read_content(str(path))
    assert len(calls) == 2


def test_an_image_that_changes_while_it_is_read(tmp_path, monkeypatch, change):
    path = tmp_path / "a.bmp"
    Image.new("RGB", (40, 30)).save(path)
    check = held.HeldFile.check

    def changes_before(self):
        change(path)
        check(self)

    monkeypatch.setattr(held.HeldFile, "check", changes_before)
    with pytest.raises(SsimtoolError, match=CHANGED):
        read_image(str(path))


@pytest.mark.parametrize("form", ["png", "tiff", "jpg", "bmp", "webp", "ppm"])
def test_a_copy_does_not_change_with_its_file(tmp_path, monkeypatch, form):
    copy_all(monkeypatch)
    path = tmp_path / f"a.{form}"
    samples = np.random.default_rng(1).integers(0, 256, (60, 50, 3)).astype(np.uint8)
    Image.fromarray(samples).save(path)
    expected = read_image(str(path)).samples
    opened = open_image(str(path))
    shorten(path)
    np.testing.assert_array_equal(opened.decode(lambda: False).samples, expected)


@unix  # Windows does not let an open file be replaced
def test_a_file_that_is_replaced_is_read_to_its_end(npy, either):
    source = open_array(str(npy))
    np.save(npy.with_name("b.npy"), np.ones((100, 120)))
    os.replace(npy.with_name("b.npy"), npy)
    expected = np.arange(12_000.0).reshape(100, 120)
    np.testing.assert_array_equal(source.read(0, 100), expected)


def test_scores_may_grow_while_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "scores.ndjson"
    path.write_bytes(b"{}\n")

    def no(self):
        raise AssertionError

    monkeypatch.setattr(held.HeldFile, "check", no)
    with pytest.raises(SsimtoolError, match="line 1"):
        read_scores(str(path))


@pytest.mark.parametrize("form", ["npy", "npz"])
@pytest.mark.parametrize("reason", ["no space left on device", "no usable temporary directory"])
def test_no_room_for_a_copy(tmp_path, monkeypatch, form, reason):
    number = errno.ENOSPC if reason.startswith("no space") else errno.ENOENT

    def full(*_):
        raise OSError(number, reason)

    array = np.asfortranarray(np.zeros((100, 120)))
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", mu=array)
    copy_all(monkeypatch)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    path = str(tmp_path / f"a.{form}")
    with pytest.raises(SsimtoolError, match="96000 bytes of temporary files cannot") as error:
        (open_array(path) if form == "npy" else open_dump(path, ("mu",))["mu"]).read(0, 1)
    assert error.value.code == "too_large"
    assert reason in str(error.value)


def test_only_the_frames_that_are_read_are_copied(tmp_path, monkeypatch):
    path, copied = str(tmp_path / "a.npy"), []
    frames = np.random.default_rng(1).integers(0, 256, (9, 30, 40, 3)).astype(np.uint8)
    np.save(path, frames)
    np.savez(tmp_path / "a.npz", mu=frames)
    copy_all(monkeypatch)
    copy = held.private_copy

    def counted(pieces, size, name):
        copied.append(size)
        return copy(pieces, size, name)

    monkeypatch.setattr("ssimtool.readers.arrays.sources.private_copy", counted)
    monkeypatch.setattr("ssimtool.readers.arrays.archives.private_copy", counted)
    np.testing.assert_array_equal(
        open_image(path, frame=3).decode(lambda: False).samples, frames[3]
    )
    np.testing.assert_array_equal(open_image(path).frames.read(5).samples, frames[5])
    source = open_dump(str(tmp_path / "a.npz"), ("mu",))["mu"]
    np.testing.assert_array_equal(source.read(7, 8), frames[7:8])
    assert copied == [3600] * 3


def test_an_archive_whose_first_read_fails(tmp_path, monkeypatch):
    class Broken:
        name = str(tmp_path / "a.npz")

        def __init__(self):
            self.file = self

        def read(self, size):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("ssimtool.readers.arrays.archives.hold", lambda _: Broken())
    with pytest.raises(SsimtoolError, match=r"a\.npz: cannot be read \(input/output error\)"):
        open_dump(str(tmp_path / "a.npz"), ("mu",))


def test_a_file_is_closed_with_its_source(npy):
    source = open_array(str(npy))
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    del source
    if opened:
        assert len(os.listdir("/proc/self/fd")) == opened - 1


@pytest.mark.parametrize("form", ["npy", "npz"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_without_address_space_nothing_is_copied(tmp_path, monkeypatch, order, form):
    read = []
    np.save(tmp_path / "a.npy", np.zeros((100, 120), order=order))
    np.savez(tmp_path / "a.npz", mu=np.zeros((100, 120), order=order))

    def no_room(*_, **__):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    copy_all(monkeypatch)
    path = str(tmp_path / f"a.{form}")
    source = open_array(path) if form == "npy" else open_dump(path, ("mu",))["mu"]
    monkeypatch.setattr(held.mmap, "mmap", no_room)
    monkeypatch.setattr(held.HeldFile, "read", lambda *place: read.append(place))
    with pytest.raises(SsimtoolError, match="does not fit into memory") as error:
        source.read(0, 100)
    assert error.value.code == "too_large"
    assert read == []


@pytest.mark.parametrize("dtype", ["uint8", "<u2", "<f4"])
@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 1), (30, 40, 3)], ids=str)
def test_memory_of_another_image_is_used_again_where_it_fits(tmp_path, dtype, shape):
    array = np.random.default_rng(1).random(shape)
    array = array if dtype == "<f4" else 200 * array
    path = str(tmp_path / "a.npy")
    np.save(path, array.astype(dtype))
    expected = read_image(path).samples
    into = np.zeros_like(expected)
    found = open_image(path, into=into).decode(lambda: False).samples
    assert np.shares_memory(found, into)
    np.testing.assert_array_equal(found, expected)
    locked = into.copy()
    locked.flags.writeable = False
    others = into[:, ::2], into.astype("<f8"), into[:-1].copy(), locked
    for other in others:
        before = other.copy()
        found = open_image(path, into=other).decode(lambda: False).samples
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(other, before)


def test_memory_is_not_used_again_in_fortran_order(tmp_path):
    array = np.asfortranarray(np.random.default_rng(1).random((30, 40)))
    np.save(tmp_path / "a.npy", array)
    into = np.zeros((30, 40, 1))
    found = open_image(str(tmp_path / "a.npy"), into=into).decode(lambda: False).samples
    np.testing.assert_array_equal(found[:, :, 0], array)
    assert not into.any()
