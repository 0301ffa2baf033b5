"""The mean of each 2×2 pixels: the next scale of MS-SSIM. The last row or column of an odd number
is its own neighbour.

Slices with a step of two, added: on a CPU five times faster than `avg_pool2d`, whose gradient
takes longer still.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Num
from torch import Tensor

from ssimtool.kernels.layout import is_interleaved, memory_format
from ssimtool.kernels.plain.blocks import CPU_BLOCK, GPU_BLOCK, computing_dtype, sum_dtype

Size = tuple[int, int]


def holding_dtype(x: Num[Tensor, "n c h w"]) -> torch.dtype:
    """A dtype that holds the further scales of x without rounding that would show.

    16 bits, and 2 more for each of four halvings, are exact in float32; of floats the rounding
    would hide the difference of two images that are close.
    """
    is_exact = not x.is_floating_point() and computing_dtype(x) == torch.float32
    return torch.float32 if is_exact else sum_dtype(x)


def halved(x: Num[Tensor, "n c h w"], dtype: torch.dtype) -> Float[Tensor, "n c h2 w2"]:
    """The mean of each 2×2 pixels, in the memory format of x; differentiable.

    Args:
        x: (n, c, h, w).
        dtype: what is computed in and returned.

    Returns:
        (n, c, ⌈h/2⌉, ⌈w/2⌉).
    """
    result: Tensor = _Halved.apply(x, dtype)  # type: ignore[no-untyped-call]
    return result


class _Halved(torch.autograd.Function):
    """autograd's own way back through slices writes one zero-filled image for each."""

    @staticmethod
    def forward(x: Tensor, dtype: torch.dtype) -> Tensor:
        n, c, h, w = x.shape
        shape = (n, c, -(-h // 2), -(-w // 2))
        result = _empty(x, shape, dtype)
        size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
        rows = max(1, size // (2 * n * c * w))  # of the result, so that they stay in the caches
        for row in range(0, shape[2], rows):
            part = x[:, :, 2 * row : 2 * (row + rows)].to(dtype)
            quarters = _pair_sums(_pair_sums(part, 2), 3)
            torch.mul(quarters, 0.25, out=result[:, :, row : row + rows])
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x = inputs[0]
        ctx.size, ctx.of = tuple(x.shape[2:]), x.dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Spread.apply(grad, ctx.size, ctx.of), None  # type: ignore[no-untyped-call]


class _Spread(torch.autograd.Function):
    """The adjoint of `_Halved`: a quarter of each pixel to each of its four sources."""

    @staticmethod
    def forward(grad: Tensor, size: Size, dtype: torch.dtype) -> Tensor:
        h, w = size
        result = _empty(grad, (*grad.shape[:2], h, w), dtype)
        quarter = grad * 0.25
        if h % 2:
            quarter[:, :, -1] *= 2
        if w % 2:
            quarter[:, :, :, -1] *= 2
        for top in (0, 1):
            for left in (0, 1):
                to = result[:, :, top::2, left::2]
                to.copy_(quarter[:, :, : to.shape[2], : to.shape[3]])
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.of = inputs[0].dtype

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _Halved.apply(grad, ctx.of), None, None  # type: ignore[no-untyped-call]


def _empty(like: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    form = memory_format(is_interleaved(like))
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=form)


def _pair_sums(x: Tensor, dim: int) -> Tensor:
    """The sums of neighbours along an axis; twice the last one where it has none."""
    length = x.shape[dim]
    first, second = (_every_other(x, dim, start) for start in (0, 1))
    if length % 2 == 0:
        return first + second
    total = first.clone()
    total.narrow(dim, 0, length // 2).add_(second)
    total.narrow(dim, length // 2, 1).mul_(2)
    return total


def _every_other(x: Tensor, dim: int, start: int) -> Tensor:
    return x[:, :, start::2] if dim == 2 else x[:, :, :, start::2]
