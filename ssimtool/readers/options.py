"""Options for reading a pair. Standard library only, so that writing records loads no reader."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ssimtool.settings import Background, Channels, ImageLayout, ValueRange


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Options for reading a pair. Those that can change a result are recorded."""

    channels: Channels = "rgb"
    data_range: float | None = None
    value_range: ValueRange | None = None
    background: Background = "checker"
    resize: bool = False
    frame: int | None = None
    max_pixels: int = field(
        default=2**29, metadata={"recorded": False}
    )  # a limit changes no result
    max_bytes: int | None = field(default=None, metadata={"recorded": False})
    layout: ImageLayout = "auto"


# Names of the recorded options, in the order of the record.
RECORDED = tuple(f.name for f in fields(Reading) if f.metadata.get("recorded", True))


def unrecorded(options: Reading) -> dict[str, Any]:
    """Options that are limits of what is read, which a record does not hold."""
    return {f.name: getattr(options, f.name) for f in fields(Reading) if f.name not in RECORDED}


def recorded(options: Reading) -> dict[str, Any]:
    """Options that can change a result, as a record holds them."""
    return {name: getattr(options, name) for name in RECORDED}
