"""Checks that a pair can be scored as requested, and that the scores are finite numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ssimtool.catalog import Definition
from ssimtool.errors import SsimtoolError
from ssimtool.kernels.formula import smallest_side, smallest_side_of_scales
from ssimtool.plugins import METRIC_NAMES, find_metric, plugin_words
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Pair
from ssimtool.settings import CompareSettings


def check_requested(names: Sequence[str], pair: Pair, settings: CompareSettings) -> None:
    """Check that the images and their region of interest are large enough for some metrics.

    Args:
        names: names of the metrics.
        pair: the images.
        settings: the definition, the scales and the backend.

    Raises:
        SsimtoolError: `too_small`; `empty_mask`; `unsupported`, a metric or the backend takes no
            mask.
    """
    takes = [find_metric(name).takes for name in names]
    structure = any("definition" in t and "scales" not in t for t in takes)
    if any("scales" in t for t in takes):
        _check_scales(pair, settings)
    if structure:
        check_size(pair, settings.definition)
    for name in names:
        _check_smallest_side(name, pair)
    if pair.region:
        _check_region(names, pair, settings, structure=structure)


def check_numbers(numbers: dict[str, float], pair: Pair) -> None:
    """Check that the scores of a pair are finite.

    Raises:
        SsimtoolError: `non_finite`, or `plugin` if the metric is that of a plug-in.
    """
    for name, value in numbers.items():
        row = find_metric(name)
        if math.isfinite(value) or value == row.highest:
            continue
        if row.distribution is not None:
            raise SsimtoolError(
                "plugin",
                f"{shown(pair.distorted_path)}: {plugin_words(row, f'returned {value}')}",
            )
        raise SsimtoolError(
            "non_finite",
            f"{shown(pair.distorted_path)}: its {name} is not finite, expected samples and "
            "options whose squares are finite; check --data-range, --k1 and --k2",
        )


def check_size(pair: Pair, definition: Definition) -> None:
    """Check that the images are at least as large as the window.

    Raises:
        SsimtoolError: `too_small`.
    """
    height, width, _ = pair.reference.shape
    smallest = smallest_side(definition.for_size(height, width))
    if min(height, width) < smallest:
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{smallest}x{smallest} for a window of {definition.window_size}; pass larger images, "
            "another --definition or a smaller --window-size",
        )


def _check_smallest_side(name: str, pair: Pair) -> None:
    height, width, _ = pair.reference.shape
    side = find_metric(name).smallest_side
    if min(height, width) < side:
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{side}x{side} for {name}; pass larger images, or leave {name} out",
        )


def _check_scales(pair: Pair, settings: CompareSettings) -> None:
    height, width, _ = pair.reference.shape
    smallest = [smallest_side_of_scales(settings.definition, n + 1) for n in range(settings.scales)]
    most = sum(min(height, width) >= side for side in smallest)
    if most < settings.scales:
        other = f"--scales {most}" if most else "a smaller --window-size"
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{smallest[-1]}x{smallest[-1]} for ms_ssim of {settings.scales} scales with a window "
            f"of {settings.definition.window_size}; pass larger images, or {other}",
        )


def _check_region(
    names: Sequence[str], pair: Pair, settings: CompareSettings, *, structure: bool
) -> None:
    """Check that the requested metrics and the backend support the region of interest."""
    without = [name for name in names if "weight" not in find_metric(name).takes]
    source = shown(pair.region.mask or pair.reference_path)
    if without or settings.backend == "fused":
        others = ", ".join(name for name in METRIC_NAMES if "weight" in find_metric(name).takes)
        unsupported, expected = (without[0], others) if without else ("the backend fused", "torch")
        raise SsimtoolError(
            "unsupported",
            f"{source}: {unsupported} takes no mask and no region, expected {expected}; leave it "
            "out, or the mask and the regions",
        )
    if pair.weight is None or not structure:
        return
    height, width = pair.weight.shape
    definition = settings.definition.for_size(height, width)
    factor, margin = definition.downsample or 1, definition.window_size // 2
    margin = margin if definition.region == "valid" else 0
    rows, columns = (
        slice(factor * margin, factor * (length // factor - margin)) for length in (height, width)
    )
    if not pair.weight[rows, columns].any():
        raise SsimtoolError(
            "empty_mask",
            f"{source}: no window inside the image has its centre in the mask or the regions, "
            f"expected a pixel of theirs at least {factor * margin} pixels from the edges; "
            "pass another --border or --definition, or a larger mask or region",
        )
