"""What is done otherwise on Windows and macOS, and that nothing stands in the way of it there."""

from __future__ import annotations

import ast
import errno
import io
import mmap
import ntpath
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from windows import Windows

import ssimtool
from ssimtool import cli, devices, output, same_file
from ssimtool.cli import app
from ssimtool.errors import OutputError
from ssimtool.readers import files, kinds
from ssimtool.readers.arrays.sources import open_array
from ssimtool.readers.lists import folders, manifest, text
from ssimtool.readers.lists.folders import Filter, images_below
from ssimtool.reports.columns import _paths

PACKAGE = Path(ssimtool.__file__).parent
# Modules that Windows has not; and those that others have not.
UNIX = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty", "msvcrt", "winreg", "_winapi"}


def _imported_at_once(path: Path) -> set[str]:
    """What a module imports as it is loaded, on any system."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


TESTS = [p for p in Path(__file__).parent.rglob("*.py") if "benchmarks" not in p.parts]


@pytest.mark.parametrize("path", [*PACKAGE.rglob("*.py"), *TESTS], ids=lambda p: p.name)
def test_every_module_can_be_loaded_on_every_system(path):
    assert not _imported_at_once(path) & UNIX


@pytest.mark.parametrize("path", list(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_systems_are_told_apart_by_name_as_mypy_does(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr":
            assert ast.unparse(node.args[0]) not in ("os", "mmap", "signal", "sys"), path


class _Os(SimpleNamespace):
    """`os`, but for what is given."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


@pytest.fixture
def windows(monkeypatch):
    """Windows, for the modules that know it."""
    modules = [output, files, text, kinds, folders, devices, app, cli]
    return Windows(monkeypatch, modules)


def test_a_file_in_use_is_replaced_once_it_is_free(windows, tmp_path, monkeypatch):
    source, target = tmp_path / "s", tmp_path / "t"
    source.write_text("new")
    target.write_text("old")
    scanner = os.open(target, os.O_RDONLY)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            os.close(scanner)

    monkeypatch.setattr(output, "time", SimpleNamespace(sleep=sleep))
    output.replace_file(source, target)
    assert target.read_text() == "new"
    assert waits == [output.REPLACE_PAUSE] * 3


def test_a_file_that_stays_in_use_is_left(windows, tmp_path, monkeypatch):
    source, target = tmp_path / "s", tmp_path / "t"
    source.touch()
    target.write_text("old")
    monkeypatch.setattr(output, "REPLACE_PAUSE", 0)
    scanner = os.open(target, os.O_RDONLY)
    with pytest.raises(PermissionError):
        output.replace_file(source, target)
    os.close(scanner)
    assert target.read_text() == "old"


def test_an_output_is_replaced(windows, tmp_path):
    target = tmp_path / "t.json"
    target.write_text("old")
    with output.reserved([str(target)], inputs=[]) as (file,):
        output.put(file, b"new\n")
    assert target.read_bytes() == b"new\n"
    assert os.listdir(tmp_path) == ["t.json"]


def test_names_of_streams_are_names_of_files(windows):
    with (
        pytest.raises(OutputError, match="cannot write /dev/stdout/x: "),
        output.reserved(["/dev/stdout/x"], inputs=[]),
    ):
        pass
    assert not output._is_stream("/dev/stdout")


def test_names_of_streams_on_unix(monkeypatch):
    monkeypatch.setattr(output, "sys", SimpleNamespace(platform="darwin"))
    assert output._is_stream("/dev/stdout")
    assert not output._is_stream("out/dev/stdout")


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("C:\\maps\\a.png", True),
        ("C:\\MAPS\\sub\\a.png", True),
        ("C:\\maps", True),
        ("C:\\maps2\\a.png", False),
        ("D:\\maps\\a.png", False),
        ("\\\\server\\share\\a.png", False),
    ],
)
def test_what_lies_in_a_folder_of_windows(monkeypatch, path, below):
    paths = SimpleNamespace(
        commonpath=ntpath.commonpath, normcase=ntpath.normcase, realpath=lambda p: p
    )
    monkeypatch.setattr(same_file, "os", _Os(path=paths))
    assert same_file.is_below(path, "C:\\maps") is below


def test_what_lies_in_a_folder(tmp_path):
    (tmp_path / "maps").mkdir()
    folder = str(tmp_path / "maps")
    assert same_file.is_below(f"{folder}/x/../a.png", folder)
    assert not same_file.is_below(f"{folder}2/a.png", folder)


class _Closed(io.BytesIO):
    """A pipe that nobody reads; how Windows may say so."""

    def flush(self) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")


def test_a_pipe_that_nobody_reads(windows, monkeypatch, tmp_path):
    system = output.sys
    file = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    monkeypatch.setattr(
        system, "stdout", SimpleNamespace(buffer=_Closed(), fileno=lambda: file), raising=False
    )
    assert output.put_stdout("x") is False
    monkeypatch.setattr(system, "platform", "linux")
    with pytest.raises(OutputError, match="invalid argument"):
        output.put_stdout("x")
    os.close(file)


def test_help_and_errors_of_others_are_utf8(windows, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(cli.sys, "stdout", stream, raising=False)
    cli._use_utf8()
    stream.write("σ \udc80")
    stream.flush()
    assert stream.buffer.getvalue() == "σ \\udc80".encode()


def test_a_folder_is_called_one(windows, tmp_path):
    with pytest.raises(IsADirectoryError):
        files.open_binary(str(tmp_path))


def test_mapped_pages_that_cannot_be_given_back(windows, tmp_path):
    with open(tmp_path / "x", "w+b") as file:
        file.write(b"x" * 2 * mmap.PAGESIZE)
        file.flush()
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    asked: list[tuple[int, ...]] = []

    class Pages(mmap.mmap):
        def madvise(self, *arguments: int) -> None:
            asked.append(arguments)

    mapped = Pages(-1, 2 * mmap.PAGESIZE)
    files.give_back(mapped, 0, len(mapped))
    assert asked == []
    pages.close()
    np.save(tmp_path / "x.npy", np.arange(5))
    source = open_array(str(tmp_path / "x.npy"))
    source.release()
    assert source.read(1, 3).tolist() == [1, 2]


def test_mapped_pages_are_given_back_elsewhere(monkeypatch):
    monkeypatch.setattr(files, "sys", SimpleNamespace(platform="darwin"))
    asked: list[tuple[int, ...]] = []

    class Pages(mmap.mmap):
        def madvise(self, *arguments: int) -> None:
            asked.append(arguments)

    files.give_back(Pages(-1, 4 * mmap.PAGESIZE), mmap.PAGESIZE + 5, 3 * mmap.PAGESIZE)
    assert asked == [(mmap.MADV_DONTNEED, mmap.PAGESIZE, 2 * mmap.PAGESIZE)]


def test_a_manifest_is_read_as_it_is(windows, tmp_path, monkeypatch):
    (tmp_path / "m.csv").write_bytes(b"a.png,b.png\r\n")
    binary: list[bool] = []

    def closing(file: int) -> None:
        binary.append(windows.files[file][1])
        windows.close(file)

    monkeypatch.setattr(os, "close", closing)
    assert [p.distorted for p in manifest.read_manifest(str(tmp_path / "m.csv"))] == ["b.png"]
    assert binary == [True]


def test_patterns_with_backslashes(windows, monkeypatch):
    assert Filter(include=("s\\*.png",)).takes("s/a.png")
    assert not Filter(exclude=("s\\a.png",)).takes("s/a.png")
    monkeypatch.setattr(folders, "sys", SimpleNamespace(platform="linux"))
    assert not Filter(include=("s\\*.png",)).takes("s/a.png")


def test_folders_that_have_no_number(tmp_path, monkeypatch):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.png").touch()
    numberless = SimpleNamespace(st_dev=0, st_ino=0)
    monkeypatch.setattr(folders, "os", _Os(stat=lambda path: numberless))
    assert images_below(str(tmp_path), Filter()) == ["s/a.png"]


def test_folders_of_windows_are_written_once():
    column = _paths("k", "Title", ["x\\s\\a.png", "x\\s\\b.png", "x/s/c.png", "d.png"])
    assert column["folders"] == ["x\\s\\", "x/s/", ""]
    assert column["folder"] == [0, 0, 1, 2]


def test_cores_without_an_affinity(windows, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(devices, "container_limit", lambda: None)
    assert devices.usable_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert devices.usable_cores() == 1


def test_ctrl_break_ends_as_sigterm_does(windows, monkeypatch):
    handled: dict[object, object] = {}
    monkeypatch.setattr(app, "signal", SimpleNamespace(
        SIGTERM=15, SIGBREAK=21, signal=handled.__setitem__
    ))  # fmt: skip
    nothing = SimpleNamespace(main=lambda *_, **options: 0)
    monkeypatch.setattr(app, "program_of", lambda arguments: nothing)
    assert app.run([]) == 0
    assert handled == {15: app._end, 21: app._end}


def test_the_simulated_windows_is_one(windows, tmp_path):
    assert not hasattr(os, "pread")
    with pytest.raises(ImportError):
        import fcntl  # noqa: F401
    file = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    os.write(file, b"a\n")
    with pytest.raises(PermissionError):
        os.unlink(tmp_path / "x")
    os.close(file)
    assert (tmp_path / "x").read_bytes() == b"a\r\n"
    assert sys.platform != "win32" or signal.SIGBREAK
