"""What the command line asks of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssimtool.readers.pairs import Filter
from ssimtool.readers.regions import Counting
from ssimtool.records import StatisticThreshold
from ssimtool.settings import Scoring


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which pairs, and how they are compared.

    `reading` holds the fields of `readers.align.Reading` that
    stand in a record; `counting` is what counts of the pairs that do not say it themselves;
    `statistics` are the thresholds on those of all pairs.
    """

    reference: str
    distorted: str
    manifest: str | None
    null: bool
    files: Filter
    reading: Mapping[str, Any]
    max_pixels: int
    counting: Counting
    scoring: Scoring
    statistics: tuple[StatisticThreshold, ...]
    strict: bool
    stop_on_error: bool
    worst: int
    maps: str | None
    maps_for: str
    map_style: str
    quiet: bool
    debug: bool
