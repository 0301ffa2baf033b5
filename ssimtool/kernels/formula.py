"""Numbers of a definition of SSIM. Does not load torch, which kernels on arrays do not need."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ssimtool.catalog import SCALE_WEIGHTS, Border, Definition


@dataclass(frozen=True)
class Formula:
    """Numbers of a definition: window weights along one axis, border, constants and downsampling.

    `downsample` is the factor by which both images are downsampled first.
    """

    weights: tuple[float, ...]
    border: Border
    data_range: float
    k1: float
    k2: float
    downsample: int = 1

    @property
    def margin(self) -> int:
        """The number of pixels by which the border extends the image on each side."""
        return 0 if self.border == "valid" else len(self.weights) // 2

    @property
    def shrink(self) -> int:
        """The number of rows and columns by which the map is smaller than the image."""
        return len(self.weights) - 1 - 2 * self.margin


NO_WINDOW = Formula((1.0,), "valid", 1.0, 1.0, 1.0)  # for passes without SSIM


def formula_of(definition: Definition, data_range: float) -> Formula:
    """Return the numbers of a definition whose downsampling factor is known.

    The factor N/(N − 1) of the sample covariance is in the numerator and in the denominator of
    contrast_structure. Dividing c2 by it has the same effect.

    Raises:
        ValueError: the downsampling factor is None; call `Definition.for_size` first.
    """
    if definition.downsample is None:
        raise ValueError("downsample is None: expected a number, as from `Definition.for_size`")
    k2 = definition.k2
    if definition.covariance == "sample":
        pixels = definition.window_size**2
        k2 *= math.sqrt((pixels - 1) / pixels)
    weights, data_range = window_weights(definition), float(data_range)
    border, factor = definition.border, definition.downsample
    return Formula(weights, border, data_range, definition.k1, k2, factor)


def window_weights(definition: Definition) -> tuple[float, ...]:
    """Return the weights of the window of a definition along one axis."""
    size, sigma = definition.window_size, definition.sigma
    if definition.window == "uniform" or sigma is None:
        return (1 / size,) * size
    return gaussian_weights(size, sigma)


def gaussian_weights(window_size: int, sigma: float) -> tuple[float, ...]:
    """Return the weights exp(−(i − centre)² / (2 sigma²)), divided by their sum."""
    centre = (window_size - 1) / 2
    weights = [math.exp(-((i - centre) ** 2) / (2 * sigma**2)) for i in range(window_size)]
    total = math.fsum(weights)
    return tuple(w / total for w in weights)


def smallest_side(definition: Definition) -> int:
    """Return the smallest height and width in pixels that a definition can be computed on.

    The downsampling factor must be known; None is treated as 1.
    """
    margin = definition.window_size // 2
    return (definition.downsample or 1) * {
        "valid": definition.window_size,
        "zero": 1,
        "mirror": margin + 1,
        "symmetric": max(1, margin),
    }[definition.border]


def formula_of_scales(definition: Definition, data_range: float) -> Formula:
    """Return the numbers of a definition at each scale of MS-SSIM, without its downsampling."""
    return formula_of(replace(definition, downsample=1), data_range)


def contrast_structure_of(formula: Formula, *, wide: bool) -> Formula:
    """Return a formula whose SSIM is only the product of contrast and structure.

    Args:
        formula: the formula of SSIM.
        wide: whether it is computed in float64; otherwise float32.
    """
    # With c1 far above any squared mean, 1 − luminance is at most 1 / k1²: 1e-12, or 1e-24 in
    # float64. Both are below the last digit of the luminance of the last scale. A larger k1 would
    # cost range: the kernels hold c1·q, up to k1²·L⁴, which must stay below 3e38 in float32. With
    # k1 = 1e6 it does for L up to 4e6; beyond, plain torch computes.
    k1 = 1e12 if wide else 1e6
    # without dataclasses.replace, which torch.compile of torch 2.6 cannot trace
    parts = formula.border, formula.data_range, k1, formula.k2, formula.downsample
    return Formula(formula.weights, *parts)


def scale_weights(scales: int) -> tuple[float, ...]:
    """Return the weights of the first scales of MS-SSIM.

    With fewer than all scales, the weights are divided by their sum.

    Raises:
        ValueError: the number of scales is outside 1 to 5.

    >>> scale_weights(1)
    (1.0,)
    """
    if scales not in range(1, len(SCALE_WEIGHTS) + 1):
        raise ValueError(f"scales is {scales}: expected 1 to {len(SCALE_WEIGHTS)}")
    weights = SCALE_WEIGHTS[:scales]
    if scales == len(SCALE_WEIGHTS):  # they sum to 1.0001, as published
        return weights
    total = math.fsum(weights)
    return tuple(w / total for w in weights)


def smallest_side_of_scales(definition: Definition, scales: int) -> int:
    """Return the smallest height and width in pixels for a definition at a number of scales.

    Each scale is half of the previous one, rounded up.

    >>> from ssimtool.catalog import DEFINITIONS
    >>> smallest_side_of_scales(DEFINITIONS["wang2004"], 5)  # 161, 81, 41, 21, 11
    161
    """
    side = smallest_side(replace(definition, downsample=1))
    return ((side - 1) << (scales - 1)) + 1
