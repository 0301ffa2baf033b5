"""The file of a journal: one process writes to it, on every system."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest
from windows import Windows

from ssimtool import output
from ssimtool.batch import locked_file
from ssimtool.batch.locked_file import LockedFile

HOLD = """
import sys, time
from pathlib import Path
from ssimtool.batch.locked_file import LockedFile

file = LockedFile(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["as it is", "windows"])
def system(request, monkeypatch):
    """This system, and Windows."""
    if request.param == "windows":
        return Windows(monkeypatch, [locked_file, output])
    return None


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.ndjson"


def test_bytes_come_back_as_they_are(system, path):
    file = LockedFile(path)
    file.append(b"one\n")
    file.append(b"two\r\n\x1a")
    assert (file.read(0, 4), file.read(4, 6), file.size) == (b"one\n", b"two\r\n\x1a", 10)
    file.truncate(4)
    file.append(b"3")
    file.sync()
    file.close()
    assert path.read_bytes() == b"one\n3"


def test_another_one_is_refused_until_it_is_closed(system, path):
    file = LockedFile(path)
    for _ in range(2):
        with pytest.raises(OSError, match="another run is writing to it") as caught:
            LockedFile(path)
        assert caught.value.errno == errno.EBUSY
    assert path.read_bytes() == b""  # it may be read
    file.close()
    again = LockedFile(path)
    again.close()
    assert os.listdir(path.parent) == [path.name]


def test_a_replaced_file_is_locked_on(system, path):
    file = LockedFile(path)
    file.append(b"b\na\n")
    path.chmod(0o640)
    file.replace([file.read(2, 2), file.read(0, 2)])
    assert path.read_bytes() == b"a\nb\n"
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(OSError, match="another run is writing to it"):
        LockedFile(path)
    file.append(b"c\n")
    assert file.read(2, 4) == b"b\nc\n"
    file.close()
    assert path.read_bytes() == b"a\nb\nc\n"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_cannot_be_replaced_stays_open_and_locked(system, path, monkeypatch):
    file = LockedFile(path)
    file.append(b"a\n")
    with monkeypatch.context() as patch:
        patch.setattr(output, "REPLACE_PAUSE", 0)
        patch.setattr(os, "replace", _refuse)
        with pytest.raises(PermissionError):
            file.replace([b"b\n"])
    with pytest.raises(OSError, match="another run is writing to it"):
        LockedFile(path)
    file.append(b"c\n")
    file.close()
    assert path.read_bytes() == b"a\nc\n"
    assert os.listdir(path.parent) == [path.name]


def _refuse(source, target):
    raise PermissionError(errno.EACCES, "in use")


def test_reading_beside_writing(system, path):
    """Where a position is shared, neither a read nor a write lands where the other one was."""
    file, lines = LockedFile(path), [b"%06d\n" % i for i in range(400)]
    for line in lines[:200]:
        file.append(line)
    wrong: list[int] = []

    def read() -> None:
        wrong.extend(i for i in range(200) if file.read(7 * i, 7) != lines[i])

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for line in lines[200:]:
        file.append(line)
    for thread in threads:
        thread.join()
    file.close()
    assert wrong == []
    assert path.read_bytes() == b"".join(lines)


def test_what_a_killed_run_left_beside_it_locks_nothing(path, monkeypatch):
    (path.parent / ".s.ndjson.lock").touch()
    Windows(monkeypatch, [locked_file, output])
    LockedFile(path).close()
    assert os.listdir(path.parent) == [path.name]


def test_windows_hands_the_file_to_no_other_program(path, monkeypatch):
    opened: list[int] = []
    system = Windows(monkeypatch, [locked_file])

    def opening(path, flags, mode):
        opened.append(flags)
        return system.open(path, flags, mode)

    monkeypatch.setattr(os, "open", opening)
    LockedFile(path).close()
    assert len(opened) == 2
    assert all(flags & os.O_NOINHERIT for flags in opened)


@pytest.mark.skipif(sys.platform == "win32", reason="Unix locks the file itself")
def test_a_file_that_was_replaced_while_it_was_opened_is_refused(path):
    file = LockedFile(path)
    descriptor = locked_file._open(path)  # by another run, before the first one replaces it
    file.replace([b"new\n"])
    file.close()
    with pytest.raises(OSError, match="another run is writing to it"):
        locked_file._lock(descriptor, path)


def test_the_lock_ends_with_the_process_however_that_ends(path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"locked\n" or holder.poll() is None
        with pytest.raises(OSError, match="another run is writing to it"):
            LockedFile(path)
    finally:
        holder.kill()
        holder.communicate()
    LockedFile(path).close()


@pytest.mark.parametrize("name", ["pread", "fchmod"])
def test_the_simulated_windows_lacks_what_windows_lacks(monkeypatch, name):
    Windows(monkeypatch, [])
    assert not hasattr(os, name)
