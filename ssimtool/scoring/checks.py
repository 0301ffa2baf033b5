"""Whether a pair can be scored as it is asked for, and whether what was found are numbers."""

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


def check_requested(asked: Sequence[str], pair: Pair, how: CompareSettings) -> None:
    """Whether the images are large enough, and enough of them counts, for some metrics.

    Args:
        asked: names of metrics.
        pair: the images.
        how: the definition, the scales and the backend.

    Raises:
        SsimtoolError: `too_small`, `empty_mask`, or `unsupported` for what takes no mask.
    """
    takes = [find_metric(name).takes for name in asked]
    structure = any("definition" in t and "scales" not in t for t in takes)
    if any("scales" in t for t in takes):
        _check_scales(pair, how)
    if structure:
        check_size(pair, how.definition)
    for name in asked:
        _check_smallest_side(name, pair)
    if pair.region:
        _check_region(asked, pair, how, structure=structure)


def check_numbers(found: dict[str, float], pair: Pair) -> None:
    """Whether floats hold what was found.

    Raises:
        SsimtoolError: `non_finite`, or `plugin` of a metric of another package.
    """
    for name, value in found.items():
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
            "options whose squares are numbers; look at --data-range, --k1 and --k2",
        )


def check_size(pair: Pair, definition: Definition) -> None:
    """Whether the images are as large as the window.

    Raises:
        SsimtoolError: `too_small`.
    """
    height, width, _ = pair.reference.shape
    smallest = smallest_side(definition.for_size(height, width))
    if min(height, width) < smallest:
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{smallest}x{smallest} for a window of {definition.window_size}; give larger images, "
            "another --definition or a smaller --window-size",
        )


def _check_smallest_side(name: str, pair: Pair) -> None:
    height, width, _ = pair.reference.shape
    side = find_metric(name).smallest_side
    if min(height, width) < side:
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{side}x{side} for {name}; give larger images, or leave {name} out",
        )


def _check_scales(pair: Pair, how: CompareSettings) -> None:
    height, width, _ = pair.reference.shape
    smallest = [smallest_side_of_scales(how.definition, n + 1) for n in range(how.scales)]
    most = sum(min(height, width) >= side for side in smallest)
    if most < how.scales:
        other = f"--scales {most}" if most else "a smaller --window-size"
        raise SsimtoolError(
            "too_small",
            f"{shown(pair.reference_path)}: is {width}x{height} pixels, expected at least "
            f"{smallest[-1]}x{smallest[-1]} for ms_ssim of {how.scales} scales with a window of "
            f"{how.definition.window_size}; give larger images, or {other}",
        )


def _check_region(
    asked: Sequence[str], pair: Pair, how: CompareSettings, *, structure: bool
) -> None:
    """Whether all that is asked for can be told of what counts."""
    without = [name for name in asked if "weight" not in find_metric(name).takes]
    where = shown(pair.region.mask or pair.reference_path)
    if without or how.backend == "fused":
        others = ", ".join(name for name in METRIC_NAMES if "weight" in find_metric(name).takes)
        what, expected = (without[0], others) if without else ("the backend fused", "torch")
        raise SsimtoolError(
            "unsupported",
            f"{where}: {what} takes no mask and no region, expected {expected}; leave it out, or "
            "the mask and the regions",
        )
    if pair.weight is None or not structure:
        return
    height, width = pair.weight.shape
    definition = how.definition.for_size(height, width)
    factor, margin = definition.downsample or 1, definition.window_size // 2
    margin = margin if definition.region == "valid" else 0
    rows, columns = (
        slice(factor * margin, factor * (length // factor - margin)) for length in (height, width)
    )
    if not pair.weight[rows, columns].any():
        raise SsimtoolError(
            "empty_mask",
            f"{where}: no window of {definition.window_size} pixels inside the image lies around a "
            f"pixel that counts, expected one {factor * margin} pixels from the edges or further; "
            "give another --border or --definition, or let more count",
        )
