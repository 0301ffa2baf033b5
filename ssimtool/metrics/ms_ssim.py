"""The multi-scale structural similarity of two images, and its loss 1 − MS-SSIM.

Each scale is the mean of each 2×2 pixels of the one before (`halving`). Of each scale but the last
one there is the mean of contrast_structure, of the last one that of SSIM, by the same computations
as SSIM itself: `formula.contrast_structure_of` says how.
"""

from __future__ import annotations

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
    smallest_side_of_scales,
)
from ssimtool.kernels.plain.blocks import check_data_range, check_pair, computing_dtype
from ssimtool.kernels.plain.ssim import mean_losses
from ssimtool.metrics.halving import halved, holding_dtype
from ssimtool.metrics.one_pass import one_pass
from ssimtool.settings import BackendName


def ms_ssim(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: float,
    definition: str | Definition = "wang2004",
    scales: int = 5,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
) -> Float[Tensor, " n"]:
    """The multi-scale structural similarity of each image.

    ms_ssim = Π_j mean(contrast_structure of scale j)^w_j · mean(ssim of the last scale)^w_last, by
    channel, then the mean over the channels. A mean that is negative counts as 0, and so does one
    that the rounding of the computing dtype does not tell from 0; its gradient is 0.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1].
        definition: which SSIM at each scale, by name or as data (`ssimtool.find_definition`). Its
            own downsampling is left out: the scales are that.
        scales: 1 to 5. Fewer than 5 take the first weights, divided by their sum; 1 is SSIM.
        dtype: what it is computed in; by default float32, or float64 for float64 and for integers
            of 32 bits and more. Sums are kept in float64.
        backend: `fused` for the kernels of the CPU, `torch` for plain torch operations, which
            differ by their rounding; `auto` takes the fused ones for CPU tensors of some size.

    Returns:
        (N,), 0 to 1, in the computing dtype; identical images give exactly 1.

    Raises:
        ValueError: shapes, devices or arguments that do not fit, an image too small for so many
            scales: five with a window of 11 need 161 pixels.

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
    data_range: float,
    definition: str | Definition = "wang2004",
    scales: int = 5,
    dtype: torch.dtype | None = None,
    backend: BackendName = "auto",
) -> Float[Tensor, " n"]:
    """The loss 1 − MS-SSIM of each image, precise however close the two are.

    ms_ssim_loss = −expm1(Σ_j w_j·log1p(−loss of scale j)), by channel, then the mean over the
    channels.

    Args, raises: as `ms_ssim`.

    Returns:
        (N,), 0 to 1, in the computing dtype; identical images give exactly 0.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.full((1, 1, 32, 32), 0.5)
    >>> ms_ssim_loss(x, x, data_range=1, scales=2)
    tensor([0.])
    """
    check_pair(x, y)
    check_data_range(data_range)
    definition = find_definition(definition)
    weights = scale_weights(scales)
    _check_size(x, definition, scales)
    formula = formula_of_scales(definition, data_range)
    dtype = computing_dtype(x, y, dtype=dtype)
    fused = is_fused(x, y, backend, window_size=len(formula.weights))
    found = ms_ssim_losses(x, y, formula, weights, dtype, fused=fused)
    return found.mean(dim=1).to(dtype)


def ms_ssim_losses(
    x: Tensor,
    y: Tensor,
    formula: Formula,
    weights: tuple[float, ...],
    dtype: torch.dtype,
    *,
    fused: bool,
) -> Tensor:
    """1 − MS-SSIM of each channel, (N, C), in float64 where there is one.

    Args:
        x, y: (N, C, H, W), large enough.
        formula: of SSIM at each scale.
        weights: of the scales.
        dtype: what SSIM is computed in, float32 or float64; of floats, the scales but the first
            are computed in float64 by either, where there is one.
        fused: whether by the fused kernels, which read x and y (`kernels.choice.is_fused`).
    """
    held, given = (holding_dtype(x), holding_dtype(y)), dtype
    losses = []
    for scale in range(len(weights)):
        if scale:
            x, y = halved(x, held[0]), halved(y, held[1])
            dtype = promote_types(given, promote_types(x.dtype, y.dtype))
        is_last = scale == len(weights) - 1
        wide = dtype == torch.float64
        of_scale = formula if is_last else contrast_structure_of(formula, wide=wide)
        if fused:
            losses.append(one_pass(x, y, of_scale, dtype, errors=False).structure)
        else:
            losses.append(mean_losses(x, y, of_scale, dtype))
    return _combined(torch.stack(losses), weights, torch.finfo(given).eps)


def _combined(losses: Tensor, weights: tuple[float, ...], eps: float) -> Tensor:
    """The loss of all scales by those of each, (scales, N, C), computed with a rounding of eps."""
    # The power of a mean near 0 has a slope without bound. Below the rounding of what the mean was
    # summed from it says nothing, so there the mean is 0 as the negative ones are.
    lost = losses >= 1 - eps
    each = losses.new_tensor(weights)[:, None, None]
    # What is lost takes no part in the logarithm, whose gradient would be infinite, or NaN.
    total = (each * torch.log1p(-losses.masked_fill(lost, 0))).sum(dim=0)
    # 0 − …, since −… of identical images were −0.
    return torch.where(lost.any(dim=0), 1, 0 - torch.expm1(total))


def _check_size(x: Tensor, definition: Definition, scales: int) -> None:
    height, width = x.shape[2:]
    needed = smallest_side_of_scales(definition, scales)
    if min(height, width) < needed:
        raise ValueError(
            f"the images are {width}x{height} pixels: expected at least {needed}x{needed} for "
            f"{scales} scales of a window of {definition.window_size} with the border "
            f"{definition.border!r}, or fewer scales"
        )


class MSSSIMLoss(nn.Module):
    """1 − MS-SSIM of a batch.

    loss = 1 − mean of MS-SSIM over the batch.

    Args:
        data_range: the dynamic range of the samples.
        definition: which SSIM at each scale, by name or as data (`ssimtool.find_definition`).
        scales: 1 to 5; five with a window of 11 need images of 161 pixels.

    Raises:
        ValueError: an argument outside its range.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.C, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.rand(2, 3, 48, 48)
    >>> MSSSIMLoss(scales=3)(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        *,
        data_range: float = 1.0,
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
        """The loss.

        Args:
            x, y: two batches, (N, C, H, W), of any number of channels.

        Returns:
            1 − mean MS-SSIM, a scalar from 0 to 1.

        Raises:
            ValueError: shapes or devices that do not fit, or images too small for the scales.
        """
        of_each = ms_ssim_loss(
            x, y, data_range=self.data_range, definition=self.definition, scales=self.scales
        )
        return of_each.mean()

    def extra_repr(self) -> str:
        return (
            f"data_range={self.data_range}, definition={self.definition.name!r}, "
            f"scales={self.scales}"
        )
