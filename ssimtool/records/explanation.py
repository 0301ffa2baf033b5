"""What `explain` found, as plain values: each SSIM of a pair, and what it owes to which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssimtool.records.verdicts import Failure, Status


@dataclass(frozen=True)
class Difference:
    """A part in which a definition differs from the first one, and what SSIM it has there and here.

    `change` is by how much SSIM changes with this part, after those before it; None where the image
    is too small for a definition on the way.
    """

    part: str
    here: str
    there: str
    change: float | None


@dataclass(frozen=True)
class Explained:
    """One definition on the pair; `ssim` is None where the image is too small, as `reason` says."""

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
    """All definitions on one pair, the one that the others are held against first."""

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
