"""The record of one pair of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ssimtool.definitions import Definition
from ssimtool.records.frames import Frames
from ssimtool.records.verdicts import Failure, Status, Verdict


def parts_of(definition: Definition) -> dict[str, Any]:
    """Return a definition as it is recorded."""
    parts = {**asdict(definition), "region": definition.region}
    parts.pop("returned_by")
    return parts


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Record of one pair of images.

    `metrics` is in the requested order; PSNR of identical images is inf. `sample_type` is the type
    of the samples of the reference as they were read: uint8, uint16, float32 …
    `reading` holds the options of reading that change numbers, as they were passed, so that the
    comparison can be repeated. `id` and `columns` are the further columns of a manifest. `map` is
    the file that the SSIM map was written to.
    `mask` and `regions` (each x, y, width, height) are the region of interest. `counted` is the
    number of pixels inside it, or the sum of their weights; None without a mask and regions.
    `precision` is the dtype that SSIM was computed in, float32 or float64. `scales` is the number
    of MS-SSIM scales; None if MS-SSIM was not requested.
    `frames` describes the frames of two stacks; None for two images. `metrics` and `per_channel`
    are then means over the frames (of PSNR: of the finite values), and `width` and `height` those
    of the worst frame by the first metric.
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
    frames: Frames | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
