"""Downsampling of images by a whole factor, the first step of some definitions of SSIM."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ssimtool.kernels.plain.blocks import CPU_BLOCK, GPU_BLOCK, wants_grad


def reduced(
    x: Num[Tensor, "n c h w"], factor: int, dtype: torch.dtype
) -> Float[Tensor, "n c h2 w2"]:
    """Return the means of blocks of factor × factor samples. Differentiable.

    Incomplete blocks on the right and at the bottom are dropped.

    Args:
        x: (n, c, h, w), at least `factor` samples high and wide.
        factor: 2 or more.
        dtype: the dtype of the computation and of the result.

    Returns:
        (n, c, h // factor, w // factor).
    """
    if wants_grad(x, x):
        return avg_pool2d(x.to(dtype), factor)
    n, c, h, w = x.shape
    size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
    # One band at a time, so that no copy of the whole batch in the wider dtype is made.
    rows = max(1, size // (n * c * w * factor)) * factor
    bands = (x[:, :, at : at + rows] for at in range(0, h // factor * factor, rows))
    return torch.cat([avg_pool2d(band.to(dtype), factor) for band in bands], dim=2)
