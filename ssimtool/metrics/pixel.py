"""Errors over single samples: mean squared error, mean absolute error, PSNR."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Num, Shaped
from torch import Tensor

from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.formula import NO_WINDOW
from ssimtool.kernels.plain.blocks import (
    Block,
    blocks,
    check_pair,
    computing_dtype,
    sum_dtype,
    summed,
    wants_grad,
)
from ssimtool.metrics.one_pass import one_pass
from ssimtool.metrics.ranges import DataRange, ranges_of, settled_range
from ssimtool.metrics.weighted import weighted_mean
from ssimtool.metrics.weights import settled_weight
from ssimtool.settings import BackendName


def mse(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """Mean squared error (MSE) of each image.

    mse = mean of (x − y)² over the channels and the pixels.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations.
            `auto` takes the fused kernels for CPU tensors that are large enough, unless a gradient
            is requested.
        weight: the weight of each pixel in the mean, (N or 1, 1, H, W), 0 or more, of any scale. A
            uniform weight changes nothing; any other is computed by plain torch operations. Samples
            of weight 0 may have any value, even NaN, unless a gradient by the weight is requested.

    Returns:
        (N,), 0 or more, in squared units of the samples, in the computing dtype.

    Raises:
        TypeError: an image is not a tensor.
        ValueError: shapes, devices or dtypes do not match; weights are negative, not finite or all
            0.

    Source: Wang, Bovik 2009, eq. 1 (p = 2), doi:10.1109/MSP.2008.930649.

    >>> x = torch.zeros(1, 1, 2, 2)
    >>> mse(x, x + 3)
    tensor([9.])
    """
    return _mean(x, y, torch.square, dtype, backend, weight)


def mae(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """Mean absolute error (MAE) of each image.

    mae = mean of |x − y| over the channels and the pixels.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations.
            `auto` takes the fused kernels for CPU tensors that are large enough, unless a gradient
            is requested.
        weight: the weight of each pixel in the mean, (N or 1, 1, H, W), 0 or more, of any scale. A
            uniform weight changes nothing; any other is computed by plain torch operations. Samples
            of weight 0 may have any value, even NaN, unless a gradient by the weight is requested.

    Returns:
        (N,), 0 or more, in units of the samples, in the computing dtype.

    Raises:
        TypeError: an image is not a tensor.
        ValueError: shapes, devices or dtypes do not match; weights are negative, not finite or all
            0.

    Source: Willmott, Matsuura 2005, doi:10.3354/cr030079.

    >>> x = torch.zeros(1, 1, 2, 2)
    >>> mae(x, x - 3)
    tensor([3.])
    """
    return _mean(x, y, torch.abs, dtype, backend, weight)


def psnr(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """Peak signal-to-noise ratio (PSNR) of each image.

    psnr = 10 log10(data_range² / mse).

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations.
            `auto` takes the fused kernels for CPU tensors that are large enough, unless a gradient
            is requested.
        weight: the weight of each pixel in the mean, (N or 1, 1, H, W), 0 or more, of any scale. A
            uniform weight changes nothing; any other is computed by plain torch operations. Samples
            of weight 0 may have any value, even NaN, unless a gradient by the weight is requested.

    Returns:
        (N,), in dB, in the computing dtype; identical images give inf.

    Raises:
        TypeError: an image is not a tensor.
        ValueError: shapes, devices or dtypes do not match; weights are negative, not finite or all
            0; the data range is not above 0.

    Source: Wang, Bovik 2009, eq. 2, doi:10.1109/MSP.2008.930649.

    >>> x = torch.zeros(1, 1, 2, 2)
    >>> psnr(x, x + 0.1, data_range=1, dtype=torch.float64)  # 10 log10(1/0.01)
    tensor([20.0000], dtype=torch.float64)
    """
    check_pair(x, y)
    limit: float | Tensor
    if isinstance(data_range, Tensor):
        limit = ranges_of(x, data_range)
    else:
        limit = settled_range(x, y, data_range)[2]
    return psnr_of(mse(x, y, dtype=dtype, backend=backend, weight=weight), limit)


def psnr_of(error: Tensor, data_range: float | Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio for a mean squared error."""
    return (10 * torch.log10(data_range**2 / error)).to(error.dtype)


def _mean(
    x: Tensor,
    y: Tensor,
    function: Callable[[Tensor], Tensor],
    dtype: torch.dtype | None,
    backend: BackendName,
    weight: Tensor | None,
) -> Tensor:
    check_pair(x, y)
    dtype = computing_dtype(x, y, dtype=dtype)
    weight = settled_weight(weight, x, y, backend)
    if weight is not None:
        return weighted_mean(x, y, weight, function, dtype).to(dtype)
    if is_fused(x, y, backend) and not wants_grad(x, y):
        errors = one_pass(x, y, NO_WINDOW, dtype, structure=False)
        return (errors.mse if function is torch.square else errors.mae).to(dtype)
    sums = sum_dtype(x)

    def sum_of(block: Block) -> Tensor:
        part = (block.images, slice(None), block.source)
        error = function(x[part].to(dtype) - y[part].to(dtype))
        return error.sum(dim=(1, 2, 3), dtype=sums)

    total = summed((block, sum_of(block)) for block in blocks(x, y))
    return (total / x[0].numel()).to(dtype)
