"""SSIM by plain torch operations, on every device and in every dtype.

The fused kernels are compared with it. SSIM is computed from the sum and the difference of the two
images: with s = x + y, d = x − y and the window-weighted local means mu and variances sigma² of s
and d,

    1 − luminance          = mu_d² / ((mu_s² + mu_d²)/2 + c1)                        (A)
    1 − contrast_structure = sigma_d_sq / ((sigma_s_sq + sigma_d_sq)/2 + c2)         (B)
    1 − ssim               = A + B − A·B

This equals equation 13 of Wang, Bovik, Sheikh, Simoncelli 2004 (doi:10.1109/TIP.2003.819861)
exactly, because 2 mu_x mu_y = (mu_s² − mu_d²)/2 and mu_x² + mu_y² = (mu_s² + mu_d²)/2, and the
same is true for the second moments. It takes four blurs instead of five. The loss is a sum of small
terms of one sign, so it keeps its relative precision even for nearly identical images.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ssimtool.kernels.formula import Formula
from ssimtool.kernels.plain.blocks import Block, blocks, sum_dtype, summed
from ssimtool.kernels.plain.windows import blur, extend


def map_shape(x: Tensor, formula: Formula) -> torch.Size:
    """Return the shape of the SSIM map."""
    n, c, h, w = x.shape
    return torch.Size((n, c, h - formula.shrink, w - formula.shrink))


def mean_losses(x: Tensor, y: Tensor, formula: Formula) -> Tensor:
    """Return the mean of 1 − ssim of each channel, (N, C), summed in the dtype of sums."""
    h, w = map_shape(x, formula)[2:]
    return summed((b, loss.sum(dim=(2, 3))) for b, loss in loss_maps(x, y, formula)) / (h * w)


def loss_maps(x: Tensor, y: Tensor, formula: Formula) -> Iterator[tuple[Block, Tensor]]:
    """Yield 1 − ssim of every window, block by block, in float64 if the device has it.

    float32 would lose the digits of a variance that is small beside the squared mean, and whether
    it does depends on the samples, which a GPU or a transform cannot look at.
    """
    margin, dtype = formula.margin, sum_dtype(x)
    for block in blocks(x, y, window_size=len(formula.weights), margin=margin):
        x_block, y_block = (
            extend(
                image[block.images, :, block.source].to(dtype),
                formula.border,
                sides=margin,
                top=block.top,
                bottom=block.bottom,
            )
            for image in (x, y)
        )
        yield block, _loss_map(x_block, y_block, formula)


def _loss_map(x: Tensor, y: Tensor, formula: Formula) -> Tensor:
    """Return A + B − A·B of every window inside x and y."""
    weights = formula.weights
    c1, c2 = ((k * formula.data_range) ** 2 for k in (formula.k1, formula.k2))
    s, d = x + y, x - y
    # A constant does not change a variance, but its rounding: centre both on 0.
    centre_s, centre_d = (v.detach().mean(dim=(2, 3), keepdim=True) for v in (s, d))
    s, d = s - centre_s, d - centre_d
    mu_s, mu_d = blur(s, weights), blur(d, weights)
    # Rounding can turn a variance of 0 into -1e-9. With a small k2 the denominator would vanish,
    # and SSIM would rise above 1.
    sigma_s_sq = (blur(s.square(), weights) - mu_s.square()).clamp(min=0)
    sigma_d_sq = (blur(d.square(), weights) - mu_d.square()).clamp(min=0)
    mu_s_sq, mu_d_sq = (mu_s + centre_s).square(), (mu_d + centre_d).square()
    a = mu_d_sq / ((mu_s_sq + mu_d_sq) / 2 + c1)
    b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) / 2 + c2)
    return a + b - a * b
