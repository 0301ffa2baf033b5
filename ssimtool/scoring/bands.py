"""Bands of rows, for scoring an image piece by piece that is too large to be scored at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ssimtool.catalog import Definition


@dataclass(frozen=True)
class Band:
    """One band of an image.

    Args:
        core: the rows of the image that the band scores.
        source: the rows that the windows of the core cover.
        kept: the rows of the SSIM map of `source` that belong to the core.
    """

    core: slice
    source: slice
    kept: slice


def bands(height: int, rows: int, definition: Definition) -> Iterator[Band]:
    """Yield the bands of an image; each row and each window belongs to exactly one band.

    Args:
        height: height of the image.
        rows: approximate height of a band; a band is at least four windows high.
        definition: its window, border and downsampling determine the rows that a band needs.

    Yields:
        bands, from top to bottom; a single band is the whole image. If the definition downsamples
        the image, `kept` refers to the map of the downsampled image.
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
    # A map of windows inside the image lacks `margin` rows at the top and at the bottom.
    inset = margin if definition.border == "valid" else 0
    start = 0
    while start < height:
        stop = start + step if start + step + size <= height else height
        low, high = max(start - margin, 0), min(stop + margin, height)
        first = max(start, inset) - inset - low
        last = min(stop, height - inset) - inset - low
        yield Band(slice(start, stop), slice(low, high), slice(first, last))
        start = stop
