"""Bands of rows: how an image too large to be held at once is scored piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssimtool.catalog import Definition


@dataclass(frozen=True)
class Band:
    """`core` are the rows of the image that the band scores, `source` those that their windows
    need as well, `kept` the rows of the SSIM map of `source` that belong to the core."""

    core: slice
    source: slice
    kept: slice


def bands(height: int, rows: int, definition: Definition) -> Iterator[Band]:
    """The bands of an image: each row and each window belongs to exactly one of them.

    Args:
        height: of the image.
        rows: of a band, about: four windows high at least.
        definition: whose window and border decide what a band needs.

    Yields:
        bands, from the top; one alone is the whole image.
    """
    size, margin = definition.window_size, definition.window_size // 2
    step = max(rows, 4 * size)
    # A map of windows inside the image begins and ends `margin` rows before the image does.
    inset = margin if definition.border == "valid" else 0
    start = 0
    while start < height:
        stop = start + step if start + step + size <= height else height
        low, high = max(start - margin, 0), min(stop + margin, height)
        first = max(start, inset) - inset - low
        last = min(stop, height - inset) - inset - low
        yield Band(slice(start, stop), slice(low, high), slice(first, last))
        start = stop
