"""The data range of tensors: a number, one number for each image, or that of an integer type."""

from __future__ import annotations

from numbers import Real
from typing import SupportsFloat

import torch
from torch import Tensor

from ssimtool.kernels.plain.blocks import has_values, sum_dtype

DataRange = SupportsFloat | None  # a number, also of NumPy; a tensor; None
OF_TYPE = {torch.uint8: 255.0, torch.uint16: 65535.0}
EXPECTED = "expected a number above 0, such as 1 or 255, or a tensor (N,) of them"


def check_data_range(data_range: DataRange) -> None:
    """Check that a data range is a number above 0, or a tensor.

    Raises:
        TypeError: it is neither.
        ValueError: it is not above 0.
    """
    if isinstance(data_range, Tensor):
        return
    if not isinstance(data_range, (Real, torch.SymFloat, torch.SymInt)):
        raise TypeError(f"data_range is {_words(data_range)}: {EXPECTED}")
    if not 1e-100 <= float(data_range) <= 1e100:  # its square must not overflow or underflow
        raise ValueError(f"data_range is {data_range}: {EXPECTED}")


def _words(data_range: object) -> str:
    return "None" if data_range is None else f"a {type(data_range).__name__}"


def settled_range(x: Tensor, y: Tensor, data_range: DataRange) -> tuple[Tensor, Tensor, float]:
    """Return two images, and the number that is the dynamic range of both.

    Images with a range each, (N,), are divided by it, in float64 if the device has it: SSIM does
    not depend on a common factor.

    Args:
        x, y: the checked images, (N, C, H, W).
        data_range: a number, a tensor of shape () or (N,), or None, which takes that of the type:
            255 of uint8, 65535 of uint16.

    Raises:
        TypeError: the range is missing, or neither a number nor a tensor.
        ValueError: it is not above 0, has another shape, or does not fit the type.
    """
    if isinstance(data_range, Tensor):
        return _in_unit(x, y, data_range)
    if data_range is None:
        return x, y, _of_type(x, y)
    check_data_range(data_range)
    check_fits(x, float(data_range))
    return x, y, float(data_range)


def computed_in(data_range: DataRange, x: Tensor, dtype: torch.dtype) -> torch.dtype:
    """Return the dtype to compute in: that of `x` if `settled_range` divided it."""
    return x.dtype if isinstance(data_range, Tensor) else dtype


def check_fits(x: Tensor, data_range: float) -> None:
    """Check that integers are not taken for samples in [0, 1].

    Raises:
        ValueError: the samples are integers, and the data range is 1.
    """
    if data_range == 1 and not x.is_floating_point() and x.dtype != torch.bool:
        top = OF_TYPE.get(x.dtype)
        expected = f"{top:g}" if top else "the range of the samples"
        raise ValueError(
            f"data_range is 1 and x is {x.dtype}: expected {expected}, or floats in [0, 1]"
        )


def ranges_of(x: Tensor, data_range: Tensor) -> Tensor:
    """Return the ranges of images as (N,) or (), in the dtype of sums.

    Raises:
        ValueError: the shape is another, or a number is not above 0.
    """
    if data_range.shape not in ((), (1,), x.shape[:1]) or data_range.is_complex():
        raise ValueError(
            f"data_range is a tensor of {data_range.dtype} and shape {tuple(data_range.shape)}: "
            f"expected real numbers, () or ({x.shape[0]},)"
        )
    ranges = data_range.to(device=x.device, dtype=sum_dtype(x))
    # not on a GPU: reading a value there waits for all that was queued
    is_known = has_values() and x.device.type == "cpu"
    if is_known and not bool(((ranges > 0) & ranges.isfinite()).all()):
        raise ValueError(f"data_range holds {ranges.min().item():g}: {EXPECTED}")
    return ranges


def _in_unit(x: Tensor, y: Tensor, data_range: Tensor) -> tuple[Tensor, Tensor, float]:
    ranges = ranges_of(x, data_range).reshape(-1, 1, 1, 1)
    first, second = (image.to(ranges.dtype) / ranges for image in (x, y))
    return first, second, 1.0


def _of_type(x: Tensor, y: Tensor) -> float:
    top = OF_TYPE.get(x.dtype)
    if top is None or x.dtype != y.dtype:
        raise TypeError(
            f"data_range is missing and the images are {x.dtype} and {y.dtype}: {EXPECTED}"
        )
    return top
