"""Bands of rows: how an image too large to be held at once is scored piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
        definition: whose window, border and reduction decide what a band needs.

    Yields:
        bands, from the top; one alone is the whole image. The map is that of the reduced image
        where the definition reduces it.
    """
    factor = definition.downsample or 1
    if factor > 1:
        below = height // factor
        for band in bands(below, rows // factor, replace(definition, downsample=1)):
            core, source = (
                slice(part.start * factor, part.stop * factor if part.stop < below else height)
                for part in (band.core, band.source)
            )
            yield Band(core, source, band.kept)
        return
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
