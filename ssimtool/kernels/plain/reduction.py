"""Images reduced by a whole factor, as some definitions of SSIM do before they compare."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ssimtool.kernels.plain.blocks import CPU_BLOCK, GPU_BLOCK, wants_grad


def reduced(
    x: Num[Tensor, "n c h w"], factor: int, dtype: torch.dtype
) -> Float[Tensor, "n c h2 w2"]:
    """Each factor × factor samples to their mean; what is left over on the right and at the bottom
    is dropped. Differentiable.

    Args:
        x: (n, c, h, w), at least factor samples high and wide.
        factor: 2 or more.
        dtype: what it is computed in, and of the result.

    Returns:
        (n, c, h // factor, w // factor).
    """
    if wants_grad(x, x):
        return avg_pool2d(x.to(dtype), factor)
    n, c, h, w = x.shape
    size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
    # A band at a time, so that no copy of the whole in the wider dtype is made.
    rows = max(1, size // (n * c * w * factor)) * factor
    bands = (x[:, :, at : at + rows] for at in range(0, h // factor * factor, rows))
    return torch.cat([avg_pool2d(band.to(dtype), factor) for band in bands], dim=2)
