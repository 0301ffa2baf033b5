"""Arrays as tensors on a device, in a dtype that it has and that the metrics take."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from ssimtool.kernels.plain.blocks import computing_dtype, has_float64, sendable
from ssimtool.readers.samples import Array


def widest_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype that the command line computes in: float64, or float32 on MPS."""
    return torch.float64 if has_float64(device) else torch.float32


def to_tensor(array: Array) -> Tensor:
    """Return a tensor that shares the memory of an array, in the native byte order.

    The tensor must not be written to.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.bool_:
        array = array.view(np.uint8)
    if any(stride < 0 for stride in array.strides):  # of a flipped view: torch has none
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(array)


def sent(array: Array, device: torch.device) -> Tensor:
    """Return an array as a tensor on the device, in its own dtype if the device supports it.

    The conversion to the computing dtype happens on the device.
    """
    tensor = sendable(to_tensor(array), device)
    if device.type == "cuda":  # a copy from pinned memory runs asynchronously
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def alike(x: Tensor, y: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Return two images as the metrics take them: integers as floats, if the unit of both is known.

    It is for integers beside floats, and for a data range of 1, where the metrics expect a mistake.
    """
    floats = x.is_floating_point(), y.is_floating_point()
    if all(floats) or (not any(floats) and data_range != 1):
        return x, y
    dtype = computing_dtype(x, y)
    return x.to(dtype), y.to(dtype)
