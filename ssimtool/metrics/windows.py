"""Weights of sliding windows along one axis."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ssimtool.kernels.formula import gaussian_weights
from ssimtool.kernels.plain.blocks import has_float64


def gaussian_window(
    window_size: int,
    sigma: float,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Float[Tensor, " window_size"]:
    """Weights of a Gaussian window along one axis.

    w_i = exp(−(i − (window_size − 1)/2)² / (2 sigma²)), divided by their sum. The window in two
    dimensions is the outer product of the weights.

    Args:
        window_size: number of weights, odd.
        sigma: standard deviation in pixels, above 0.
        dtype, device: of the result. The default is float64, or float32 on MPS, which has no
            float64. The weights are computed in float64.

    Returns:
        (window_size,), sums to 1.

    Raises:
        ValueError: window_size is even or below 1, or sigma is not above 0.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, section III.C (11 weights, sigma 1.5),
    doi:10.1109/TIP.2003.819861.

    >>> gaussian_window(3, 1.0)  # 1/(1 + 2 exp(-1/2)) = 0.45186 in the middle
    tensor([0.2741, 0.4519, 0.2741], dtype=torch.float64)
    """
    _check_size(window_size)
    if not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma is {sigma}: expected a number above 0")
    weights = gaussian_weights(window_size, sigma)
    return torch.tensor(weights, dtype=dtype or _widest(device), device=device)


def uniform_window(
    window_size: int,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> Float[Tensor, " window_size"]:
    """Weights of a uniform window along one axis: 1/window_size each.

    Args:
        window_size: number of weights, odd.
        dtype, device: of the result. The default is float64, or float32 on MPS, which has no
            float64.

    Returns:
        (window_size,), sums to 1.

    Raises:
        ValueError: window_size is even or below 1.

    Source: Wang, Bovik 2002, doi:10.1109/97.995823 (the universal quality index, a sliding mean).

    >>> uniform_window(5)
    tensor([0.2000, 0.2000, 0.2000, 0.2000, 0.2000], dtype=torch.float64)
    """
    _check_size(window_size)
    return torch.full(
        (window_size,), 1 / window_size, dtype=dtype or _widest(device), device=device
    )


def _widest(device: torch.device | str) -> torch.dtype:
    return torch.float64 if has_float64(torch.device(device)) else torch.float32


def _check_size(window_size: int) -> None:
    if window_size < 1 or window_size % 2 == 0:
        raise ValueError(f"window_size is {window_size}: expected an odd number, 1 or more")
