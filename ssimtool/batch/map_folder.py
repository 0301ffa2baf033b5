"""SSIM maps of many pairs: a folder with one file per pair, in the tree of the input."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from ssimtool.devices import Execution
from ssimtool.errors import OutputError, printable
from ssimtool.output import is_below, replace_file, writing
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.regions import MASK
from ssimtool.records.comparison import Comparison
from ssimtool.settings import CompareSettings, MapStyle

if TYPE_CHECKING:
    from ssimtool.readers.samples import Pair


class MapFolder:
    """Folder of maps that chooses a path for each pair from the pair's place in the input.

    All paths are distinct, even on file systems that ignore the case of letters.
    """

    def __init__(self, folder: str, style: MapStyle) -> None:
        self.folder, self.style = folder, style
        self._real = os.path.realpath(folder)
        self._numbers: Counter[str] = Counter()
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def path_of(self, pair: PairInput) -> str:
        """Return the path of a pair's map; call it once for each pair, in the order of the input.

        Raises:
            OutputError: an image of the pair is in the folder, where a map could overwrite it.
        """
        for path in (pair.reference, pair.distorted, *filter(None, [pair.columns.get(MASK)])):
            if is_below(path, self._real):
                raise OutputError(
                    f"{printable(path)}: is in the map folder {printable(self.folder)}, where a "
                    "map could overwrite it; pass --maps another folder"
                )
        parts = _below(pair)
        first = name = PurePosixPath(*parts).with_suffix(".png")
        while not self._is_free(str(name)):
            self._numbers[str(first)] += 1
            name = first.with_stem(f"{first.stem}~{self._numbers[str(first)] + 1}")
        return os.path.join(self.folder, *name.parts)

    def _is_free(self, name: str) -> bool:
        key = PurePosixPath(name.casefold())
        above = {str(folder) for folder in key.parents[:-1]}
        taken = str(key) in self._files or str(key) in self._folders
        if taken or not above.isdisjoint(self._files):
            return False
        self._files.add(str(key))
        self._folders |= above
        return True

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
            OutputError: the map cannot be written.
        """
        from ssimtool.reports.maps import map_png
        from ssimtool.scoring.pair import map_of

        data = map_png(map_of(pair, settings, execution=execution), pair, record, self.style)
        target = Path(path)
        half = target.with_name(f".ssimtool-{os.getpid()}-{threading.get_ident()}.part")
        with writing(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                half.write_bytes(data)
                replace_file(half, target)
            finally:
                half.unlink(missing_ok=True)


def _below(pair: PairInput) -> tuple[str, ...]:
    """Return the path of the pair within the tree, without a drive, `..` and `.`."""
    path = PurePath(pair.below or pair.distorted)
    parts = tuple(p for p in path.parts if p not in (path.anchor, "..", "."))
    return parts or ("pair",)
