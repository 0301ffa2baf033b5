"""How tensors lie in memory, as the kernels see it: planes of rows of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


@dataclass(frozen=True)
class Planes:
    """One line of memory, where the planes start in it, and how far apart their rows are."""

    samples: Array
    starts: NDArray[np.int64]
    step: int


def is_interleaved(x: Tensor) -> bool:
    """Whether the channels of a pixel lie side by side, as decoders leave them (channels last)."""
    _, c, _, w = x.shape
    return c > 1 and x.stride(1) == 1 and (w == 1 or x.stride(3) == c)


def in_rows(x: Tensor, *, interleaved: bool) -> Tensor:
    """The tensor as it lies where its rows are whole lines of memory, else a copy for which this
    holds."""
    if is_interleaved(x) if interleaved else (x.stride(3) == 1 or x.shape[3] == 1):
        return x
    return x.contiguous(memory_format=memory_format(interleaved))


def memory_format(interleaved: bool) -> torch.memory_format:
    """The name that torch has for it."""
    return torch.channels_last if interleaved else torch.contiguous_format


def planes(x: Tensor, *, interleaved: bool) -> Planes:
    """The memory of a tensor that lies in rows, without a copy."""
    n, c, _, _ = x.shape
    span = 1 + sum((size - 1) * step for size, step in zip(x.shape, x.stride(), strict=True))
    line = x.detach().as_strided((span,), (1,)).numpy()
    starts = np.arange(n, dtype=np.int64) * x.stride(0)
    if not interleaved:
        starts = (starts[:, None] + np.arange(c, dtype=np.int64) * x.stride(1)).reshape(-1)
    return Planes(line, starts, x.stride(2))
