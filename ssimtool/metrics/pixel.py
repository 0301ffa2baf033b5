"""Errors sample by sample: mean squared error, mean absolute error, peak signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Num, Shaped
from torch import Tensor

from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.formula import NO_WINDOW
from ssimtool.kernels.plain.blocks import (
    blocks,
    check_data_range,
    check_pair,
    computing_dtype,
    sum_dtype,
    wants_grad,
)
from ssimtool.metrics.one_pass import one_pass
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
    """The mean squared error of each image.

    mse = mean of (x − y)² over the channels and the pixels.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        dtype: what it is computed in; by default float32, or float64 for float64 and for integers
            of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the kernels of the CPU, `torch` for plain torch operations; `auto`
            takes the fused ones for CPU tensors of some size, where no gradient is asked for.
        weight: how much each pixel counts, (N or 1, 1, H, W), 0 or more, of any scale: the mean is
            taken with it. The same everywhere, it changes nothing; else plain torch operations
            compute. What lies where it is 0 may be anything, NaN too, unless a gradient by the
            weight is asked for.

    Returns:
        (N,), 0 or more, in squared units of the samples, in the computing dtype.

    Raises:
        ValueError: shapes, devices or dtypes that do not fit, weights that are negative, not finite
            or all 0.

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
    """The mean absolute error of each image.

    mae = mean of |x − y| over the channels and the pixels.

    Args, raises: as `mse`.

    Returns:
        (N,), 0 or more, in units of the samples, in the computing dtype.

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
    data_range: float,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """The peak signal-to-noise ratio of each image.

    psnr = 10 log10(data_range² / mse).

    Args:
        x, y, dtype, backend, weight: as for `mse`.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1].

    Returns:
        (N,), in dB, in the computing dtype; identical images give inf.

    Raises:
        ValueError: as `mse`, or a data range that is not above 0.

    Source: Wang, Bovik 2009, eq. 2, doi:10.1109/MSP.2008.930649.

    >>> x = torch.zeros(1, 1, 2, 2)
    >>> psnr(x, x + 0.1, data_range=1, dtype=torch.float64)  # 10 log10(1/0.01)
    tensor([20.0000], dtype=torch.float64)
    """
    check_data_range(data_range)
    return psnr_of(mse(x, y, dtype=dtype, backend=backend, weight=weight), data_range)


def psnr_of(error: Tensor, data_range: float) -> Tensor:
    """The peak signal-to-noise ratio by the mean squared error."""
    return 10 * torch.log10(float(data_range) ** 2 / error)


def _mean(
    x: Tensor,
    y: Tensor,
    of: Callable[[Tensor], Tensor],
    dtype: torch.dtype | None,
    backend: BackendName,
    weight: Tensor | None,
) -> Tensor:
    check_pair(x, y)
    dtype = computing_dtype(x, y, dtype=dtype)
    weight = settled_weight(weight, x, y, backend)
    if weight is not None:
        return weighted_mean(x, y, weight, of, dtype).to(dtype)
    if is_fused(x, y, backend) and not wants_grad(x, y):
        found = one_pass(x, y, NO_WINDOW, dtype, structure=False)
        return (found.mse if of is torch.square else found.mae).to(dtype)
    total = torch.zeros(x.shape[0], dtype=sum_dtype(x), device=x.device)
    for block in blocks(x, y):
        where = (block.images, slice(None), block.source)
        error = of(x[where].to(dtype) - y[where].to(dtype))
        total[block.images] += error.sum(dim=(1, 2, 3), dtype=total.dtype)
    return (total / x[0].numel()).to(dtype)
