"""Detect outputs that are also inputs, and two outputs that are one file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from ssimtool.errors import OutputError, printable


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is the folder or below it, after resolving links."""
    real, root = (os.path.normcase(os.path.realpath(p)) for p in (path, folder))
    try:
        return os.path.commonpath([root, real]) == root
    except ValueError:  # different drives on Windows
        return False


def identity(path: str) -> object:
    """Return what the paths of one file share: its device and inode, through links.

    Without a file, or where the file system does not number its files, it is the resolved path.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))
    if not status.st_ino:
        return os.path.normcase(os.path.realpath(path))
    return status.st_dev, status.st_ino


class OwnFiles:
    """Files that a run replaces or has written, which none of its inputs may be.

    Args:
        paths: outputs that exist.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._paths: dict[object, str] = {}
        for path in paths:
            self.add(path)

    def __bool__(self) -> bool:
        return bool(self._paths)

    def add(self, path: str) -> None:
        """Add a file that exists."""
        self._paths[identity(path)] = path

    def same_as(self, path: str) -> str | None:
        """Return the output that an input is; None if it is none."""
        return self._paths.get(identity(path)) if self._paths else None


def check_distinct(paths: Sequence[str], inputs: Sequence[str]) -> None:
    """Check that no output is an input or named twice.

    Raises:
        OutputError: an output is.
    """
    taken = {identity(path): "an input" for path in inputs if path != "-"}
    for path in paths:
        own = identity(path)
        if own in taken and (not os.path.exists(path) or os.path.isfile(path)):
            raise OutputError(f"cannot write {printable(path)}: it is also {taken[own]}")
        taken[own] = "an output"
