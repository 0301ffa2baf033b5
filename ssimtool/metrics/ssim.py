"""Structural similarity of two images: its mean, its loss 1 − SSIM and its map.

`kernels.choice` decides whether the fused kernels of the CPU or plain torch operations compute. The
formula is in `ssimtool.kernels.plain.ssim`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Num, Shaped
from torch import Tensor

from ssimtool.catalog import Definition
from ssimtool.kernels import operators as ops
from ssimtool.kernels.choice import is_fused, readable
from ssimtool.kernels.plain.blocks import (
    joined,
    sum_dtype,
    wants_grad,
)
from ssimtool.kernels.plain.reduction import reduced
from ssimtool.kernels.plain.ssim import loss_maps, map_shape, mean_losses
from ssimtool.metrics.arguments import checked, formula_for
from ssimtool.metrics.one_pass import fused_losses
from ssimtool.metrics.ranges import DataRange
from ssimtool.metrics.weighted import weighted_losses, weighted_map
from ssimtool.metrics.weights import settled_weight
from ssimtool.settings import BackendName


def ssim(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """Mean structural similarity (SSIM) of each image.

    ssim = mean of luminance · contrast_structure over the windows and the channels. A definition
    with downsampling applies it to both images first.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations; the
            two differ in rounding. `auto` takes the fused kernels for CPU tensors that are large
            enough.
        weight: the weight of each pixel, (N or 1, 1, H, W), 0 or more, of any scale. The weights of
            a window are multiplied by those of its pixels, and the window has the weight of its
            centre in the mean. A uniform weight changes nothing; any other is computed by plain
            torch operations. Samples of weight 0 may have any value, even NaN, unless a gradient by
            the weight is requested.

    Returns:
        (N,), −1 to 1, in the computing dtype; identical images give exactly 1.

    Raises:
        TypeError: an image is not a tensor; the data range is missing or not a number.
        ValueError: shapes, devices or arguments do not match; an image is smaller than the window;
            weights are negative, not finite or all 0; no window has a centre of weight above 0.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13 and 17, doi:10.1109/TIP.2003.819861;
    with a weight, normalised convolution: Knutsson, Westin 1993, doi:10.1109/CVPR.1993.341081.

    >>> ones = torch.ones(1, 1, 16, 16)
    >>> ssim(ones / 2, ones, data_range=1)  # (2·0.5·1 + c1)/(0.25 + 1 + c1), c1 = 1e-4
    tensor([0.8000])
    """
    return 1 - ssim_loss(
        x,
        y,
        data_range=data_range,
        definition=definition,
        dtype=dtype,
        backend=backend,
        weight=weight,
    )


def ssim_loss(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, " n"]:
    """SSIM loss of each image, 1 − SSIM, precise even for nearly identical images.

    ssim_loss = mean of A + B − A·B over the windows and the channels, with A = 1 − luminance and
    B = 1 − contrast_structure (see `ssimtool.kernels.plain.ssim`).

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations; the
            two differ in rounding. `auto` takes the fused kernels for CPU tensors that are large
            enough.
        weight: the weight of each pixel, (N or 1, 1, H, W), 0 or more, of any scale. The weights of
            a window are multiplied by those of its pixels, and the window has the weight of its
            centre in the mean. A uniform weight changes nothing; any other is computed by plain
            torch operations. Samples of weight 0 may have any value, even NaN, unless a gradient by
            the weight is requested.

    Returns:
        (N,), 0 to 2, in the computing dtype; identical images give exactly 0.

    Raises:
        TypeError: an image is not a tensor; the data range is missing or not a number.
        ValueError: shapes, devices or arguments do not match; an image is smaller than the window;
            weights are negative, not finite or all 0; no window has a centre of weight above 0.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.B, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.full((1, 1, 16, 16), 0.5)
    >>> ssim_loss(x, x, data_range=1)
    tensor([0.])
    """
    weight = settled_weight(weight, x, y, backend)
    x, y, limit, definition, dtype, of_result = checked(x, y, data_range, definition, dtype)
    if weight is not None:
        return weighted_losses(x, y, weight, definition, limit).mean(dim=1).to(of_result)
    formula = formula_for(definition, limit)
    if formula.downsample > 1:
        x, y = _reduced(x, y, formula.downsample, fused=is_fused(x, y, backend))
        formula = replace(formula, downsample=1)
    if is_fused(x, y, backend, window_size=len(formula.weights)):
        return fused_losses(x, y, formula, dtype).to(of_result)
    return mean_losses(x, y, formula).mean(dim=1).to(of_result)


def ssim_map(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
    weight: Shaped[Tensor, "#n 1 h w"] | None = None,
) -> Float[Tensor, "n c h_out w_out"]:
    """SSIM map of each image: the structural similarity at every window position, by channel.

    ssim_map = (2 mu_x mu_y + c1)(2 sigma_xy + c2)
               / ((mu_x² + mu_y² + c1)(sigma_x² + sigma_y² + c2)).

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations; the
            two differ in rounding. `auto` takes the fused kernels for CPU tensors that are large
            enough.
        weight: the weight of each pixel, (N or 1, 1, H, W), 0 or more, of any scale. The weights of
            a window are multiplied by those of its pixels, and the window has the weight of its
            centre in the mean. A uniform weight changes nothing; any other is computed by plain
            torch operations. Samples of weight 0 may have any value, even NaN, unless a gradient by
            the weight is requested.

    Returns:
        (N, C, H', W'), −1 to 1, in the computing dtype. The map is as large as the (downsampled)
        image if the definition extends it, and smaller by window_size − 1 with the border `valid`.
        Its mean over an image is `ssim`; with a weight, its mean weighted by the centres of the
        windows. It is 1 where all weights under the window are 0.

    Raises:
        TypeError: an image is not a tensor; the data range is missing or not a number.
        ValueError: shapes, devices or arguments do not match; an image is smaller than the window;
            weights are negative, not finite or all 0.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, doi:10.1109/TIP.2003.819861.

    >>> x = torch.zeros(1, 1, 16, 20)
    >>> ssim_map(x, x, data_range=1).shape
    torch.Size([1, 1, 6, 10])
    >>> ssim_map(x, x, data_range=1, definition="cvae").shape
    torch.Size([1, 1, 16, 20])
    """
    weight = settled_weight(weight, x, y, backend)
    x, y, limit, definition, dtype, of_result = checked(x, y, data_range, definition, dtype)
    if weight is not None:
        return weighted_map(x, y, weight, definition, limit, of_result)
    formula = formula_for(definition, limit)
    if formula.downsample > 1:
        x, y = _reduced(x, y, formula.downsample, fused=is_fused(x, y, backend))
        formula = replace(formula, downsample=1)
    fused = is_fused(x, y, backend, window_size=len(formula.weights))
    if fused and not wants_grad(x, y):
        x, y = readable(x, y, dtype)
        return ops.mapped(x, y, formula, wide=dtype == torch.float64).to(of_result)
    losses = loss_maps(x, y, formula)
    return joined(((b, 1 - loss) for b, loss in losses), map_shape(x, formula), x, of_result)


def _reduced(x: Tensor, y: Tensor, factor: int, *, fused: bool) -> tuple[Tensor, Tensor]:
    """Return both images, downsampled in the same way, in float64 if the device has it."""
    dtype = sum_dtype(x)
    if fused:
        return ops.reduced(x, y, factor, dtype)
    return reduced(x, factor, dtype), reduced(y, factor, dtype)
