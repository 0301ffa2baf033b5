"""SSIM maps of many pairs: a folder with one file per pair, in the tree of the input."""

from __future__ import annotations

import os
from collections import Counter
from hashlib import sha256
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from ssimtool.devices import Execution
from ssimtool.errors import OutputError, printable
from ssimtool.output import new_file, replace_file, writing
from ssimtool.readers.lists.pairs import PairInput, files_of
from ssimtool.records.comparison import Comparison
from ssimtool.same_file import is_below
from ssimtool.settings import CompareSettings, MapStyle

if TYPE_CHECKING:
    from ssimtool.readers.samples import Pair

LONGEST_NAME = 240  # bytes
HEAD_BYTES = 1 << 16  # of a PNG that hold its text


class MapFolder:
    """Folder of maps that chooses a path for each pair from the pair's place in the input.

    All paths are distinct, even on file systems that ignore the case of letters. A name that is
    taken gets a number (`shot~2.png`), and so does a folder where a map has its name. A name that
    is too long for a file system ends with a hash.
    """

    def __init__(self, folder: str, style: MapStyle) -> None:
        self.folder, self.style = folder, style
        self._real = os.path.realpath(folder)
        self._numbers: Counter[str] = Counter()
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._named: dict[str, PurePosixPath] = {}

    def holds(self, pair: PairInput) -> str | None:
        """Return the first file of a pair that is in the folder, where a map could replace it."""
        return next((path for path in files_of(pair) if is_below(path, self._real)), None)

    def check(self, path: str) -> None:
        """Check that a map may be written to a path: nothing is there, or a map of ssimtool.

        Raises:
            OutputError: another file is there, or a link leads out of the folder.
        """
        self._check_links(os.path.dirname(path))
        if os.path.lexists(path) and (os.path.islink(path) or not _is_map(path)):
            raise OutputError(
                f"cannot write {printable(path)}: there is a file that is no map of ssimtool, "
                "which a map does not replace; pass --maps another folder, or move the file"
            )

    def _check_links(self, above: str) -> None:
        inside = os.path.relpath(above, self.folder)
        expected = self._real if inside == "." else os.path.join(self._real, inside)
        real = os.path.realpath(above)
        if os.path.normcase(real) != os.path.normcase(expected):
            raise OutputError(
                f"cannot write below {printable(above)}: it leads to {printable(real)} by a link "
                f"inside {printable(self.folder)}, which maps do not follow; pass --maps another "
                "folder"
            )

    def path_of(self, pair: PairInput) -> str:
        """Return the path of a pair's map; call it once for each pair, in their order."""
        *above, last = _below(pair)
        folder = PurePosixPath()
        for part in above:
            folder = self._folder(folder / _shortened(part))
        first = name = folder / (_shortened(PurePosixPath(last).with_suffix("").name) + ".png")
        while _key(name) in self._files or _key(name) in self._folders:
            self._numbers[str(first)] += 1
            name = first.with_stem(f"{first.stem}~{self._numbers[str(first)] + 1}")
        self._files.add(_key(name))
        return os.path.join(self.folder, *name.parts)

    def _folder(self, wanted: PurePosixPath) -> PurePosixPath:
        """Return the folder that stands for another one, which may have the name of a map."""
        name, number = self._named.get(str(wanted), wanted), 1
        while _key(name) in self._files:
            number += 1
            name = wanted.with_name(f"{wanted.name}~{number}")
        self._named[str(wanted)] = name
        self._folders.add(_key(name))
        return name

    def write(
        self,
        path: str,
        pair: Pair,
        record: Comparison,
        settings: CompareSettings,
        execution: Execution | None,
    ) -> None:
        """Compute the map of a pair and write it, completely or not at all.

        Raises:
            OutputError: the map cannot be written, or would replace what is no map.
        """
        from ssimtool.reports.maps import map_png
        from ssimtool.scoring.pair import map_of

        data = map_png(map_of(pair, settings, execution=execution), pair, record, self.style)
        target = Path(path)
        with writing(path):
            self.check(path)  # it may have been made since the input was checked
            target.parent.mkdir(parents=True, exist_ok=True)
            file, half = new_file(target)
            try:
                with file:
                    file.write(data)
                replace_file(half, target)
            finally:
                half.unlink(missing_ok=True)


def _is_map(path: str) -> bool:
    from ssimtool.reports.maps import is_map

    if not os.path.isfile(path):  # a folder, or a pipe
        return False
    try:
        with open(path, "rb") as file:
            return is_map(file.read(HEAD_BYTES))
    except OSError:
        return False


def _key(name: PurePosixPath) -> str:
    return str(name).casefold()


def _shortened(name: str) -> str:
    """Return a name that leaves room for a number and a suffix in the 255 bytes of file systems."""
    data = os.fsencode(name)
    if len(data) <= LONGEST_NAME:
        return name
    end = "-" + sha256(data).hexdigest()[:16]
    return data[: LONGEST_NAME - len(end)].decode(errors="ignore") + end


def _below(pair: PairInput) -> tuple[str, ...]:
    """Return the path of the pair within the tree, without a drive, `..` and `.`."""
    path = PurePath(pair.below or pair.distorted)
    parts = tuple(p for p in path.parts if p not in (path.anchor, "..", "."))
    return parts or ("pair",)
