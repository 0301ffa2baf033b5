"""Which computation runs: the fused kernels or plain torch operations."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Literal

import torch
from torch import Tensor

Kernel = Literal["auto", "fused", "torch"]

# From here on the fused kernels are faster; below, calling them costs what they save.
FUSED_FROM = 1 << 14
# Loading Numba and the kernels takes half a second, and the first time of all some seconds more.
# Torch computes this many samples in about as long: below, one comparison alone does not gain.
FUSED_ONCE_FROM = 1 << 24

_AS_THEY_LIE = (torch.uint8, torch.uint16, torch.float32, torch.float64)
_WIDENED = (torch.float16, torch.bfloat16)


def is_fused(x: Tensor, y: Tensor, kernel: Kernel, *, once: bool = False) -> bool:
    """Whether the fused kernels compute a pair.

    Args:
        x, y: (N, C, H, W).
        kernel: `torch` and `fused` say which; `auto` decides by device, dtype and size.
        once: whether this pair is all that the process will compute.

    Raises:
        ValueError: no such kernel, or `fused` where it cannot be had.
    """
    if kernel == "torch":
        return False
    if kernel == "fused":
        if x.device.type != "cpu":
            raise ValueError(f"kernel is 'fused' on {x.device}: expected CPU tensors, or 'auto'")
        if not kernels_load():
            raise ValueError("kernel is 'fused' but Numba cannot be imported: install it, or 'auto'")
        return True
    if kernel != "auto":
        raise ValueError(f"kernel is {kernel!r}: expected auto, fused or torch")
    known = all(t.dtype in _WIDENED for t in (x, y)) or (
        x.dtype == y.dtype and x.dtype in _AS_THEY_LIE
    )
    size = FUSED_ONCE_FROM if once else FUSED_FROM
    return known and x.device.type == "cpu" and x.numel() >= size and kernels_load()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def kernels_load() -> bool:
    """Whether Numba is there and takes the NumPy that is; the first call imports it."""
    return _loads()


@cache
def _loads() -> bool:
    try:
        import_module("ssimtool.metrics.kernels.cpu")
    except ImportError:
        return False
    return True


def as_they_lie(x: Tensor, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The pair in a dtype that the kernels read: as it is, or in the computing dtype."""
    if x.dtype == y.dtype and x.dtype in _AS_THEY_LIE:
        return x, y
    return x.to(dtype), y.to(dtype)
