"""Arrays: layouts, dtypes, byte orders, and everything that can be wrong with a .npy or .npz."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.arrays.vae import Chunk, chunks, open_arrays
from ssimtool.readers.images.opening import read_image

HWC = np.random.RandomState(0).randint(0, 256, (12, 14, 3)).astype(np.uint8)


@pytest.fixture
def saved(tmp_path):
    """Writes an array as .npy and returns the path."""

    def write(array, name="a.npy", **options) -> str:
        np.save(tmp_path / name, array, **options)
        return str(tmp_path / name)

    return write


def _code(work, *arguments, **options) -> str:
    with pytest.raises(SsimtoolError) as caught:
        work(*arguments, **options)
    assert len(caught.value.message.splitlines()) == 1
    return caught.value.code


@pytest.mark.parametrize("array", [HWC, HWC.transpose(2, 0, 1), np.asfortranarray(HWC)])
def test_layouts_that_the_shape_tells(saved, array):
    np.testing.assert_array_equal(read_image(saved(array)).samples, HWC)


def test_layouts_in_doubt(saved):
    cube = np.random.RandomState(0).randint(0, 256, (3, 14, 3)).astype(np.uint8)
    assert _code(read_image, saved(cube)) == "shape_mismatch"
    np.testing.assert_array_equal(read_image(saved(cube), layout="hwc").samples, cube)
    chw = read_image(saved(cube), layout="chw").samples
    np.testing.assert_array_equal(chw, cube.transpose(1, 2, 0))
    many = np.zeros((12, 14, 5), np.uint8)
    assert _code(read_image, saved(many)) == "shape_mismatch"
    assert read_image(saved(many), layout="hwc").samples.shape == (12, 14, 5)


@pytest.mark.parametrize(
    ("dtype", "data_range"),
    [
        (">u2", 65535),
        ("<u2", 65535),
        ("u1", 255),
        ("i1", 255),
        ("i2", 65535),
        ("i4", 2**32 - 1),
        ("?", 1),
        (">f4", 1),
        ("f2", 1),
        ("f8", 1),
    ],
)
def test_dtypes(saved, dtype, data_range):
    array = (np.arange(144).reshape(12, 12) % 2).astype(dtype)
    read = read_image(saved(array))
    assert read.data_range == data_range
    assert read.samples.dtype.isnative
    np.testing.assert_array_equal(read.samples[:, :, 0].astype(float), array.astype(float))


@pytest.mark.parametrize(
    "shape", [(), (5,), (1, 2, 3, 4, 5), (0, 2, 3, 4), (0, 5), (5, 0, 3)], ids=str
)
def test_shapes_that_are_no_image(saved, shape):
    assert _code(read_image, saved(np.zeros(shape))) == "shape_mismatch"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite(saved, value):
    array = np.zeros((12, 12))
    array[5, 5] = value
    assert _code(read_image, saved(array)) == "non_finite"


@pytest.mark.parametrize(
    "array", [np.zeros((3, 3), complex), np.array([["a"]]), np.zeros(3, "M8[s]")]
)
def test_dtypes_that_are_no_numbers(saved, array):
    assert _code(read_image, saved(array)) == "unsupported"


def test_pickles(saved, tmp_path):
    objects = np.array([[{}, 1]], dtype=object)
    assert _code(read_image, saved(objects, allow_pickle=True)) == "pickled"
    path = tmp_path / "p.npy"
    path.write_bytes(pickle.dumps([1, 2]))
    assert _code(read_image, str(path)) == "pickled"
    assert _code(open_array, str(path)) == "pickled"


def test_truncated(saved, tmp_path):
    whole = Path(saved(HWC)).read_bytes()
    path = tmp_path / "cut.npy"
    for cut in (7, 20, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert _code(read_image, str(path)) == "truncated"
        assert _code(open_array, str(path)) == "truncated"
    path.write_bytes(b"")
    assert _code(open_array, str(path)) == "truncated"


def test_an_absurd_header_allocates_nothing(tmp_path):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"shape": (10**9, 10**9), "fortran_order": False, "descr": "<f8"}
    )
    path = tmp_path / "a.npy"
    path.write_bytes(file.getvalue())
    assert _code(read_image, str(path)) == "truncated"


def test_standard_input_that_is_cut(monkeypatch):
    file = io.BytesIO()
    np.save(file, HWC)
    cut = io.BytesIO(file.getvalue()[:-5])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(cut))
    assert _code(read_image, "-") == "truncated"


# --- the arrays of a training run ---------------------------------------------------------------

RECON = np.random.RandomState(1).rand(7, 2, 5, 6).astype(np.float32)
MU = np.random.RandomState(2).randn(7, 3, 2)


def _open(saved, recon=RECON, raw=RECON, mu=MU, logvar=MU, layout="nchw"):
    arrays = {"recon": recon, "raw": raw, "mu": mu, "logvar": logvar}
    paths = tuple(saved(a, f"{k}.npy") for k, a in arrays.items() if a is not None)
    return open_arrays(paths, latents=mu is not None, layout=layout)


def _joined(parts: list[Chunk], name: str) -> np.ndarray:
    return np.concatenate([getattr(p, name) for p in parts])


def test_chunks_are_the_whole(saved, monkeypatch):
    monkeypatch.setattr("ssimtool.readers.arrays.vae.CHUNK", 2 * 60)
    parts = list(chunks(_open(saved)))
    assert [p.start for p in parts] == [0, 2, 4, 6]
    np.testing.assert_array_equal(_joined(parts, "recon"), RECON)
    np.testing.assert_array_equal(_joined(parts, "mu"), MU.reshape(7, 6))


@pytest.mark.parametrize("compress", [False, True])
def test_npz_is_read_in_chunks(tmp_path, monkeypatch, compress):
    monkeypatch.setattr("ssimtool.readers.arrays.vae.CHUNK", 60)
    path = str(tmp_path / "a.npz")
    (np.savez_compressed if compress else np.savez)(path, recon=RECON, raw=RECON, mu=MU, logvar=MU)
    parts = list(chunks(open_arrays((path,), latents=True, layout="nchw")))
    assert len(parts) == 7
    np.testing.assert_array_equal(_joined(parts, "raw"), RECON)
    np.testing.assert_array_equal(_joined(parts, "logvar"), MU.reshape(7, 6))


def test_layouts_of_batches(saved):
    nhwc = np.ascontiguousarray(RECON.transpose(0, 2, 3, 1))
    (part,) = chunks(_open(saved, nhwc, nhwc, layout="nhwc"))
    np.testing.assert_array_equal(part.recon, RECON)
    (part,) = chunks(_open(saved, RECON[:, 0], RECON[:, 0]))
    np.testing.assert_array_equal(part.recon, RECON[:, :1])
    (part,) = chunks(_open(saved, RECON[0, 0], RECON[0, 0], MU[:1], MU[:1]))
    np.testing.assert_array_equal(part.recon, RECON[:1, :1])


def test_other_orders(saved, tmp_path):
    fortran = np.asfortranarray(RECON)
    (part,) = chunks(_open(saved, fortran, RECON.astype(">f4")))
    np.testing.assert_array_equal(part.recon, RECON)
    np.testing.assert_array_equal(part.raw, RECON)
    path = str(tmp_path / "f.npz")
    np.savez(path, recon=fortran, raw=fortran)
    (part,) = chunks(open_arrays((path,), latents=False, layout="nchw"))
    np.testing.assert_array_equal(part.recon, RECON)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"raw": RECON[:6]}, "shape_mismatch"),
        ({"raw": RECON[:, :1]}, "shape_mismatch"),
        ({"recon": RECON[:0], "raw": RECON[:0]}, "shape_mismatch"),
        ({"recon": RECON[None], "raw": RECON[None]}, "shape_mismatch"),
        ({"mu": MU[:6], "logvar": MU[:6]}, "shape_mismatch"),
        ({"logvar": MU[:, :2]}, "shape_mismatch"),
        ({"mu": MU[:, :0], "logvar": MU[:, :0]}, "shape_mismatch"),
        ({"mu": np.float64(1), "logvar": np.float64(1)}, "shape_mismatch"),
        ({"mu": MU.astype(int)}, "unsupported"),
        ({"raw": RECON.astype(complex)}, "unsupported"),
    ],
)
def test_arrays_that_do_not_fit(saved, changed, code):
    assert _code(_open, saved, **changed) == code


def test_npz_that_is_wrong(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, recon=RECON, raw=RECON)
    assert _code(open_arrays, (str(path),), latents=True, layout="nchw") == "not_found"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    assert _code(open_dump, str(path), ("recon",)) == "truncated"
    path.write_bytes(b"text")
    assert _code(open_dump, str(path), ("recon",)) == "not_an_image"
    assert _code(open_dump, str(tmp_path / "none.npz"), ("recon",)) == "not_found"


def test_npz_that_is_damaged(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, recon=RECON, raw=RECON)
    content = bytearray(path.read_bytes())
    content[600] ^= 0xFF  # in the samples of recon: the CRC-32 of the archive finds it
    path.write_bytes(content)

    def work() -> None:  # found as the archive is opened or as it is read, by its buffer's size
        list(chunks(open_arrays((str(path),), latents=False, layout="nchw")))

    assert _code(work) == "unreadable"


def test_npz_member_that_is_short(tmp_path):
    path = tmp_path / "a.npz"
    file = io.BytesIO()
    np.save(file, RECON)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recon.npy", file.getvalue()[:-40])
        archive.writestr("raw.npy", file.getvalue())
    assert _code(open_arrays, (str(path),), latents=False, layout="nchw") == "truncated"


HEADERS = [
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (3, }",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 5), }",
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (True, 20), }",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 100000000000000000000), }",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': " + str((1,) * 70).encode() + b", }",
    b"{1: 2, 'a': 3}",
    b"((((((((((",
    b"nonsense",
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_headers_that_are_none(tmp_path, header):
    path = tmp_path / "a.npy"
    padded = header + b" " * 20 + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(64))
    assert _code(read_image, str(path)) in ("truncated", "unsupported")
    assert _code(open_array, str(path)) in ("truncated", "unsupported")


def test_a_header_of_python_2(tmp_path, recwarn):
    path = tmp_path / "a.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 2L), }\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(32))
    assert read_image(str(path)).samples.shape == (2, 2, 1)
    assert not recwarn.list


def test_other_members_of_a_dump_are_let_alone(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, recon=RECON, raw=RECON, labels=np.array(["a"]))
    assert len(list(chunks(open_arrays((path,), latents=False, layout="nchw")))) == 1


def test_chunks_are_bounded_by_the_latents_too(saved, monkeypatch):
    monkeypatch.setattr("ssimtool.readers.arrays.vae.CHUNK", 120)
    latents = np.zeros((7, 100))
    assert len(list(chunks(_open(saved, mu=latents, logvar=latents)))) == 7
