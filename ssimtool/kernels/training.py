"""1 − SSIM and the errors for autograd, without the operators, which take 0.3 ms more a step.

A training step computes gradients for slopes that are known before: those of a mean over the batch.
The forward pass therefore computes the gradients at once, from the windows that it has. If the
slopes that come back are others, but for a factor of each image, the gradients are computed again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssimtool.kernels.formula import Formula
from ssimtool.kernels.means import FloatArray
from ssimtool.kernels.plain.ssim import mean_losses


class Expected(NamedTuple):
    """Slopes that an image of the batch is expected to get: by the mean of 1 − SSIM over its
    channels, and by its mean squared error."""

    structure: float
    square: float = 0.0


class Measure(torch.autograd.Function):
    """`tensors.measure` with gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        y: Tensor,
        formula: Formula,
        wide: bool,
        parts: tuple[bool, bool],
        expected: Expected | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the results of `tensors.measure`; `parts` are its `structure` and `errors`."""
        from ssimtool.kernels import gradients, tensors

        structure, errors = parts
        ctx.formula, ctx.structure, ctx.expected = formula, structure, expected
        sides, known = ctx.needs_input_grad[:2], None
        if expected is not None and structure:
            slopes = slopes_of(expected, x)
            known = gradients.measure_and_differentiate(
                x, y, formula, *slopes, wide=wide, sides=sides
            )
        if known is None:
            results = tensors.measure(x, y, formula, wide=wide, structure=structure, errors=errors)
            ctx.save_for_backward(x, y, results[2])
        else:
            results = known[:3]
            ctx.save_for_backward(x, y, results[2], *known.gradients)
        ctx.mark_non_differentiable(results[2])
        return results

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by x and y."""
        from ssimtool.kernels.gradients import gradients

        x, y, of_wide, *known = ctx.saved_tensors
        by_structure, by_errors, _ = slopes
        sides = ctx.needs_input_grad[:2]
        results: Any = None
        if torch.is_grad_enabled():  # a second derivative is requested
            args = ctx.formula, ctx.structure, sides
            results = differentiable_gradients(x, y, by_structure, by_errors, *args)
        elif known:
            factors = factors_of(by_structure, by_errors, ctx.expected, x)
            results = None if factors is None else [_times(g, factors) for g in known]
        if results is None:
            results = gradients(x, y, ctx.formula, by_structure, by_errors, of_wide, sides=sides)
        kept = (g if side else None for g, side in zip(results, sides, strict=True))
        return (*kept, *[None] * 4)


def slopes_of(expected: Expected, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the expected slopes by the results of a batch, (N, C) and (N, 2), float64."""
    n, c = x.shape[:2]
    by_structure = torch.full((n, c), expected.structure / (n * c), dtype=torch.float64)
    by_errors = torch.zeros((n, 2), dtype=torch.float64)
    by_errors[:, 0] = expected.square / n
    return by_structure, by_errors


def factors_of(
    by_structure: Tensor, by_errors: Tensor, expected: Expected, x: Tensor
) -> FloatArray | None:
    """Return the factor of the slopes of each image beside the expected ones, (N,).

    Slopes that agree to a rounding of the dtype of `x` are equal: they have been rounded to it.

    Returns:
        the factors; an empty array if all are 1; None if the slopes of an image have several.
    """
    n, c = x.shape[:2]
    rounding = torch.finfo(x.dtype).eps
    scaled = by_structure.numpy() * (n * c / expected.structure)
    factors: FloatArray = scaled[:, 0]
    others = by_errors.numpy() * n
    others[:, 0] -= factors * expected.square
    largest = np.abs(factors)[:, None] * rounding
    fits = (np.abs(scaled - factors[:, None]) <= largest).all()
    if not (fits and (np.abs(others) <= largest * abs(expected.square)).all()):
        return None
    is_one = bool((np.abs(factors - 1) <= rounding / 2).all())
    return factors[:0] if is_one else factors


def _times(gradient: Tensor, factors: FloatArray) -> Tensor:
    """Return the gradient of each image times its factor; an unwanted one is empty."""
    if not (len(factors) and len(gradient)):
        return gradient
    return gradient * torch.from_numpy(factors).to(gradient.dtype)[:, None, None, None]


def differentiable_gradients(
    x: Tensor,
    y: Tensor,
    by_structure: Tensor,
    by_errors: Tensor,
    formula: Formula,
    structure: bool,
    sides: tuple[bool, bool],
) -> list[Tensor | None]:
    """Compute the gradients by torch operations, which have gradients themselves."""
    a, b = (t.view_as(t) for t in (x, y))
    d = a.double() - b.double()
    errors = torch.stack((d.square().mean(dim=(1, 2, 3)), d.abs().mean(dim=(1, 2, 3))), dim=1)
    results, slopes = [errors], [by_errors]
    if structure:
        results.append(mean_losses(a, b, formula))
        slopes.append(by_structure)
    wanted = [t for t, side in zip((a, b), sides, strict=True) if side]
    gradients = iter(torch.autograd.grad(results, wanted, slopes, create_graph=True))
    return [next(gradients) if side else None for side in sides]
