"""Metrics with a weight for each pixel: SSIM by normalised convolution, and weighted errors.

With weights m of the pixels, the window w at each position becomes w·m / Σ(w·m), and all local
moments use it (Knutsson, Westin 1993, "Normalized and differential convolution",
doi:10.1109/CVPR.1993.341081). The score is the mean over the windows in the region of the
definition, each weighted by the pixel at its centre. A border extends the weights in the same way
as the image; the zeros of the border `zero` have the largest weight of the image.

For the sample covariance, N is the effective number of pixels, (Σ w·m)² / Σ (w·m)², relative to
that of the unweighted window: N = size² · blur(m)² / blur(m²). For weights 0 and 1 under a uniform
window this is the number of pixels of weight 1. A single pixel has no variance.

The formula uses sums and differences, as in `ssimtool.kernels.plain.ssim`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from ssimtool.catalog import Definition
from ssimtool.kernels.formula import Formula, formula_of
from ssimtool.kernels.plain.blocks import (
    CPU_BLOCK,
    GPU_BLOCK,
    Block,
    blocks,
    has_values,
    joined,
    sum_dtype,
    summed,
    wants_grad,
)
from ssimtool.kernels.plain.windows import blur, extend


def weighted_losses(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float
) -> Tensor:
    """Return the weighted mean of 1 − ssim of each channel, (N, C).

    All is computed in float64 if the device has it, as in `ssimtool.kernels.plain.ssim`.

    Args:
        x, y: (N, C, H, W), at least as large as the definition requires.
        weight: (N, 1, H, W), as returned by `settled_weight`.
        definition: a definition for the size of the images.
        data_range: the dynamic range of the samples.

    Raises:
        ValueError: no window of an image has a centre of weight above 0.
    """
    maps = _loss_maps(x, y, weight, definition, data_range)
    parts = summed(
        (b, torch.cat(((loss * centre).sum(dim=(2, 3)), centre.sum(dim=(2, 3))), dim=1))
        for b, loss, centre in maps
    )
    total, weight_sum = parts[:, :-1], parts[:, -1:]
    if has_values() and bool((weight_sum <= 0).any()):
        raise ValueError(
            f"no window of {definition.window_size} pixels with the border {definition.border!r} "
            "has a centre of weight above 0: expected one, further from the edges of the image"
        )
    return total / weight_sum


def weighted_map(
    x: Tensor,
    y: Tensor,
    weight: Tensor,
    definition: Definition,
    data_range: float,
    dtype: torch.dtype,
) -> Tensor:
    """Return the SSIM map with weighted windows; 1 where all weights under the window are 0.

    The arguments are those of `weighted_losses`, and the dtype of the result.
    """
    formula = formula_of(definition, data_range)
    h, w = (length // formula.downsample - formula.shrink for length in x.shape[2:])
    maps = _loss_maps(x, y, weight, definition, data_range)
    return joined(((b, 1 - loss) for b, loss, _ in maps), (*x.shape[:2], h, w), x, dtype)


def weighted_mean(
    x: Tensor, y: Tensor, weight: Tensor, function: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> Tensor:
    """Return the weighted mean of a function of x − y over pixels and channels, (N,)."""
    scale, sums = _largest(weight), sum_dtype(x)

    def sums_of(block: Block) -> Tensor:
        part = (block.images, slice(None), block.source)
        m = _scaled(weight[part], scale[block.images], dtype)
        x_block, y_block = (_cleared(image[part].to(dtype), m) for image in (x, y))
        terms = function(x_block - y_block) * m
        return torch.stack([v.sum(dim=(1, 2, 3), dtype=sums) for v in (terms, m)], dim=1)

    total, weight_sum = summed((b, sums_of(b)) for b in blocks(x, y)).unbind(dim=1)
    return total / (weight_sum * x.shape[1])


@dataclass(frozen=True)
class _Window:
    """A formula, and whether it uses the sample covariance."""

    formula: Formula
    sample: bool


def _loss_maps(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float
) -> Iterator[tuple[Block, Tensor, Tensor]]:
    """Yield 1 − ssim of every window and the weight of its centre, block by block."""
    # The factor of the sample covariance depends on the weights under each window.
    formula = formula_of(replace(definition, covariance="population"), data_range)
    dtype = sum_dtype(x)
    window = _Window(formula, definition.covariance == "sample")
    scale = _largest(weight)
    if formula.downsample > 1:
        x, y, weight = _reduced(x, y, weight, scale, formula.downsample, dtype)
        scale = torch.ones_like(scale, dtype=dtype)
    margin, size = formula.margin, len(formula.weights)
    for block in blocks(x, y, window_size=size, margin=margin):
        part = (block.images, slice(None), block.source)
        m = _scaled(weight[part], scale[block.images], dtype)
        x_block, y_block = (_cleared(image[part].to(dtype), m) for image in (x, y))
        x_block, y_block = (
            extend(i, formula.border, sides=margin, top=block.top, bottom=block.bottom)
            for i in (x_block, y_block)
        )
        m = _extended(m, formula, block)
        inner = slice(size // 2, -(size // 2) or None)
        yield block, _loss_map(x_block, y_block, m, window), m[:, :, inner, inner]


def _loss_map(x: Tensor, y: Tensor, m: Tensor, window: _Window) -> Tensor:
    """Return A + B − A·B of every window inside x and y, as in `ssimtool.kernels.plain.ssim`."""
    formula = window.formula
    c1, c2 = ((k * formula.data_range) ** 2 for k in (formula.k1, formula.k2))
    norm = blur(m, formula.weights)
    is_weighted = norm > 0
    norm = norm.where(is_weighted, 1)  # without any weight, all sums are 0

    def mean(v: Tensor) -> Tensor:
        return blur(m * v, formula.weights) / norm

    s, d = x + y, x - y
    centre_s, centre_d = _centre(s, m), _centre(d, m)
    s, d = s - centre_s, d - centre_d
    mu_s, mu_d = mean(s), mean(d)
    sigma_s_sq = (mean(s.square()) - mu_s.square()).clamp(min=0)
    sigma_d_sq = (mean(d.square()) - mu_d.square()).clamp(min=0)
    limit: float | Tensor = c2
    if window.sample:  # c2·(N − 1)/N replaces N/(N − 1) in numerator and denominator
        rest = 1 - mean(m) / norm / len(formula.weights) ** 2
        # With almost one effective pixel, the variances consist of rounding only.
        is_single = rest <= math.sqrt(torch.finfo(rest.dtype).eps)
        limit = (c2 * rest).where(~is_single, c2)
        sigma_s_sq, sigma_d_sq = (v.where(~is_single, 0) for v in (sigma_s_sq, sigma_d_sq))
    mu_s_sq, mu_d_sq = (
        (mu + centre * is_weighted).square() for mu, centre in ((mu_s, centre_s), (mu_d, centre_d))
    )
    a = mu_d_sq / ((mu_s_sq + mu_d_sq) / 2 + c1)
    b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) / 2 + limit)
    return a + b - a * b


def _centre(v: Tensor, m: Tensor) -> Tensor:
    """Return the weighted mean of each plane, a constant for autograd."""
    v, m = v.detach(), m.detach()
    total = m.sum(dim=(2, 3), keepdim=True)
    return (m * v).sum(dim=(2, 3), keepdim=True) / total.where(total > 0, 1)


def _largest(weight: Tensor) -> Tensor:
    """Return the largest weight of each image, (N, 1, 1, 1)."""
    return weight.amax((1, 2, 3), keepdim=True)


def _scaled(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the weights relative to the largest, so that their squares do not overflow."""
    if weight.is_floating_point():
        return (weight / scale).to(dtype)
    return weight.to(dtype) / scale.to(dtype)


def _cleared(image: Tensor, m: Tensor) -> Tensor:
    """Set samples of weight 0 to 0, even NaN, unless the weight requires a gradient."""
    return image if m.requires_grad else image.where(m > 0, 0)


def _extended(m: Tensor, formula: Formula, block: Block) -> Tensor:
    margin = formula.margin
    if formula.border == "zero":
        return pad(m, (margin, margin, block.top, block.bottom), value=1)
    return extend(m, formula.border, sides=margin, top=block.top, bottom=block.bottom)


def _reduced(
    x: Tensor, y: Tensor, weight: Tensor, scale: Tensor, factor: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Return both images and the weights, downsampled by a factor.

    Each block of factor × factor pixels becomes its weighted mean, or 0 without any weight.
    """
    n, c, h, w = x.shape
    rows = h
    if not wants_grad(x, y):
        size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
        rows = max(1, size // (n * c * w * factor)) * factor
    bands: list[tuple[Tensor, Tensor, Tensor]] = []
    for at in range(0, h // factor * factor, rows):
        band = slice(at, at + rows)
        m = _scaled(weight[:, :, band], scale, dtype)
        small_m = avg_pool2d(m, factor)
        norm = small_m.where(small_m > 0, 1)
        small_x, small_y = (
            avg_pool2d(m * _cleared(i[:, :, band].to(dtype), m), factor) / norm for i in (x, y)
        )
        bands.append((small_x, small_y, small_m))
    small_x, small_y, small_m = (torch.cat(parts, dim=2) for parts in zip(*bands, strict=True))
    return small_x, small_y, small_m
