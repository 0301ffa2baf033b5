"""The record of one pair of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ssimtool.definitions import Definition
from ssimtool.records.verdicts import Failure, Status, Verdict


def parts_of(definition: Definition) -> dict[str, Any]:
    """A definition as it stands in a record."""
    parts = {**asdict(definition), "region": definition.region}
    parts.pop("returned_by")
    return parts


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One pair of images. `metrics` is in the order asked for; PSNR of identical images is inf.

    `sample_type` is the type of the reference as it was read: uint8, uint16, float32 …
    `reading` holds the options of reading that change numbers, as they were given: so the same can
    be computed again. `id` and `columns` are what a manifest says of a pair beside its paths, `map`
    the file that its map was written to.
    `mask` and `regions` (x, y, width, height each) say which pixels count, and `counted` how many
    do, or the sum of their weights; None where all do.
    `precision` is what SSIM was computed in, float32 or float64. `scales` are those of MS-SSIM,
    None where it was not asked for.
    """

    schema: str = "ssimtool.comparison/1"
    status: Status
    id: str | None = None
    reference: str
    distorted: str
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    sample_type: str | None = None
    data_range: float | None = None
    identical: bool | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    per_channel: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    definition: Mapping[str, Any] | None = None
    scales: int | None = None
    colour: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    mask: str | None = None
    regions: tuple[tuple[int, int, int, int], ...] = ()
    counted: float | None = None
    steps: tuple[str, ...] = ()
    thresholds: tuple[Verdict, ...] = ()
    map: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    backend: str | None = None
    precision: str | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
