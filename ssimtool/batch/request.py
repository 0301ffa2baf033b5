"""Request of a batch, and the terminal that it reports to."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssimtool.batch.summary import WORST
from ssimtool.errors import ArgumentError, printable
from ssimtool.readers.files import STDIN
from ssimtool.readers.kinds import is_stream
from ssimtool.readers.lists.folders import Filter
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.records.batch import UnmatchedPolicy
from ssimtool.records.verdicts import StatisticThreshold, Status
from ssimtool.settings import CompareSettings, MapsFor, MapStyle

if TYPE_CHECKING:
    from ssimtool.batch.tally import Tally
    from ssimtool.readers.align import Reading


EVERY_FILE = Filter()


@dataclass(frozen=True)
class Progress:
    """Functions that report a line, and the progress of a run."""

    note: Callable[[str], None]
    update: Callable[[Tally, int | None], None]


@dataclass(frozen=True)
class Terminal:
    """Functions by which a run reports to the user.

    `interruptible` is a context that calls its argument on Ctrl-C; `progress` opens a progress bar,
    if it may be shown; `warn` writes one line.
    """

    interruptible: Callable[[Callable[[], object]], AbstractContextManager[None]]
    progress: Callable[..., AbstractContextManager[Progress]]
    warn: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PairSource:
    """Source of the pairs: two folders, a file and a folder, or a list.

    Args:
        reference, distorted: two folders, or a folder and a file.
        several: files that are each compared with `reference`, instead of `distorted`.
        manifest: list of pairs instead of folders, or `-`.
        null: whether the list consists of paths that each end with NUL.
        base: folder of the relative paths in the list; None: the current folder.
        files: filter for the files of folders.

    Raises:
        ArgumentError: the arguments describe no pairs, or a single pair.
    """

    reference: str | None = None
    distorted: str | None = None
    several: tuple[str, ...] = ()
    manifest: str | None = None
    null: bool = False
    base: str | None = None
    files: Filter = EVERY_FILE

    def __post_init__(self) -> None:
        if self.several:
            return
        if self.manifest is not None:
            if self.reference is not None:
                raise ArgumentError("pass REFERENCE and DISTORTED, or --pairs, not both")
            if self.files != EVERY_FILE:
                raise ArgumentError(
                    "include and exclude choose files of folders; with a list of pairs, leave out "
                    "the lines instead"
                )
            return
        if self.null:
            raise ArgumentError("-0 requires a list: pass --pairs FILE")
        if self.base is not None:
            raise ArgumentError("--base requires a list: pass --pairs FILE")
        if self.reference is None or self.distorted is None:
            raise ArgumentError("pass the folders REFERENCE and DISTORTED, or --pairs FILE")
        if STDIN in (self.reference, self.distorted):
            raise ArgumentError(
                "standard input is not a folder: pass --pairs - to read pairs from it"
            )
        if os.path.isfile(self.reference) and os.path.isfile(self.distorted):
            raise ArgumentError("both are files: compare them with 'ssimtool compare'")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Paths of the list, of both folders or of all files, as they were passed."""
        if self.several:
            return (self.reference or "", *self.several)
        paths = (self.manifest,) if self.manifest else (self.reference, self.distorted)
        return tuple(path or "" for path in paths)


@dataclass(frozen=True)
class MapsRequest:
    """Folder of the maps, the pairs that have one, and the style of the maps."""

    folder: str
    pairs: MapsFor
    style: MapStyle

    def includes(self, status: Status) -> bool:
        """Return whether to draw a map right after scoring; the worst are known only at the end."""
        return self.pairs == "all" or (self.pairs == "failed" and status == "fail")


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """Pairs to compare, and the settings of the comparison.

    Args:
        source: source of the pairs.
        reading: options for reading images.
        region: region of interest of pairs that do not name their own.
        settings: metrics, definition and thresholds.
        statistics: thresholds on statistics of all pairs.
        unmatched: what files without a partner mean for the run.
        allow_empty: whether there may be nothing to compare.
        stop_on_error: whether the run ends at the first pair that cannot be compared.
        worst: number of lowest-scoring pairs in the summary.
        maps: maps to write; None: no maps.
        quiet: whether to print no progress and no warnings.
        debug: whether to raise errors.

    Raises:
        ArgumentError: the mask is a pipe, a device or a socket.
    """

    source: PairSource
    reading: Reading
    region: RegionOfInterest
    settings: CompareSettings
    statistics: tuple[StatisticThreshold, ...] = ()
    unmatched: UnmatchedPolicy = "warn"
    allow_empty: bool = False
    stop_on_error: bool = False
    worst: int = WORST
    maps: MapsRequest | None = None
    quiet: bool
    debug: bool

    def __post_init__(self) -> None:
        if self.region.mask is not None and is_stream(self.region.mask):
            raise ArgumentError(
                f"{printable(self.region.mask)} is not a regular file, but each pair reads it: "
                "save it to a file",
                argument="mask",
            )
