"""Checks of the weights of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from ssimtool.devices import check_backend
from ssimtool.kernels.plain.blocks import check_pair, has_values, wants_grad
from ssimtool.settings import BackendName


def settled_weight(
    weight: Tensor | None, x: Tensor, y: Tensor, backend: BackendName
) -> Tensor | None:
    """Return the checked weights of the pixels, (N, 1, H, W); None if they are uniform.

    With uniform weights, the computation without weights gives the number to its last digit.

    Raises:
        ValueError: the shape or the device does not match; weights are negative, not finite or all
            0; the backend is `fused`, which does not support weights.
    """
    if weight is None:
        return None
    check_pair(x, y)
    _check_shape(weight, x)
    if weight.dtype not in (torch.bool, torch.uint8) and not weight.is_floating_point():
        weight = weight.to(torch.float32)
    if has_values():
        lowest, highest = (f(weight.detach(), (1, 2, 3)) for f in (torch.amin, torch.amax))
        _check_values(lowest, highest)
        if bool((lowest == highest).all()) and not wants_grad(weight, weight):
            return None
    check_backend(backend, x.device.type)
    if backend == "fused":
        raise ValueError(
            "backend is 'fused' and the weight is not uniform: expected the backend 'auto' or "
            "'torch'"
        )
    return weight.expand(x.shape[0], *weight.shape[1:])


def _check_shape(weight: Tensor, x: Tensor) -> None:
    n, _, h, w = x.shape
    if weight.shape not in ((n, 1, h, w), (1, 1, h, w)):
        expected = f"({n}, 1, {h}, {w})" + (f" or (1, 1, {h}, {w})" if n > 1 else "")
        raise ValueError(f"weight has shape {tuple(weight.shape)}: expected {expected}")
    if weight.is_complex():
        raise ValueError(f"weight is {weight.dtype}: expected a real dtype")
    if weight.device != x.device:
        raise ValueError(f"x is on {x.device}, weight on {weight.device}: expected one device")


def _check_values(lowest: Tensor, highest: Tensor) -> None:
    if not bool(torch.isfinite(lowest.float()).all() and torch.isfinite(highest.float()).all()):
        raise ValueError("weight holds NaN or infinity: expected finite numbers, 0 or more")
    if bool((lowest < 0).any()):
        raise ValueError(f"weight holds {lowest.min().item():g}: expected numbers of 0 or more")
    if bool((highest <= 0).any()):
        raise ValueError("weight is 0 everywhere: expected a number above 0")
