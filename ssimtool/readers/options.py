"""The options of reading a pair. Standard library only: what writes records needs no reader."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ssimtool.settings import Background, Channels, ImageLayout


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a pair is read. What can change a number is recorded; the limit of pixels cannot."""

    channels: Channels = "rgb"
    data_range: float | None = None
    background: Background = "checker"
    resize: bool = False
    frame: int | None = None
    max_pixels: int = field(default=2**29, metadata={"recorded": False})
    layout: ImageLayout = "auto"


# The names of the options that are recorded, in the order of the record.
RECORDED = tuple(f.name for f in fields(Reading) if f.metadata.get("recorded", True))


def recorded(how: Reading) -> dict[str, Any]:
    """The options that can change a number, as they are recorded."""
    return {name: getattr(how, name) for name in RECORDED}
