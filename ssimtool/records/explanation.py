"""The record of `explain`: SSIM of a pair by each definition, and the effect of each part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssimtool.records.verdicts import Failure, Status


@dataclass(frozen=True)
class Difference:
    """A part in which a definition differs from the first one.

    `here` describes the part in this definition, `there` in the first one. `change` is the change
    of SSIM with this part, applied after the parts before it; None if the image is too small for
    one of the definitions in between.
    """

    part: str
    here: str
    there: str
    change: float | None


@dataclass(frozen=True)
class Explained:
    """SSIM of the pair by one definition; `ssim` is None if the image is too small (`reason`)."""

    name: str
    ssim: float | None
    ssim_loss: float | None
    per_channel: tuple[float, ...]
    differs: tuple[Difference, ...]
    returned_by: str
    definition: Mapping[str, Any]
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Record of one pair by all definitions; the others are compared with the first definition."""

    schema: str = "ssimtool.explanation/1"
    status: Status
    reference: str
    distorted: str
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    sample_type: str | None = None
    data_range: float | None = None
    identical: bool | None = None
    definitions: tuple[Explained, ...] = ()
    colour: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    device: str | None = None
    backend: str | None = None
    precision: str | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
