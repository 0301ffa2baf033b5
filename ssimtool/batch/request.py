"""What is requested of a batch, and who watches it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssimtool.errors import ArgumentError
from ssimtool.readers.files import STDIN
from ssimtool.readers.lists.pairs import Filter
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.records.verdicts import StatisticThreshold, Status
from ssimtool.settings import CompareSettings, MapsFor, MapStyle

if TYPE_CHECKING:
    from ssimtool.batch.tally import Tally
    from ssimtool.readers.align import Reading


EVERY_FILE = Filter()


@dataclass(frozen=True)
class Progress:
    """What is reported while pairs are scored: a line, and how far the run is."""

    note: Callable[[str], None]
    update: Callable[[Tally, int | None], None]


@dataclass(frozen=True)
class Terminal:
    """How a run reports to whoever started it.

    `interruptible` calls its argument on Ctrl-C for as long as it is entered; `progress` says
    whether progress may be shown; `warn` writes one line.
    """

    interruptible: Callable[[Callable[[], object]], AbstractContextManager[None]]
    progress: Callable[..., AbstractContextManager[Progress]]
    warn: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PairSource:
    """Where the pairs come from: two folders, a file and a folder, or a list.

    Args:
        reference, distorted: folders, or one of them a file.
        manifest: a list of pairs in their place, or `-`.
        null: whether the list is paths with a NUL after each.
        files: which files of folders are compared.

    Raises:
        ArgumentError: these are not pairs, or not many.
    """

    reference: str | None = None
    distorted: str | None = None
    manifest: str | None = None
    null: bool = False
    files: Filter = EVERY_FILE

    def __post_init__(self) -> None:
        if self.manifest is not None:
            if self.reference is not None:
                raise ArgumentError("give REFERENCE and DISTORTED, or --pairs, not both")
            return
        if self.null:
            raise ArgumentError("-0 says how a list is written: give one with --pairs")
        if self.reference is None or self.distorted is None:
            raise ArgumentError("give the folders REFERENCE and DISTORTED, or --pairs FILE")
        if STDIN in (self.reference, self.distorted):
            raise ArgumentError("standard input is no folder: give pairs through --pairs -")
        if os.path.isfile(self.reference) and os.path.isfile(self.distorted):
            raise ArgumentError("both are files: compare them with 'ssimtool compare'")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The paths as they were given: of the list, or of both folders."""
        given = (self.manifest,) if self.manifest else (self.reference, self.distorted)
        return tuple(path or "" for path in given)


@dataclass(frozen=True)
class MapsRequest:
    """The folder of the maps, which pairs have one, and how they are drawn."""

    folder: str
    pairs: MapsFor
    style: MapStyle

    def includes(self, status: Status) -> bool:
        """Whether a pair has a map as soon as it is scored; the worst are known only at the end."""
        return self.pairs == "all" or (self.pairs == "failed" and status == "fail")


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """Which pairs, and how they are compared.

    Args:
        source: the pairs.
        reading: how images are read.
        region: which pixels are compared of the pairs that do not name their own.
        settings: what is computed.
        statistics: thresholds on statistics of all pairs.
        strict: whether a file without a partner is a failure.
        stop_on_error: whether the run ends with the first pair that cannot be compared.
        worst: how many of the lowest-scoring pairs the summary lists.
        maps: None: no maps.
        quiet: no progress and no warnings.
        debug: errors are raised.
    """

    source: PairSource
    reading: Reading
    region: RegionOfInterest
    settings: CompareSettings
    statistics: tuple[StatisticThreshold, ...]
    strict: bool
    stop_on_error: bool
    worst: int
    maps: MapsRequest | None
    quiet: bool
    debug: bool
