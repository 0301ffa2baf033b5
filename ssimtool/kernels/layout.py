"""Memory layout of tensors for the kernels: planes of rows of samples."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
REMEMBERED = 256  # starts of planes


class Planes(NamedTuple):
    """One line of memory, the start of each plane in it, and the step between rows."""

    samples: Array
    starts: NDArray[np.int64]
    step: int


def is_interleaved(x: Tensor) -> bool:
    """Whether the channels of a pixel are adjacent in memory, as from decoders (channels last)."""
    _, c, _, w = x.shape
    return c > 1 and x.stride(1) == 1 and (w == 1 or x.stride(3) == c)


def in_rows(x: Tensor, *, interleaved: bool) -> Tensor:
    """Return the tensor itself if its rows are contiguous in memory, else a contiguous copy."""
    if is_interleaved(x) if interleaved else (x.stride(3) == 1 or x.shape[3] == 1):
        return x
    return x.contiguous(memory_format=memory_format(interleaved))


def memory_format(interleaved: bool) -> torch.memory_format:
    """Return the memory format of torch for a layout."""
    return torch.channels_last if interleaved else torch.contiguous_format


def planes(x: Tensor, *, interleaved: bool) -> Planes:
    """Return the memory of a tensor with contiguous rows, without a copy."""
    (n, c, h, w), (of_image, of_channel, of_row, of_column) = x.shape, x.stride()
    last = (n - 1) * of_image + (c - 1) * of_channel + (h - 1) * of_row + (w - 1) * of_column
    line = x.detach().as_strided((last + 1,), (1,)).numpy()
    return Planes(line, _starts(n, 1 if interleaved else c, of_image, of_channel), of_row)


@lru_cache(maxsize=REMEMBERED)
def _starts(n: int, channels: int, of_image: int, of_channel: int) -> NDArray[np.int64]:
    """Return the start of each plane; the kernels only read it."""
    images = np.arange(n, dtype=np.int64) * of_image
    return (images[:, None] + np.arange(channels, dtype=np.int64) * of_channel).reshape(-1)
