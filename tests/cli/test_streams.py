"""Pipes, devices and sockets in place of files: as an argument, in a list, in a folder."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from windows import unix

import ssimtool as library
from ssimtool.errors import ArgumentError

pytestmark = unix
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (24, 32), np.uint8)
Y = RNG.integers(0, 256, (24, 32), np.uint8)
RECON, RAW = RNG.random((2, 3, 1, 16, 16))
MU, LOGVAR = RNG.standard_normal((2, 3, 4))


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: images, arrays, a FIFO, a socket."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(X).save("a.png")
    Image.fromarray(Y).save("b.png")
    np.save("a.npy", X)
    arrays = {"recon": RECON, "raw": RAW, "mu": MU, "logvar": LOGVAR}
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    np.savez("dump.npz", **arrays)
    np.savez("fortran.npz", **{name: np.asfortranarray(array) for name, array in arrays.items()})
    os.mkfifo("fifo.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
    return tmp_path


@pytest.fixture
def piped():
    """A function from the path of a file to that of a pipe with its content, as `<(cat FILE)`."""
    ends = []

    def path_of(file: str) -> str:
        content = Path(file).read_bytes()
        assert len(content) <= 65536, "fits into a pipe of Linux, so that nobody has to wait"
        read, write = os.pipe()
        ends.append(read)
        os.write(write, content)
        os.close(write)
        return f"/dev/fd/{read}"

    yield path_of
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
@pytest.mark.parametrize("command", ["compare", "explain"])
def test_images_from_pipes(ssimtool, here, piped, command, name):
    files = ssimtool(command, name, "b.png", "-f", "json")
    pipes = ssimtool(command, piped(name), piped("b.png"), "-f", "json")
    assert (files.code, pipes.code) == (0, 0)
    named = {"reference", "distorted"}
    assert {k: v for k, v in pipes.record.items() if k not in named} == {
        k: v for k, v in files.record.items() if k not in named
    }


def test_a_mask_from_a_pipe(ssimtool, here, piped):
    Image.fromarray(X > 20).save("m.png")
    values = [
        ssimtool("compare", "a.png", "b.png", "--mask", mask, "-m", "mse", "-f", "value")
        for mask in ("m.png", piped("m.png"))
    ]
    assert values[0].code == values[1].code == 0
    assert values[0].out == values[1].out


@pytest.mark.parametrize("dump", ["dump.npz", "fortran.npz"])
def test_arrays_from_pipes(ssimtool, here, piped, dump):
    names = ("recon.npy", "raw.npy", "mu.npy", "logvar.npy")
    for command, needed in (("loss", names), ("latents", names[2:])):
        done = [
            ssimtool(command, *files, "-f", "value", "-q")
            for files in (needed, map(piped, needed), [piped(dump)])
        ]
        assert [one.code for one in done] == [0, 0, 0]
        assert done[0].out == done[1].out == done[2].out


def test_latents_read_a_pipe_once_for_numbers_and_plot(ssimtool, here, piped):
    done = ssimtool("latents", piped("mu.npy"), piped("logvar.npy"), "--plot", "p.svg")
    assert done.code == 0
    assert Path("p.svg").read_text().count("<svg") == 1


def test_standard_input(ssimtool, here, monkeypatch):
    for command, rest, content in (
        ("loss", ("raw.npy", "--beta", "0"), "recon.npy"),
        ("latents", ("logvar.npy",), "mu.npy"),
        ("loss", (), "dump.npz"),
    ):
        file = ssimtool(command, content, *rest, "-f", "value", "-q")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(content).read_bytes())))
        stdin = ssimtool(command, "-", *rest, "-f", "value", "-q")
        assert (file.code, stdin.code, stdin.out) == (0, 0, file.out)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"text"])
def test_a_pipe_with_something_else(ssimtool, here, piped, content):
    Path("x").write_bytes(content)
    for arguments in (("latents", piped("x"), "logvar.npy"), ("latents", piped("x"))):
        done = ssimtool(*arguments)
        assert (done.code, done.err.count("\n")) == (3, 1)


def test_twice(ssimtool, here, piped):
    pipe, other = piped("a.png"), piped("mu.npy")
    for arguments in (
        ("compare", pipe, pipe),
        ("compare", "fifo.png", "./fifo.png"),
        ("explain", pipe, pipe.replace("/dev/fd", "/proc/self/fd")),
        ("compare", "a.png", pipe, "--mask", pipe),
        ("loss", "raw.npy", "recon.npy", other, other),
        ("latents", other, other),
        ("latents", "-", "-"),
    ):
        if "/proc/self/fd" in str(arguments) and not Path("/proc/self/fd").exists():
            continue
        done = ssimtool(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "twice" in done.err or "same file" in done.err
    with pytest.raises(ArgumentError, match="passed twice"):
        library.compare(pipe, Path(pipe))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/dev/zero", "a character device"), ("/dev/null", "a character device"),
     ("socket.png", "a socket")],
)  # fmt: skip
def test_devices_and_sockets_are_named(ssimtool, here, path, kind):
    for arguments in (
        ("compare", path, "b.png"),
        ("compare", "a.png", path),
        ("compare", "a.png", "b.png", "--mask", path),
        ("explain", "a.png", path),
        ("loss", path),
        ("latents", "mu.npy", path),
        ("report", path),
        ("batch", "--pairs", path),
        ("batch", "--pairs", path, "-0"),
        ("batch", path, "."),
    ):
        done = ssimtool(*arguments, "-q")
        assert done.code == 3, arguments
        assert f"error: {path}: is {kind}, expected a" in done.err
    done = ssimtool("compare", path, "b.png", "-f", "json")
    assert done.record["error"]["code"] == "unreadable"


def test_standard_input_that_never_ends(ssimtool, here):
    zero, before = os.open("/dev/zero", os.O_RDONLY), os.dup(0)
    try:
        os.dup2(zero, 0)
        for arguments in (("compare", "-", "b.png"), ("loss", "-"), ("batch", "--pairs", "-")):
            done = ssimtool(*arguments, "-q")
            assert done.code == 3
            assert "standard input: is a character device" in done.err
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(zero)


def test_in_a_list_each_is_an_error_record(ssimtool, here, piped):
    rows = ["a.png,b.png,", "a.png,fifo.png,", "/dev/zero,b.png,", "socket.png,b.png,",
            f"{piped('a.png')},b.png,", "a.png,b.png,fifo.png", "a.png,b.png,a.png"]  # fmt: skip
    Path("list.csv").write_text("\n".join(["reference,distorted,mask", *rows]))
    done = ssimtool("batch", "--pairs", "list.csv", "-m", "mse", "-f", "ndjson")
    records = list(map(json.loads, done.out.splitlines()))[:-1]
    assert [r["status"] for r in records] == ["ok", *["error"] * 5, "ok"]
    assert {r["error"]["code"] for r in records if r["error"]} == {"unreadable"}
    images = [("fifo.png", "b.png"), ("-", "b.png"), ("a.png", "b.png")]
    assert [r.status for r in library.compare_many(images, metrics="mse")] == [
        "error", "error", "ok",
    ]  # fmt: skip
    (masked,) = library.compare_many([("a.png", "b.png")], metrics="mse", mask="fifo.png")
    assert masked.error is not None
    assert "is a pipe" in masked.error.message


def test_a_mask_for_all_pairs_is_a_file(ssimtool, here, piped):
    Path("list.csv").write_text("a.png,b.png\n")
    done = ssimtool("batch", "--pairs", "list.csv", "--mask", piped("a.png"))
    assert done.code == 2
    assert "is not a regular file, but each pair reads it" in done.err


def test_a_list_from_a_pipe(ssimtool, here, piped):
    Path("list.csv").write_text("a.png,b.png\n")
    done = ssimtool("batch", "--pairs", piped("list.csv"), "-m", "mse", "-f", "value")
    assert (done.code, done.out.count("\n")) == (0, 1)


def test_folders_give_regular_files_only(ssimtool, here):
    (here / "y").mkdir()
    for name in ("a.png", "b.png", "fifo.png", "socket.png", "link.png", "loop.png"):
        Image.fromarray(Y).save(here / "y" / name)
    (here / "x").mkdir()
    for name in ("a.png", "fifo.png", "socket.png"):
        os.rename(name, f"x/{name}")
    Path("x/link.png").symlink_to("a.png")
    Path("x/b.png").symlink_to("/dev/zero")
    Path("x/loop.png").symlink_to("loop.png")
    os.mkfifo("x/notes.txt")  # would not be taken anyhow: no word about it
    done = ssimtool("batch", "x", "y", "-m", "mse", "-f", "ndjson")
    records = {r["reference"]: r["status"] for r in map(json.loads, done.out.splitlines()[:-1])}
    assert records == {"x/a.png": "ok", "x/link.png": "ok", "x/loop.png": "error"}
    words = "warning: x/b.png is a character device, not a regular file (3 names of x skipped)"
    assert done.err.count("warning: x/") == 1
    assert words in done.err
    assert "warning" not in ssimtool("batch", "x", "y", "-m", "mse", "-f", "ndjson", "-q").err


def test_a_folder_of_pipes(ssimtool, here):
    (here / "x").mkdir()
    os.mkfifo("x/a.png")
    done = ssimtool("batch", "x", ".", "-m", "mse", "-f", "csv")
    assert done.code == 3
    assert "error: x/a.png is a pipe, not a regular file; x has no other image" in done.err


def test_a_report_does_not_wait_for_a_pipe(ssimtool, here):
    Path("list.csv").write_text("a.png,b.png\n")
    ssimtool("batch", "--pairs", "list.csv", "-o", "s.ndjson")
    os.replace("fifo.png", "a.png")
    done = ssimtool("report", "s.ndjson", "-o", "r.html")
    assert done.code == 0
    assert "a.png: is a pipe, expected a regular file" in Path("r.html").read_text()
