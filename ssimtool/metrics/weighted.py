"""The metrics over the pixels that count, each with a weight: SSIM by normalised convolution.

With weights m of the pixels, the window w at each position is reweighted to what counts under it,
w·m / Σ(w·m), and all local moments are taken with that (Knutsson, Westin 1993, "Normalized and
differential convolution", doi:10.1109/CVPR.1993.341081). The score is the mean over the windows of
the definition's own region, each with the weight of the pixel at its centre. A border extends the
weights as it extends the image; the zeros of `zero` count as much as the pixels that count most.

The sample covariance takes for N the effective number of pixels, (Σ w·m)² / Σ (w·m)², relative to
that of the bare window: N = size² · blur(m)² / blur(m²), which for weights 0 and 1 under a uniform
window is how many count. Where one alone does there is no variance.

The form by sums and differences is that of `ssimtool.kernels.plain.ssim`.
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
    sum_dtype,
    wants_grad,
)
from ssimtool.kernels.plain.windows import blur, extend


def weighted_losses(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float, of: torch.dtype
) -> Tensor:
    """The weighted mean of 1 − ssim of each channel, (N, C), summed in float64 where there is one.

    Args:
        x, y: (N, C, H, W), as large as the definition needs.
        weight: (N, 1, H, W), settled.
        definition: of which the size of the images has been settled.
        data_range: of the samples.
        of: the dtype to compute in.

    Raises:
        ValueError: no window of an image lies around a pixel that counts.
    """
    n, c = x.shape[:2]
    total = torch.zeros((n, c), dtype=sum_dtype(x), device=x.device)
    counted = torch.zeros((n, 1), dtype=sum_dtype(x), device=x.device)
    for block, loss, centre in _loss_maps(x, y, weight, definition, data_range, of):
        total[block.images] += (loss * centre).sum(dim=(2, 3), dtype=total.dtype)
        counted[block.images] += centre.sum(dim=(2, 3), dtype=total.dtype)
    if not torch.compiler.is_compiling() and bool((counted <= 0).any()):
        raise ValueError(
            f"no window of {definition.window_size} pixels with the border {definition.border!r} "
            "lies around a pixel that counts: expected one, further from the edges of the image"
        )
    return total / counted


def weighted_map(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float, of: torch.dtype
) -> Tensor:
    """The SSIM map, every window reweighted to what counts under it; 1 where nothing does.

    Args: as `weighted_losses`.
    """
    formula = formula_of(definition, data_range)
    h, w = (length // formula.downsample - formula.shrink for length in x.shape[2:])
    result = torch.empty((*x.shape[:2], h, w), dtype=of, device=x.device)
    for block, loss, _ in _loss_maps(x, y, weight, definition, data_range, of):
        result[block.images, :, block.rows] = 1 - loss
    return result


def weighted_mean(
    x: Tensor, y: Tensor, weight: Tensor, of: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> Tensor:
    """The weighted mean of a function of x − y over the pixels and the channels, (N,)."""
    total = torch.zeros(x.shape[0], dtype=sum_dtype(x), device=x.device)
    counted = torch.zeros_like(total)
    scale = _largest(weight)
    for block in blocks(x, y):
        where = (block.images, slice(None), block.source)
        m = _scaled(weight[where], scale[block.images], dtype)
        near, far = (_cleared(image[where].to(dtype), m) for image in (x, y))
        total[block.images] += (of(near - far) * m).sum(dim=(1, 2, 3), dtype=total.dtype)
        counted[block.images] += m.sum(dim=(1, 2, 3), dtype=total.dtype)
    return total / (counted * x.shape[1])


@dataclass(frozen=True)
class _Window:
    """A formula, and whether its second moments are those of a sample."""

    formula: Formula
    sample: bool


def _loss_maps(
    x: Tensor, y: Tensor, weight: Tensor, definition: Definition, data_range: float, of: torch.dtype
) -> Iterator[tuple[Block, Tensor, Tensor]]:
    """1 − ssim under every window and the weight of its centre, block by block."""
    # The factor of the sample covariance depends on what counts under each window.
    formula = formula_of(replace(definition, covariance="population"), data_range)
    window = _Window(formula, definition.covariance == "sample")
    scale = _largest(weight)
    if formula.downsample > 1:
        x, y, weight = _reduced(x, y, weight, scale, formula.downsample, of)
        scale = torch.ones_like(scale, dtype=of)
    margin, size = formula.margin, len(formula.weights)
    for block in blocks(x, y, window_size=size, margin=margin):
        where = (block.images, slice(None), block.source)
        m = _scaled(weight[where], scale[block.images], of)
        near, far = (_cleared(image[where].to(of), m) for image in (x, y))
        near, far = (
            extend(i, formula.border, sides=margin, top=block.top, bottom=block.bottom)
            for i in (near, far)
        )
        m = _extended(m, formula, block)
        inner = slice(size // 2, -(size // 2) or None)
        yield block, _loss_map(near, far, m, window), m[:, :, inner, inner]


def _loss_map(x: Tensor, y: Tensor, m: Tensor, window: _Window) -> Tensor:
    """A + B − A·B under every window that lies inside x and y, as in the module `reference`."""
    formula, data_range = window.formula, window.formula.data_range
    c1, c2 = ((k * data_range) ** 2 for k in (formula.k1, formula.k2))
    counts = blur(m, formula.weights)
    counts = counts.where(counts > 0, 1)  # where nothing counts, all sums are 0

    def mean(v: Tensor) -> Tensor:
        return blur(m * v, formula.weights) / counts

    s, d = x + y - data_range, x - y
    mu_s, mu_d = mean(s), mean(d)
    sigma_s_sq = (mean(s.square()) - mu_s.square()).clamp(min=0)
    sigma_d_sq = (mean(d.square()) - mu_d.square()).clamp(min=0)
    limit: float | Tensor = c2
    if window.sample:  # N/(N − 1) in numerator and denominator, as (N − 1)/N at c2
        rest = 1 - mean(m) / counts / len(formula.weights) ** 2
        # So few that what the variances are rounded by would be all that is left of them.
        alone = rest <= math.sqrt(torch.finfo(rest.dtype).eps)
        limit = (c2 * rest).where(~alone, c2)
        sigma_s_sq, sigma_d_sq = (v.where(~alone, 0) for v in (sigma_s_sq, sigma_d_sq))
    mu_s_sq, mu_d_sq = (mu_s + data_range).square(), mu_d.square()
    a = mu_d_sq / ((mu_s_sq + mu_d_sq) / 2 + c1)
    b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) / 2 + limit)
    return a + b - a * b


def _largest(weight: Tensor) -> Tensor:
    """The largest weight of each image, (N, 1, 1, 1)."""
    return weight.amax((1, 2, 3), keepdim=True)


def _scaled(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """The weights relative to the largest: their squares stay numbers."""
    if weight.is_floating_point():
        return (weight / scale).to(dtype)
    return weight.to(dtype) / scale.to(dtype)


def _cleared(image: Tensor, m: Tensor) -> Tensor:
    """What does not count set to 0, be it NaN; but not where the weight asks what it would be."""
    return image if m.requires_grad else image.where(m > 0, 0)


def _extended(m: Tensor, formula: Formula, block: Block) -> Tensor:
    margin = formula.margin
    if formula.border == "zero":
        return pad(m, (margin, margin, block.top, block.bottom), value=1)
    return extend(m, formula.border, sides=margin, top=block.top, bottom=block.bottom)


def _reduced(
    x: Tensor, y: Tensor, weight: Tensor, scale: Tensor, factor: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Both images, factor × factor pixels to the mean of those that count, 0 where none does, and
    the means of the weights."""
    n, c, h, w = x.shape
    rows = h
    if not wants_grad(x, y):
        size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
        rows = max(1, size // (n * c * w * factor)) * factor
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for at in range(0, h // factor * factor, rows):
        band = slice(at, at + rows)
        m = _scaled(weight[:, :, band], scale, dtype)
        below = avg_pool2d(m, factor)
        counts = below.where(below > 0, 1)
        near, far = (
            avg_pool2d(m * _cleared(i[:, :, band].to(dtype), m), factor) / counts for i in (x, y)
        )
        found.append((near, far, below))
    near, far, below = (torch.cat(parts, dim=2) for parts in zip(*found, strict=True))
    return near, far, below
