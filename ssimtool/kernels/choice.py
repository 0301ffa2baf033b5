"""Choice of the backend on tensors: the fused kernels or plain torch operations."""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from ssimtool import devices
from ssimtool.devices import FUSED_FROM, check_backend, takes_fused
from ssimtool.errors import UnavailableError
from ssimtool.kernels.internals import is_transformed
from ssimtool.settings import BackendName

_HAS_NUMBA = find_spec("numba") is not None
_READ_DTYPES = (torch.uint8, torch.uint16, torch.float32, torch.float64)
_AS_FLOAT32 = (torch.float16, torch.bfloat16, torch.float32)  # computed in float32, also if mixed


def is_fused(
    x: Tensor,
    y: Tensor,
    backend: BackendName,
    *,
    window_size: int = 1,
    fused_from: int | None = None,
) -> bool:
    """Whether the fused kernels compute a pair.

    Args:
        x, y: (N, C, H, W).
        backend: `torch` or `fused`; `auto` decides by device, dtype and sizes.
        window_size: side of the window of the definition of SSIM, in pixels.
        fused_from: the fewest samples for which `auto` takes the fused kernels; None: FUSED_FROM.

    Raises:
        UnavailableError: the backend is unknown, or `fused` is not available here. It is a
            ValueError.
    """
    check_backend(backend, x.device.type, loads=kernels_load)
    if backend == "fused" and is_transformed():
        raise UnavailableError(
            "backend is 'fused' under torch.func, forward-mode differentiation or torch.jit.trace: "
            "expected the backend 'auto' or 'torch'",
            option="backend",
        )
    if backend != "auto":
        return backend == "fused"
    is_readable = all(t.dtype in _AS_FLOAT32 for t in (x, y)) or (
        x.dtype == y.dtype and x.dtype in _READ_DTYPES
    )
    if not is_readable or is_transformed():
        return False
    least = FUSED_FROM if fused_from is None else fused_from
    size, device = x.numel(), x.device.type
    is_chosen = takes_fused(size, device, window_size=window_size, fused_from=least)
    return is_chosen and kernels_load()


def kernels_load() -> bool:
    """Whether the kernels can be loaded; the first call imports Numba."""
    # A compiler cannot trace an import, so only the presence of Numba is checked then.
    return _HAS_NUMBA if torch.compiler.is_compiling() else devices.numba_loads()


def readable(x: Tensor, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return the pair in a dtype that the kernels read: its own, or the computing dtype."""
    if x.dtype == y.dtype and x.dtype in _READ_DTYPES:
        return x, y
    return x.to(dtype), y.to(dtype)
