"""A device that torch calls `mps`, on any machine: it computes on the CPU, and has neither float64
nor unsigned integers beyond 8 bits, as Metal has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

MPS = torch.device("mps", 0)
LACKING = {torch.float64, torch.complex128, torch.uint16, torch.uint32, torch.uint64}


class OnMps(Tensor):
    """A tensor of that device around one of the CPU. Torch's own code takes it for one of the CPU,
    as it has no driver to ask; Python sees the device."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> OnMps:
        if held.dtype in LACKING:
            raise TypeError(f"MPS has no {held.dtype}")
        result = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device="cpu",
            requires_grad=held.requires_grad,
        )
        result.held = held
        return result

    @property
    def device(self) -> torch.device:
        """What it is a tensor of."""
        return MPS

    def __repr__(self) -> str:
        return f"OnMps({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None) -> Any:
        return _computed(operation, args, kwargs or {})


class _Python(TorchFunctionMode):
    """Sees what moves tensors to the device and back before torch's own code does."""

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Any:
        kwargs = dict(kwargs or {})
        if function in (torch.tensor, Tensor.new_tensor):
            there = function is Tensor.new_tensor and isinstance(args[0], OnMps)
            if there or _is_mps(kwargs.pop("device", None)):
                data = args[1] if function is Tensor.new_tensor else args[0]
                dtype = args[0].dtype if function is Tensor.new_tensor else None
                return OnMps(torch.tensor(data, dtype=kwargs.get("dtype") or dtype))
        if function is Tensor.to:
            return _moved(*args, **kwargs)
        if function in (Tensor.cpu, Tensor.tolist, Tensor.item) and isinstance(args[0], OnMps):
            return function(args[0].held.detach().clone())
        if function is Tensor.numpy and isinstance(args[0], OnMps):
            raise TypeError("MPS tensors have to be copied to the CPU first")
        return function(*args, **kwargs)


def _is_mps(device: Any) -> bool:
    return device is not None and torch.device(device).type == "mps"


def _moved(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to`; converted before it is moved, as torch does with MPS."""
    devices = [a for a in (*args, kwargs.get("device")) if isinstance(a, (str, torch.device))]
    dtypes = [a for a in (*args, kwargs.get("dtype")) if isinstance(a, torch.dtype)]
    for dtype in dtypes:
        tensor = tensor.type(dtype) if tensor.dtype != dtype else tensor
    for device in devices:
        if _is_mps(device) != isinstance(tensor, OnMps):
            tensor = tensor.cpu() if isinstance(tensor, OnMps) else OnMps(tensor.clone())
    return tensor


class _Device(TorchDispatchMode):
    """Sees what makes tensors on the device."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None) -> Any:
        return _computed(operation, args, kwargs or {})


def _computed(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation on the tensors that are held; what comes of it is on the device, too."""
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
    there = any(isinstance(t, OnMps) for t in tensors) or _is_mps(kwargs.get("device"))
    if not there:
        return operation(*args, **kwargs)
    if kwargs.get("dtype") in LACKING:
        raise TypeError(f"MPS has no {kwargs['dtype']}")
    if any(t.dim() and not isinstance(t, OnMps) for t in tensors):
        raise RuntimeError("tensors on two devices, mps:0 and cpu")
    if "device" in kwargs:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = operation(
        *tree_map_only(OnMps, lambda t: t.held, args),
        **tree_map_only(OnMps, lambda t: t.held, kwargs),
    )
    written = _written(operation, args, kwargs)  # itself, not another tensor around what it holds
    return written if written is not None else tree_map_only(Tensor, OnMps, result)


def _written(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The argument that an operation writes to and returns, if it does."""
    if "out" in kwargs:
        return kwargs["out"]
    return args[0] if operation._schema.name.endswith("_") else None


@contextmanager
def made_up() -> Iterator[torch.device]:
    """Torch has the device meanwhile."""
    with pytest.MonkeyPatch.context() as patch, _Python(), _Device():
        patch.setattr(torch.backends.mps, "is_available", lambda: True)
        yield MPS
