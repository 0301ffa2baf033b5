"""All that one pass of the fused kernels over two images gives."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ssimtool.kernels import operators as ops
from ssimtool.kernels.choice import readable
from ssimtool.kernels.formula import Formula


class OnePass(NamedTuple):
    """`structure` is 1 − SSIM of each channel, (N, C); `mse` and `mae` are of each image, (N,)."""

    structure: Tensor
    mse: Tensor
    mae: Tensor


def one_pass(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    dtype: torch.dtype,
    *,
    structure: bool = True,
    errors: bool = True,
) -> OnePass:
    """1 − SSIM and the errors, from reading both images once (twice where the formula reduces
    them first); differentiable.

    Args:
        x, y: (N, C, H, W), on the CPU, for which `kernels.choice.is_fused` holds.
        formula: which SSIM.
        dtype: what SSIM is computed in, float32 or float64.
        structure: False leaves SSIM out: its means are 0.
        errors: False leaves the errors out: theirs are 0.

    Returns:
        float64 throughout.
    """
    if structure and formula.downsample > 1:  # the errors are those of the images as they are
        near, far = ops.reduced(x, y, formula.downsample, dtype)
        plain = replace(formula, downsample=1)
        of_reduced = one_pass(near, far, plain, dtype, errors=False)
        if not errors:
            return of_reduced
        return one_pass(x, y, plain, dtype, structure=False)._replace(
            structure=of_reduced.structure
        )
    x, y = readable(x, y, dtype)
    wide = dtype == torch.float64
    means, wrong = ops.measured(x, y, formula, wide=wide, structure=structure, errors=errors)
    return OnePass(means, wrong[:, 0], wrong[:, 1])
