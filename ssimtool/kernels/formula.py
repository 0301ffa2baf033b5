"""A definition of SSIM as numbers. Loads no torch: the kernels need none on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ssimtool.catalog import SCALE_WEIGHTS, Border, Definition


@dataclass(frozen=True)
class Formula:
    """Which SSIM, by its numbers: the weights along one axis, the border, the constants, and the
    factor by which both images are reduced first."""

    weights: tuple[float, ...]
    border: Border
    data_range: float
    k1: float
    k2: float
    downsample: int = 1

    @property
    def margin(self) -> int:
        """The pixels by which the border extends the image on each side."""
        return 0 if self.border == "valid" else len(self.weights) // 2

    @property
    def shrink(self) -> int:
        """The rows and columns by which the map is smaller than the image."""
        return len(self.weights) - 1 - 2 * self.margin


NO_WINDOW = Formula((1.0,), "valid", 1.0, 1.0, 1.0)  # where SSIM is left out


def formula_of(definition: Definition, data_range: float) -> Formula:
    """The numbers of a definition, of which the size of the images has been settled.

    The factor N/(N − 1) of the sample covariance stands in numerator and denominator of
    contrast_structure, so dividing c2 by it is the same.
    """
    if definition.downsample is None:
        raise ValueError("downsample is None: expected a definition made `for_size`")
    k2 = definition.k2
    if definition.covariance == "sample":
        pixels = definition.window_size**2
        k2 *= math.sqrt((pixels - 1) / pixels)
    weights, data_range = window_weights(definition), float(data_range)
    border, factor = definition.border, definition.downsample
    return Formula(weights, border, data_range, definition.k1, k2, factor)


def window_weights(definition: Definition) -> tuple[float, ...]:
    """The weights of a definition's window along one axis."""
    size, sigma = definition.window_size, definition.sigma
    if definition.window == "uniform" or sigma is None:
        return (1 / size,) * size
    return gaussian_weights(size, sigma)


def gaussian_weights(window_size: int, sigma: float) -> tuple[float, ...]:
    """exp(−(i − centre)² / (2 sigma²)), divided by their sum."""
    centre = (window_size - 1) / 2
    weights = [math.exp(-((i - centre) ** 2) / (2 * sigma**2)) for i in range(window_size)]
    total = math.fsum(weights)
    return tuple(w / total for w in weights)


def smallest_side(definition: Definition) -> int:
    """The smallest height and width in pixels that a definition can be computed on, once what it
    is reduced by is settled."""
    margin = definition.window_size // 2
    return (definition.downsample or 1) * {
        "valid": definition.window_size,
        "zero": 1,
        "mirror": margin + 1,
        "symmetric": max(1, margin),
    }[definition.border]


def formula_of_scales(definition: Definition, data_range: float) -> Formula:
    """The numbers of a definition at each scale of MS-SSIM: the scales are the downsampling."""
    return formula_of(replace(definition, downsample=1), data_range)


def contrast_structure_of(formula: Formula, *, wide: bool) -> Formula:
    """The formula whose SSIM is the contrast and the structure alone.

    Args:
        formula: of SSIM.
        wide: whether it is computed in float64, else in float32.
    """
    # With c1 far above any squared mean, 1 − luminance is at most 1 / k1²: 1e-12 in units of what
    # the last scale says of the luminance, or 1e-24, either below the last digit. More would cost
    # range: the kernels hold c1·q, up to k1²·L⁴, which has to stay below 3e38 in float32. With 1e6
    # it does for L up to 4e6, beyond which plain torch computes.
    return replace(formula, k1=1e12 if wide else 1e6)


def scale_weights(scales: int) -> tuple[float, ...]:
    """The weights of the first so many scales of MS-SSIM, divided by their sum where some are left
    out.

    Raises:
        ValueError: no such number of scales.

    >>> scale_weights(1)
    (1.0,)
    """
    if scales not in range(1, len(SCALE_WEIGHTS) + 1):
        raise ValueError(f"scales is {scales}: expected 1 to {len(SCALE_WEIGHTS)}")
    weights = SCALE_WEIGHTS[:scales]
    if scales == len(SCALE_WEIGHTS):  # they sum to 1.0001, as everywhere
        return weights
    total = math.fsum(weights)
    return tuple(w / total for w in weights)


def smallest_side_of_scales(definition: Definition, scales: int) -> int:
    """The smallest height and width in pixels that a definition can be computed on at so many
    scales, each half of the one before, rounded up.

    >>> from ssimtool.catalog import DEFINITIONS
    >>> smallest_side_of_scales(DEFINITIONS["wang2004"], 5)  # 161, 81, 41, 21, 11
    161
    """
    side = smallest_side(replace(definition, downsample=1))
    return ((side - 1) << (scales - 1)) + 1
