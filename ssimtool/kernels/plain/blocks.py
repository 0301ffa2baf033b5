"""Shared parts of the metrics: checks of their inputs, computing dtypes, and blocks of work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ssimtool.kernels.internals import is_transformed

# Samples in one block. On a CPU a block and its temporaries should fit the caches; on a GPU a block
# only limits the memory.
CPU_BLOCK = 1 << 19
GPU_BLOCK = 1 << 25

_EXACT_IN_FLOAT32 = {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.uint16,
    torch.int16,
    torch.float16,
    torch.bfloat16,
    torch.float32,
}


@dataclass(frozen=True)
class Block:
    """Some images of a batch, and some of their rows.

    `rows` are rows of the result, and `source` the rows of the image that they need. `top` and
    `bottom` are the numbers of rows needed beyond the edges.
    """

    images: slice
    rows: slice
    source: slice
    top: int
    bottom: int


def check_pair(x: Tensor, y: Tensor) -> None:
    """Check that both are (N, C, H, W), of one shape, not empty, real, alike and on one device.

    Raises:
        TypeError: one is not a tensor.
        ValueError: they are not so.
    """
    for name, tensor in (("x", x), ("y", y)):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{name} is a {type(tensor).__name__}: expected a torch.Tensor (N, C, H, W); "
                "ssimtool.compare takes arrays, Pillow images and paths"
            )
        if tensor.dim() != 4:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}: expected (N, C, H, W)")
        if tensor.is_complex():
            raise ValueError(f"{name} is {tensor.dtype}: expected a real dtype")
    if x.shape != y.shape:
        raise ValueError(f"x has shape {tuple(x.shape)}, y {tuple(y.shape)}: expected one shape")
    if x.numel() == 0:
        raise ValueError(f"x and y have shape {tuple(x.shape)}: expected at least one sample")
    if x.is_floating_point() != y.is_floating_point() and torch.bool not in (x.dtype, y.dtype):
        raise ValueError(
            f"x is {x.dtype}, y {y.dtype}: expected both floats or both integers; integers and "
            "floats rarely have one scale, so convert one of them"
        )
    if x.device != y.device:
        raise ValueError(f"x is on {x.device}, y on {y.device}: expected one device")


# The dtypes of MPS (Metal Performance Shaders): no float64, no unsigned integers beyond 8 bits.
_MPS_DTYPES = _EXACT_IN_FLOAT32 - {torch.uint16} | {torch.int32, torch.int64}


def has_float64(device: torch.device) -> bool:
    """Whether a device computes in float64; MPS does not."""
    return device.type != "mps"


def sendable(tensor: Tensor, device: torch.device) -> Tensor:
    """Return the tensor in a dtype that the device has.

    If MPS lacks the dtype, the result is float32, in which MPS computes in any case.
    """
    lacks = device.type == "mps" and tensor.dtype not in _MPS_DTYPES
    return tensor.to(torch.float32) if lacks else tensor


def computing_dtype(*tensors: Tensor, dtype: torch.dtype | None = None) -> torch.dtype:
    """Return the computing dtype: float32, or float64 if float32 cannot hold all values.

    Half, bfloat16 and integers of up to 16 bits are computed in float32, which holds all of their
    values exactly. `dtype` overrides this.

    Raises:
        ValueError: dtype is neither float32 nor float64, or is float64 on MPS, which does not
            support it.
    """
    wide = all(has_float64(t.device) for t in tensors)
    if dtype is not None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype is {dtype}: expected torch.float32 or torch.float64")
        if dtype == torch.float64 and not wide:
            raise ValueError(
                "dtype is torch.float64 on MPS, which does not support it: expected torch.float32"
            )
        return dtype
    if not wide:
        return torch.float32
    return torch.float32 if all(t.dtype in _EXACT_IN_FLOAT32 for t in tensors) else torch.float64


def sum_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype of sums: float64 if the device has it, else float32."""
    return torch.float64 if has_float64(x.device) else torch.float32


def wants_grad(x: Tensor, y: Tensor) -> bool:
    """Return whether autograd, a transform or a compiler is active; then there is one block."""
    return (
        torch.compiler.is_compiling()
        or (torch.is_grad_enabled() and (x.requires_grad or y.requires_grad))
        or is_transformed()
    )


def has_values() -> bool:
    """Return whether values of tensors are known: compilers and transforms cannot read them."""
    return not (torch.compiler.is_compiling() or is_transformed())


def summed(parts: Iterable[tuple[Block, Tensor]]) -> Tensor:
    """Add what blocks of the same images have, (images, …) each, and join the images, (N, …).

    The parts come in the order of `blocks`. Nothing is written in place, so transforms work.
    """
    totals: list[Tensor] = []
    for block, part in parts:
        if block.rows.start == 0:
            totals.append(part)
        else:
            totals[-1] = totals[-1] + part
    return totals[0] if len(totals) == 1 else torch.cat(totals)


def blocks(x: Tensor, y: Tensor, *, window_size: int = 1, margin: int = 0) -> Iterator[Block]:
    """Yield the blocks that cover the windows of a batch, each window in exactly one block.

    Args:
        x, y: (N, C, H, W).
        window_size: height of the sliding window in pixels.
        margin: rows by which the image is extended above and below.

    Yields:
        blocks, in order.
    """
    n, c, h, w = x.shape
    out = h + 2 * margin - window_size + 1
    if wants_grad(x, y):
        yield Block(slice(0, n), slice(0, out), slice(0, h), margin, margin)
        return
    size = CPU_BLOCK if x.device.type == "cpu" else GPU_BLOCK
    images = max(1, size // (c * h * w))
    # At least three windows high, because neighbouring blocks both compute window_size − 1 rows.
    height = out if images > 1 else min(out, max(3 * window_size, size // (c * w)))
    for first in range(0, n, images):
        for row in range(0, out, height):
            end = min(row + height, out)
            above, below = row - margin, end + window_size - 1 - margin
            yield Block(
                slice(first, min(first + images, n)),
                slice(row, end),
                slice(max(above, 0), min(below, h)),
                max(-above, 0),
                max(below - h, 0),
            )


def joined(
    parts: Iterable[tuple[Block, Tensor]], shape: tuple[int, ...], like: Tensor, dtype: torch.dtype
) -> Tensor:
    """Join the rows of blocks to a result of this shape, on the device of `like`."""
    if (
        not has_values()
    ):  # nothing can be written into a tensor from outside, and there is one block
        ((_, part),) = parts
        return part.to(dtype)
    result = torch.empty(shape, dtype=dtype, device=like.device)
    for block, part in parts:
        result[block.images, :, block.rows] = part
    return result
