"""Which computation runs: the fused kernels or plain torch operations."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ssimtool.kernels.limits import FUSED_WINDOW
from ssimtool.settings import BackendName

# The fused kernels are faster at every size. Below this, either way takes some 0.1 ms, and who
# computes nothing larger is spared the compiler.
FUSED_FROM = 1 << 14
# Numba and the kernels are loaded in 0.6 s, and compiled in 4 to 8 s the first time of all. Torch
# computes 50 million samples a second on two cores: one comparison alone gains above this.
FUSED_ONCE_FROM = 1 << 26

_FOUND = find_spec("numba") is not None
_AS_THEY_LIE = (torch.uint8, torch.uint16, torch.float32, torch.float64)
_HALF = (torch.float16, torch.bfloat16, torch.float32)  # computed in float32, in any mixture


def is_fused(
    x: Tensor, y: Tensor, backend: BackendName, *, window_size: int = 1, once: bool = False
) -> bool:
    """Whether the fused kernels compute a pair.

    Args:
        x, y: (N, C, H, W).
        backend: `torch` and `fused` say which; `auto` decides by device, dtype and sizes.
        window_size: of the definition of SSIM.
        once: whether this pair is all that the process will compute.

    Raises:
        ValueError: no such backend, or `fused` where it cannot be had.
    """
    check_backend(backend, x.device)
    if backend == "fused" and _is_transformed():
        raise ValueError(
            "backend is 'fused' under torch.func, forward-mode differentiation or torch.jit.trace: "
            "expected the backend 'auto' or 'torch'"
        )
    if backend != "auto":
        return backend == "fused"
    known = all(t.dtype in _HALF for t in (x, y)) or (
        x.dtype == y.dtype and x.dtype in _AS_THEY_LIE
    )
    if not known or _is_transformed():
        return False
    return is_worth_it(x.numel(), x.device, window_size=window_size, once=once)


def _is_transformed() -> bool:
    """Whether something looks on for which the operators have no rule: a transform of torch.func,
    forward-mode differentiation, torch.jit.trace."""
    return not torch.compiler.is_compiling() and (
        torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._get_tracing_state() is not None
    )


def is_worth_it(
    samples: int, device: torch.device, *, window_size: int = 1, once: bool = False
) -> bool:
    """Whether `auto` takes the fused kernels for so many samples of a dtype that they read."""
    size = FUSED_ONCE_FROM if once else FUSED_FROM
    fits = samples >= size and window_size <= FUSED_WINDOW
    return device.type == "cpu" and fits and kernels_load()


def check_backend(backend: BackendName, device: torch.device) -> None:
    """A backend that is one, and can be had on the device.

    Raises:
        ValueError: it is not.
    """
    if backend not in ("auto", "fused", "torch"):
        raise ValueError(f"backend is {backend!r}: expected auto, fused or torch")
    if backend == "fused" and device.type != "cpu":
        raise ValueError(f"backend is 'fused' on {device}: expected the CPU, or the backend 'auto'")
    if backend == "fused" and not kernels_load():
        raise ValueError(
            "backend is 'fused' and Numba cannot be imported: expected Numba, or the backend 'auto'"
        )


def kernels_load() -> bool:
    """Whether Numba is there and takes the NumPy that is; the first call imports it."""
    # A compiler cannot trace an import; that Numba is there has to do.
    return _FOUND if torch.compiler.is_compiling() else _loads()


@cache
def _loads() -> bool:
    try:
        import_module("ssimtool.kernels.tensors")
    except ImportError:
        return False
    return True


def as_they_lie(x: Tensor, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The pair in a dtype that the kernels read: as it is, or in the computing dtype."""
    if x.dtype == y.dtype and x.dtype in _AS_THEY_LIE:
        return x, y
    return x.to(dtype), y.to(dtype)
