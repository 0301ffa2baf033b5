"""Results of one pass of the fused kernels over two images."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ssimtool.kernels import operators as ops
from ssimtool.kernels.choice import readable
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.training import Expected


class OnePass(NamedTuple):
    """Results: `structure`, 1 − SSIM of each channel, (N, C); `mse`, `mae` of each image, (N,);
    `wide`, whether SSIM of an image was computed in float64, (N,)."""

    structure: Tensor
    mse: Tensor
    mae: Tensor
    wide: Tensor


def fused_losses(x: Tensor, y: Tensor, formula: Formula, dtype: torch.dtype) -> Tensor:
    """Return 1 − SSIM of each image, (N,), by the fused kernels, in float64 or `dtype`.

    The arguments are those of `one_pass`; the formula has no downsampling. Differentiable.
    """
    x, y = readable(x, y, dtype)
    if ops.is_watched(x, y):
        means = one_pass(x, y, formula, dtype, errors=False, expected=Expected(1))
        return means.structure.mean(dim=1)
    return ops.losses(x, y, formula, wide=dtype == torch.float64)


def one_pass(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    dtype: torch.dtype,
    *,
    structure: bool = True,
    errors: bool = True,
    expected: Expected | None = None,
) -> OnePass:
    """Return 1 − SSIM and the errors, from one pass over both images. Differentiable.

    A formula with downsampling needs two passes.

    Args:
        x, y: (N, C, H, W), on the CPU, with `kernels.choice.is_fused` true for them.
        formula: the formula of SSIM.
        dtype: the dtype of SSIM: float64, or float32 where it is precise enough.
        structure: whether to compute SSIM; without it, its means are 0.
        errors: whether to compute the errors; without them, they are 0.
        expected: slopes that each image will probably get; their gradients take no second pass.

    Returns:
        `OnePass`, its numbers in float64.
    """
    if structure and formula.downsample > 1:  # the errors are those of the original images
        small_x, small_y = ops.reduced(x, y, formula.downsample, torch.float64)
        plain = replace(formula, downsample=1)
        of_reduced = one_pass(small_x, small_y, plain, dtype, errors=False)
        if not errors:
            return of_reduced
        return one_pass(x, y, plain, dtype, structure=False)._replace(
            structure=of_reduced.structure, wide=of_reduced.wide
        )
    x, y = readable(x, y, dtype)
    wide = dtype == torch.float64
    means, error_means, of_wide = ops.measured(
        x, y, formula, wide=wide, structure=structure, errors=errors, expected=expected
    )
    return OnePass(means, error_means[:, 0], error_means[:, 1], of_wide)
