"""Checks of the arguments of SSIM and MS-SSIM."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ssimtool.catalog import Definition, find_definition
from ssimtool.kernels.formula import Formula, formula_of, smallest_side, smallest_side_of_scales
from ssimtool.kernels.plain.blocks import check_pair, computing_dtype
from ssimtool.metrics.ranges import DataRange, computed_in, settled_range

REMEMBERED = 256  # formulas


class Checked(NamedTuple):
    """Arguments after their check: the images in the unit of their range `data_range`, the
    definition for their size, and the dtypes of the computation and of the result."""

    x: Tensor
    y: Tensor
    data_range: float
    definition: Definition
    dtype: torch.dtype
    of_result: torch.dtype


def checked(
    x: Tensor,
    y: Tensor,
    data_range: DataRange,
    definition: str | Definition,
    dtype: torch.dtype | None,
) -> Checked:
    """Return the checked arguments of SSIM; they are those of `ssimtool.metrics.ssim.ssim`.

    Raises:
        TypeError, ValueError: an argument is not what the metric takes.
    """
    check_pair(x, y)
    of_result = computing_dtype(x, y, dtype=dtype)
    x, y, limit = settled_range(x, y, data_range)
    definition = find_definition(definition).for_size(*x.shape[2:])
    needed = smallest_side(definition)
    if min(x.shape[2:]) < needed:
        raise ValueError(
            f"the images are {x.shape[3]}x{x.shape[2]} pixels: expected at least {needed}x{needed} "
            f"for a window of {definition.window_size} with the border {definition.border!r}"
        )
    dtype = computed_in(data_range, x, of_result)
    return Checked(x, y, limit, definition, dtype, of_result)


def formula_for(definition: Definition, data_range: float) -> Formula:
    """Return `formula_of`, which takes as long as a tenth of a small image, only once."""
    if torch.compiler.is_compiling():  # it would trace what is remembered, with a warning
        return formula_of(definition, data_range)
    return _remembered(definition, data_range)


_remembered = lru_cache(maxsize=REMEMBERED)(formula_of)


def check_size_of_scales(x: Tensor, definition: Definition, scales: int) -> None:
    """Check that images, (N, C, H, W), are large enough for a number of scales of MS-SSIM.

    Raises:
        ValueError: they are not.
    """
    height, width = x.shape[2:]
    needed = smallest_side_of_scales(definition, scales)
    if min(height, width) < needed:
        raise ValueError(
            f"the images are {width}x{height} pixels: expected at least {needed}x{needed} for "
            f"{scales} scales of a window of {definition.window_size} with the border "
            f"{definition.border!r}, or fewer scales"
        )
