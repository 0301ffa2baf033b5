"""What Windows does otherwise, on any system: for tests of the branches that are taken there; and
the marks of tests that need what other systems lack."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")

O_BINARY, O_NOINHERIT = 1 << 40, 1 << 41  # flags that no system has


class Windows:
    """The system of some modules while a test runs.

    Their `sys.platform` is win32. `os` has neither `pread` nor `fchmod`, knows `O_BINARY` and
    writes `\\r\\n` without it, and replaces and deletes no file that is open. `fcntl` cannot be
    imported; `msvcrt.locking` locks, and says with EACCES that another one has.
    """

    def __init__(self, patch: pytest.MonkeyPatch, modules: Iterable[ModuleType]) -> None:
        self.locked: dict[int, tuple[int, int]] = {}  # a descriptor to the identity of its file
        self.files: dict[int, tuple[str, bool]] = {}  # a descriptor to its path, whether binary
        self._open, self._close, self._write = os.open, os.close, os.write
        self._replace, self._unlink = os.replace, os.unlink
        for module in modules:
            patch.setattr(module, "sys", _System())
        for name in ("pread", "fchmod"):
            patch.delattr(os, name, raising=False)
        patch.setattr(os, "O_BINARY", O_BINARY, raising=False)
        patch.setattr(os, "O_NOINHERIT", O_NOINHERIT, raising=False)
        for name in ("open", "close", "write", "replace", "unlink"):
            patch.setattr(os, name, getattr(self, name))
        msvcrt = SimpleNamespace(LK_NBLCK=2, locking=self._locking)
        patch.setitem(sys.modules, "msvcrt", msvcrt)
        patch.setitem(sys.modules, "fcntl", None)

    def open(self, path, flags, mode=0o777):
        file = self._open(path, flags & ~(O_BINARY | O_NOINHERIT), mode)
        self.files[file] = os.path.abspath(path), bool(flags & O_BINARY)
        return file

    def close(self, file):
        self.files.pop(file, None)
        self.locked.pop(file, None)
        self._close(file)

    def write(self, file, data):
        if self.files[file][1]:
            return self._write(file, data)
        self._write(file, bytes(data).replace(b"\n", b"\r\n"))
        return len(data)

    def replace(self, source, target):
        self._check_closed(source, target)
        self._replace(source, target)

    def unlink(self, path, **options):
        self._check_closed(path)
        self._unlink(path, **options)

    def _check_closed(self, *paths: str | Path) -> None:
        used = {path for file, (path, _) in self.files.items() if _names(file, path)}
        if used & {os.path.abspath(path) for path in paths}:
            raise PermissionError(errno.EACCES, "the process cannot access the file")

    def _locking(self, file, mode, length):
        assert (mode, length) == (2, 1)
        status = os.fstat(file)
        identity = status.st_dev, status.st_ino
        if identity in self.locked.values():
            raise PermissionError(errno.EACCES, "Permission denied")
        self.locked[file] = identity


def _names(file: int, path: str) -> bool:
    """Whether a descriptor is still that of the file: one may be closed without `os.close`."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False


class _System:
    """`sys`, but for the platform."""

    platform = "win32"

    def __getattr__(self, name: str) -> object:
        return getattr(sys, name)
