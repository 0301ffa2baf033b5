"""Kernels as torch operators, which autograd, torch.compile and fake tensors support."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ssimtool.catalog import Border
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.internals import is_dispatch_watched
from ssimtool.kernels.layout import is_interleaved, memory_format
from ssimtool.kernels.plain.blocks import wants_grad
from ssimtool.kernels.plain.reduction import reduced as reduced_by_torch
from ssimtool.kernels.plain.ssim import map_shape
from ssimtool.kernels.training import Expected, Measure, differentiable_gradients

# The fields of a `Formula` in the schema of an operator. Downsampling is done before.
FIELDS = "float[] weights, str border, float data_range, float k1, float k2"
READ = {torch.uint8, torch.uint16, torch.float32, torch.float64}
FormulaFields = tuple[list[float], str, float, float, float]


def measured(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    *,
    wide: bool,
    structure: bool,
    errors: bool,
    expected: Expected | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Call `tensors.measure`, through the operator only if a compiler or a tracer is active.

    The first call of the operator loads the compiler of torch, which takes most of a second.

    Args:
        x, y, formula, wide, structure, errors: those of `tensors.measure`.
        expected: slopes that the results will probably get, for gradients that are computed at
            once; None: their slopes are not known before.
    """
    results: tuple[Tensor, Tensor, Tensor]
    if _is_traced(x, y):
        flags = wide, structure, errors
        results = measure(x, y, *_fields(formula), *flags)
        return results
    if wants_grad(x, y):
        apply: Any = Measure.apply  # torch has no types
        results = apply(x, y, formula, wide, (structure, errors), expected)
        return results
    from ssimtool.kernels import tensors as cpu

    return cpu.measure(x, y, formula, wide=wide, structure=structure, errors=errors)


def losses(x: Tensor, y: Tensor, formula: Formula, *, wide: bool) -> Tensor:
    """Call `tensors.losses`. Neither autograd nor a compiler is active (`is_watched`)."""
    from ssimtool.kernels import tensors as cpu

    return cpu.losses(x, y, formula, wide=wide)


def mapped(x: Tensor, y: Tensor, formula: Formula, *, wide: bool) -> Tensor:
    """Call `tensors.ssim_map`, through the operator only if autograd or a compiler is active."""
    if is_watched(x, y):
        result: Tensor = ssim_map(x, y, *_fields(formula), wide)
        return result
    from ssimtool.kernels import tensors as cpu

    return cpu.ssim_map(x, y, formula, wide=wide)


def reduced(x: Tensor, y: Tensor, factor: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Call `tensors.reduced` on both images, or torch if autograd or a compiler is active.

    It is not an operator. Both images take the same path, so that equal samples have equal means.
    """
    if is_watched(x, y) or not {x.dtype, y.dtype} <= READ:
        return reduced_by_torch(x, factor, dtype), reduced_by_torch(y, factor, dtype)
    from ssimtool.kernels import tensors as cpu

    wide = dtype == torch.float64
    return cpu.reduced(x, factor, wide=wide), cpu.reduced(y, factor, wide=wide)


def is_watched(x: Tensor, y: Tensor) -> bool:
    """Whether autograd, a compiler or a tracer is active, or a tensor is of a subclass."""
    return wants_grad(x, y) or _is_traced(x, y)


def _is_traced(x: Tensor, y: Tensor) -> bool:
    """Whether a compiler or a tracer is active, or a tensor is of a subclass."""
    traced = torch.compiler.is_compiling() or is_dispatch_watched()
    return traced or not all(type(t) in (Tensor, Parameter) for t in (x, y))


def _fields(formula: Formula) -> FormulaFields:
    """Return a formula as the arguments of an operator."""
    parts = formula.data_range, formula.k1, formula.k2
    return list(formula.weights), formula.border, *parts


def _formula(weights: list[float], border: Border, *rest: float) -> Formula:
    data_range, k1, k2 = rest
    return Formula(tuple(weights), border, data_range, k1, k2)


@torch.library.custom_op(
    "ssimtool::measure",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor x, Tensor y, {FIELDS}, bool wide, bool structure, bool errors) "
    "-> (Tensor, Tensor, Tensor)",
)
def measure(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Call `ssimtool.kernels.tensors.measure`."""
    from ssimtool.kernels import tensors as cpu

    *fields, wide, structure, errors = rest
    formula = _formula(*fields)
    return cpu.measure(x, y, formula, wide=wide, structure=structure, errors=errors)


@measure.register_fake
def _(x: Tensor, y: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    n, c = x.shape[:2]
    means, errors = (x.new_empty((n, k), dtype=torch.float64) for k in (c, 2))
    return means, errors, x.new_empty((n,), dtype=torch.bool)


@torch.library.custom_op(
    "ssimtool::measure_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor x, Tensor y, Tensor by_structure, Tensor by_errors, Tensor of_wide, {FIELDS}, "
    "bool of_x, bool of_y) -> (Tensor, Tensor)",
)
def measure_backward(
    x: Tensor, y: Tensor, by_structure: Tensor, by_errors: Tensor, of_wide: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    """Call `ssimtool.kernels.gradients.gradients`."""
    from ssimtool.kernels.gradients import gradients

    *formula, of_x, of_y = rest
    return gradients(x, y, _formula(*formula), by_structure, by_errors, of_wide, sides=(of_x, of_y))


@measure_backward.register_fake
def _(
    x: Tensor, y: Tensor, by_structure: Tensor, by_errors: Tensor, of_wide: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    n, *sides = x.shape
    interleaved = is_interleaved(x)
    first, second = (
        torch.empty(
            (n if side else 0, *sides),
            dtype=x.dtype,
            device=x.device,
            memory_format=memory_format(interleaved and side),
        )
        for side in rest[-2:]
    )
    return first, second


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, y, *ctx.formula, _, ctx.structure, _ = inputs
    ctx.save_for_backward(x, y, output[2])


def _back(ctx: Any, by_structure: Tensor, by_errors: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    x, y, of_wide = ctx.saved_tensors
    sides = ctx.needs_input_grad[:2]
    if torch.is_grad_enabled():  # a second derivative is requested
        parts = _formula(*ctx.formula), ctx.structure, sides
        gradients = differentiable_gradients(x, y, by_structure, by_errors, *parts)
    else:
        gradients = torch.ops.ssimtool.measure_backward(
            x, y, by_structure, by_errors, of_wide, *ctx.formula, *sides
        )
    kept = (gradient if side else None for gradient, side in zip(gradients, sides, strict=True))
    return (*kept, *[None] * 8)


measure.register_autograd(_back, setup_context=_keep)


@torch.library.custom_op(
    "ssimtool::ssim_map",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor x, Tensor y, {FIELDS}, bool wide) -> Tensor",
)
def ssim_map(x: Tensor, y: Tensor, *rest: Any) -> Tensor:
    """Call `ssimtool.kernels.tensors.ssim_map`."""
    from ssimtool.kernels import tensors as cpu

    *formula, wide = rest
    return cpu.ssim_map(x, y, _formula(*formula), wide=wide)


@ssim_map.register_fake
def _(x: Tensor, y: Tensor, *rest: Any) -> Tensor:
    *formula, wide = rest
    return torch.empty(
        map_shape(x, _formula(*formula)),
        dtype=torch.float64 if wide else torch.float32,
        device=x.device,
        memory_format=memory_format(is_interleaved(x)),
    )
