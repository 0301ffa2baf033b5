"""File of a journal: append-only, and written by one process at a time.

The lock ends with the process, even if the process is killed. Unix locks the file itself. On
Windows no program could read a locked file, so a second file next to it is locked; a killed run
leaves that file on disk.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ssimtool.output import new_file, replace_file


class LockedFile:
    """Opened and locked file; a missing file is created.

    Any thread may read while another one appends.

    Raises:
        OSError: the file cannot be opened, or another process has locked it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._moving = threading.Lock()  # on Windows, reads and writes share one position
        if sys.platform == "win32":
            self._lock = _lock_beside(_beside(path))
            self._file = _open(path)
        else:
            self._file = _lock(_open(path), path)
        self.size = os.fstat(self._file).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from the offset `start`."""
        if sys.platform != "win32":
            return os.pread(self._file, length, start)
        with self._moving:
            os.lseek(self._file, start, os.SEEK_SET)
            return os.read(self._file, length)

    def append(self, data: bytes) -> None:
        """Append bytes, all or none.

        Raises:
            OSError: the disk is full, or a similar error.
        """
        left, start = memoryview(data), self.size
        try:
            while left:
                with self._moving:
                    written = os.write(self._file, left)
                left, self.size = left[written:], self.size + written
        except OSError:
            self.truncate(start)
            raise

    def truncate(self, size: int) -> None:
        """Drop all bytes after the first `size`."""
        os.ftruncate(self._file, size)
        self.size = size

    def sync(self) -> None:
        """Wait until all bytes are on disk."""
        os.fsync(self._file)

    def replace(self, pieces: Iterable[bytes]) -> None:
        """Replace the content of the file with these pieces, atomically; keep the lock.

        Raises:
            OSError: the disk is full, or a similar error; the file is unchanged.
        """
        new, name = new_file(self.path)
        try:
            with new as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, os.fstat(self._file).st_mode & 0o7777)
            self._take_place(name)
        except BaseException:
            with suppress(OSError):
                name.unlink()
            raise
        self.size = os.fstat(self._file).st_size

    def _take_place(self, name: Path) -> None:
        if sys.platform == "win32":  # cannot replace an open file; the lock is another file
            os.close(self._file)
            try:
                replace_file(name, self.path)
            finally:
                self._file = _open(self.path)
        else:  # locked before the move, so that no other process can lock it first
            file = _lock(_open(name), name)
            try:
                replace_file(name, self.path)
            except BaseException:
                os.close(file)
                raise
            os.close(self._file)
            self._file = file

    def close(self) -> None:
        """Close and unlock the file."""
        os.close(self._file)
        if self._lock is not None:
            os.close(self._lock)
            with suppress(OSError):  # another process has opened it since
                _beside(self.path).unlink()


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    if sys.platform == "win32":  # no \r\n for \n, and child processes do not inherit it
        flags |= os.O_BINARY | os.O_NOINHERIT
    return os.open(path, flags, 0o666)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _lock(file: int, path: Path) -> int:
    """Lock the open file and return it (Unix)."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise _busy() from None
        except OSError:  # a file system without locks
            return file
        if not os.path.samestat(os.fstat(file), os.stat(path)):  # replaced after it was opened
            os.close(file)
            raise _busy()
    return file


def _lock_beside(path: Path) -> int | None:
    """Open and lock a lock file (Windows); return None on a file system without locks."""
    if sys.platform == "win32":
        import msvcrt

        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOINHERIT, 0o666)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            os.close(file)
            raise _busy() from None
        except OSError:  # a file system without locks
            os.close(file)
            return None
        return file
    return None


def _busy() -> OSError:
    return OSError(errno.EBUSY, "another run is writing to it")
