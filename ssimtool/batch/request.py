"""What is requested of a batch, and who watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssimtool.readers.lists.pairs import Filter
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.records.verdicts import StatisticThreshold
from ssimtool.settings import CompareSettings, MapsFor, MapStyle

if TYPE_CHECKING:
    from ssimtool.batch.tally import Tally


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
class BatchRequest:
    """Which pairs, and how they are compared.

    `reading` holds the fields of `readers.align.Reading` that
    stand in a record; `region` is compared of the pairs that do not name their own;
    `statistics` are the thresholds on those of all pairs.
    """

    reference: str
    distorted: str
    manifest: str | None
    null: bool
    files: Filter
    reading: Mapping[str, Any]
    max_pixels: int
    region: RegionOfInterest
    settings: CompareSettings
    statistics: tuple[StatisticThreshold, ...]
    strict: bool
    stop_on_error: bool
    worst: int
    maps: str | None
    maps_for: MapsFor
    map_style: MapStyle
    quiet: bool
    debug: bool
