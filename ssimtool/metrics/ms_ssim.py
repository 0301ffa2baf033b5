"""Multi-scale structural similarity of two images, and its loss 1 − MS-SSIM.

Each scale holds the means of 2×2 pixels of the previous one (`halving`). The last scale contributes
its mean SSIM, the others their mean contrast_structure. The code of SSIM computes both:
`formula.contrast_structure_of` explains how.
"""

from __future__ import annotations

from typing import SupportsFloat

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn, promote_types

from ssimtool.catalog import Definition, find_definition
from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.formula import (
    Formula,
    contrast_structure_of,
    formula_of_scales,
    scale_weights,
)
from ssimtool.kernels.plain.blocks import check_pair, computing_dtype
from ssimtool.kernels.plain.ssim import mean_losses
from ssimtool.metrics.arguments import check_size_of_scales
from ssimtool.metrics.halving import halved, holding_dtype
from ssimtool.metrics.one_pass import one_pass
from ssimtool.metrics.ranges import DataRange, check_data_range, computed_in, settled_range
from ssimtool.settings import BackendName


def ms_ssim(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    definition: str | Definition = "wang2004",
    scales: int = 5,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
) -> Float[Tensor, " n"]:
    """Mean multi-scale structural similarity (MS-SSIM) of each image.

    ms_ssim = Π_j mean(contrast_structure of scale j)^w_j · mean(ssim of the last scale)^w_last for
    each channel, then the mean over the channels. A mean that is negative, or 0 within the rounding
    of the computing dtype, is replaced by 0; its gradient is 0.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        definition: which SSIM at each scale, by name or as data (`ssimtool.find_definition`). Its
            own downsampling is not applied, because the scales replace it.
        scales: 1 to 5. Fewer than 5 take the first weights, divided by their sum; 1 is SSIM.
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations; the
            two differ in rounding. `auto` takes the fused kernels for CPU tensors that are large
            enough.

    Returns:
        (N,), 0 to 1, in the computing dtype; identical images give exactly 1.

    Raises:
        TypeError: an image is not a tensor; the data range is missing or not a number.
        ValueError: shapes, devices or arguments do not match, or an image is too small for the
            scales: five scales with a window of 11 need 161 pixels.

    Source: Wang, Simoncelli, Bovik 2003, eq. 7, doi:10.1109/ACSSC.2003.1292216.

    >>> ones = torch.ones(1, 1, 161, 161)
    >>> ms_ssim(ones / 2, ones, data_range=1)  # 0.8000^0.1333: the luminance of the last scale
    tensor([0.9707])
    """
    loss = ms_ssim_loss(
        x,
        y,
        data_range=data_range,
        definition=definition,
        scales=scales,
        dtype=dtype,
        backend=backend,
    )
    return 1 - loss


def ms_ssim_loss(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: DataRange = None,
    definition: str | Definition = "wang2004",
    scales: int = 5,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
) -> Float[Tensor, " n"]:
    """MS-SSIM loss of each image, 1 − MS-SSIM, precise even for nearly identical images.

    ms_ssim_loss = −expm1(Σ_j w_j·log1p(−loss of scale j)) for each channel, then the mean over the
    channels.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1]. A tensor (N,)
            is the range of each image. The default is that of uint8 or uint16; floats need one.
        definition: which SSIM at each scale, by name or as data (`ssimtool.find_definition`). Its
            own downsampling is not applied, because the scales replace it.
        scales: 1 to 5. Fewer than 5 take the first weights, divided by their sum; 1 is SSIM.
        dtype: the dtype of the computation. The default is float32, or float64 for float64 samples
            and for integers of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the fused kernels of the CPU, `torch` for plain torch operations; the
            two differ in rounding. `auto` takes the fused kernels for CPU tensors that are large
            enough.

    Returns:
        (N,), 0 to 1, in the computing dtype; identical images give exactly 0.

    Raises:
        TypeError: an image is not a tensor; the data range is missing or not a number.
        ValueError: shapes, devices or arguments do not match, or an image is too small for the
            scales: five scales with a window of 11 need 161 pixels.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.full((1, 1, 32, 32), 0.5)
    >>> ms_ssim_loss(x, x, data_range=1, scales=2)
    tensor([0.])
    """
    check_pair(x, y)
    of_result = computing_dtype(x, y, dtype=dtype)
    x, y, limit = settled_range(x, y, data_range)
    dtype = computed_in(data_range, x, of_result)
    definition = find_definition(definition)
    weights = scale_weights(scales)
    check_size_of_scales(x, definition, scales)
    formula = formula_of_scales(definition, limit)
    fused = is_fused(x, y, backend, window_size=len(formula.weights))
    losses = ms_ssim_losses(x, y, formula, weights, dtype, fused=fused)
    return losses.mean(dim=1).to(of_result)


def ms_ssim_losses(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    weights: tuple[float, ...],
    dtype: torch.dtype,
    *,
    fused: bool,
) -> Tensor:
    """Return 1 − MS-SSIM of each channel, (N, C), in float64 if the device has it.

    Args:
        x, y: (N, C, H, W), large enough for the scales.
        formula: the formula of SSIM at each scale.
        weights: the weights of the scales.
        dtype: the dtype of SSIM, float32 or float64. For float samples, the scales after the first
            are computed in float64 with either, if the device has it.
        fused: whether the fused kernels compute; they must be able to read x and y
            (`kernels.choice.is_fused`).
    """
    x_dtype, y_dtype, first_dtype = holding_dtype(x), holding_dtype(y), dtype
    losses = []
    for scale in range(len(weights)):
        if scale:
            x, y = halved(x, x_dtype), halved(y, y_dtype)
            dtype = promote_types(first_dtype, promote_types(x.dtype, y.dtype))
        is_last = scale == len(weights) - 1
        wide = dtype == torch.float64
        of_scale = formula if is_last else contrast_structure_of(formula, wide=wide)
        if fused:
            losses.append(one_pass(x, y, of_scale, dtype, errors=False).structure)
        else:
            losses.append(mean_losses(x, y, of_scale))
    return _combined(torch.stack(losses), weights, torch.finfo(first_dtype).eps)


def _combined(losses: Tensor, weights: tuple[float, ...], eps: float) -> Tensor:
    """Combine the losses of the scales, (scales, N, C), computed with a rounding of eps."""
    # The power of a mean near 0 has an unbounded slope. Below the rounding of its terms the mean
    # holds no information, so it is set to 0, like the negative means.
    is_zero = losses >= 1 - eps
    exponents = losses.new_tensor(weights)[:, None, None]
    # A mean of 0 is left out of the logarithm, whose gradient would be infinite or NaN.
    total = (exponents * torch.log1p(-losses.masked_fill(is_zero, 0))).sum(dim=0)
    # 0 − … instead of −…, which would be −0 for identical images.
    return torch.where(is_zero.any(dim=0), 1, 0 - torch.expm1(total))


class MSSSIMLoss(nn.Module):
    """MS-SSIM loss of a batch: loss = 1 − mean of MS-SSIM over the batch.

    Args:
        data_range: the dynamic range of the samples.
        definition: which SSIM at each scale, by name or as data (`ssimtool.find_definition`).
        scales: 1 to 5; five scales with a window of 11 need images of 161 pixels.

    Raises:
        ValueError: an argument is outside its range.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.rand(2, 3, 48, 48)
    >>> MSSSIMLoss(scales=3)(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        data_range: SupportsFloat = 1.0,
        definition: str | Definition = "wang2004",
        scales: int = 5,
    ) -> None:
        super().__init__()
        check_data_range(data_range)
        scale_weights(scales)
        self.data_range = data_range
        self.definition = find_definition(definition)
        self.scales = scales

    def forward(self, x: Num[Tensor, "n c h w"], y: Num[Tensor, "n c h w"]) -> Float[Tensor, ""]:
        """Return the loss.

        Args:
            x, y: two batches, (N, C, H, W), with any number of channels.

        Returns:
            1 − mean MS-SSIM, a scalar from 0 to 1.

        Raises:
            ValueError: shapes or devices do not match, or images are too small for the scales.
        """
        losses = ms_ssim_loss(
            x, y, data_range=self.data_range, definition=self.definition, scales=self.scales
        )
        return losses.mean()

    def extra_repr(self) -> str:
        return (
            f"data_range={self.data_range}, definition={self.definition.name!r}, "
            f"scales={self.scales}"
        )
