"""The structural similarity of two images, its loss and its map.

Computed by sums and differences: with s = x + y, d = x − y and the window-weighted means mu and
variances sigma_sq of s and d,

    1 − luminance          = mu_d² / ((mu_s² + mu_d²)/2 + c1)                        (A)
    1 − contrast_structure = sigma_d_sq / ((sigma_s_sq + sigma_d_sq)/2 + c2)         (B)
    1 − ssim               = A + B − A·B

which is equation 13 of Wang, Bovik, Sheikh, Simoncelli 2004 (doi:10.1109/TIP.2003.819861) to the
letter, since 2 mu_x mu_y = (mu_s² − mu_d²)/2 and mu_x² + mu_y² = (mu_s² + mu_d²)/2, and the same
holds for the second moments. It takes four blurs instead of five, and the loss is a sum of small
terms of one sign, so that it keeps its relative precision however close the two images are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor

from ssimtool.catalog import Definition, find_definition
from ssimtool.metrics.blocks import (
    Block,
    blocks,
    check_data_range,
    check_pair,
    computing_dtype,
    sum_dtype,
)
from ssimtool.metrics.windows import blur, extend, window_weights


def ssim(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: float,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
) -> Float[Tensor, " n"]:
    """The mean structural similarity of each image.

    ssim = mean of luminance · contrast_structure over the windows and the channels.

    Args:
        x: the reference, (N, C, H, W), any real dtype.
        y: the distorted image, of the same shape, on the same device.
        data_range: the dynamic range L of the samples: 255 for 8 bits, 1 for [0, 1].
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).
        dtype: what it is computed in; by default float32, or float64 for float64 and for integers
            of 32 bits and more. Sums are kept in float64.

    Returns:
        (N,), −1 to 1, in the computing dtype; identical images give exactly 1.

    Raises:
        ValueError: shapes, devices or arguments that do not fit, an image smaller than the window.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13 and 17, doi:10.1109/TIP.2003.819861.

    >>> ones = torch.ones(1, 1, 16, 16)
    >>> ssim(ones / 2, ones, data_range=1)  # (2·0.5·1 + c1)/(0.25 + 1 + c1), c1 = 1e-4
    tensor([0.8000])
    """
    loss = ssim_loss(x, y, data_range=data_range, definition=definition, dtype=dtype)
    return 1 - loss


def ssim_loss(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: float,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
) -> Float[Tensor, " n"]:
    """The loss 1 − SSIM of each image, precise however close the two are.

    ssim_loss = mean of A + B − A·B (see the module) over the windows and the channels.

    Args, raises: as `ssim`.

    Returns:
        (N,), 0 to 2, in the computing dtype; identical images give exactly 0.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.B, doi:10.1109/TCI.2016.2644865.

    >>> x = torch.full((1, 1, 16, 16), 0.5)
    >>> ssim_loss(x, x, data_range=1)
    tensor([0.])
    """
    settled = _settled(x, y, data_range, definition, dtype)
    n, c, h, w = _map_shape(x, settled.definition)
    total = torch.zeros(n, dtype=sum_dtype(x), device=x.device)
    for block, loss in _loss_maps(x, y, settled):
        total[block.images] += loss.sum(dim=(1, 2, 3), dtype=total.dtype)
    return (total / (c * h * w)).to(settled.dtype)


def ssim_map(
    x: Num[Tensor, "n c h w"],
    y: Num[Tensor, "n c h w"],
    *,
    data_range: float,
    definition: str | Definition = "wang2004",
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "n c h_out w_out"]:
    """The structural similarity under every position of the window, channel by channel.

    ssim_map = (2 mu_x mu_y + c1)(2 sigma_xy + c2)
               / ((mu_x² + mu_y² + c1)(sigma_x² + sigma_y² + c2)).

    Args, raises: as `ssim`.

    Returns:
        (N, C, H', W'), −1 to 1: as large as the image where the definition extends it, smaller by
        window_size − 1 with the border `valid`. Its mean over an image is `ssim`.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, doi:10.1109/TIP.2003.819861.

    >>> x = torch.zeros(1, 1, 16, 20)
    >>> ssim_map(x, x, data_range=1).shape
    torch.Size([1, 1, 6, 10])
    >>> ssim_map(x, x, data_range=1, definition="cvae").shape
    torch.Size([1, 1, 16, 20])
    """
    settled = _settled(x, y, data_range, definition, dtype)
    shape = _map_shape(x, settled.definition)
    result = torch.empty(shape, dtype=settled.dtype, device=x.device)
    for block, loss in _loss_maps(x, y, settled):
        result[block.images, :, block.rows] = 1 - loss
    return result


@dataclass(frozen=True)
class _Settled:
    """The arguments after they were checked."""

    data_range: float
    definition: Definition
    weights: tuple[float, ...]
    margin: int
    dtype: torch.dtype


def _settled(
    x: Tensor,
    y: Tensor,
    data_range: float,
    definition: str | Definition,
    dtype: torch.dtype | None,
) -> _Settled:
    check_pair(x, y)
    check_data_range(data_range)
    definition = find_definition(definition)
    margin = 0 if definition.border == "valid" else definition.window_size // 2
    needed = smallest_side(definition)
    if min(x.shape[2:]) < needed:
        raise ValueError(
            f"the images are {x.shape[3]}x{x.shape[2]} pixels: expected at least {needed}x{needed} "
            f"for a window of {definition.window_size} with the border {definition.border!r}"
        )
    dtype = computing_dtype(x, y, dtype=dtype)
    return _Settled(float(data_range), definition, window_weights(definition), margin, dtype)


def smallest_side(definition: Definition) -> int:
    """The smallest height and width in pixels that a definition can be computed on."""
    margin = definition.window_size // 2
    return {
        "valid": definition.window_size,
        "zero": 1,
        "mirror": margin + 1,
        "symmetric": max(1, margin),
    }[definition.border]


def _map_shape(x: Tensor, definition: Definition) -> tuple[int, int, int, int]:
    n, c, h, w = x.shape
    shrink = definition.window_size - 1 if definition.border == "valid" else 0
    return n, c, h - shrink, w - shrink


def _loss_maps(x: Tensor, y: Tensor, settled: _Settled) -> Iterator[tuple[Block, Tensor]]:
    """1 − ssim under every window, block by block."""
    definition, margin = settled.definition, settled.margin
    for block in blocks(x, y, window_size=definition.window_size, margin=margin):
        near, far = (
            extend(
                image[block.images, :, block.source].to(settled.dtype),
                definition.border,
                sides=margin,
                top=block.top,
                bottom=block.bottom,
            )
            for image in (x, y)
        )
        yield block, _loss_map(near, far, settled)


def _loss_map(x: Tensor, y: Tensor, settled: _Settled) -> Tensor:
    """A + B − A·B under every window that lies inside x and y."""
    data_range, definition = settled.data_range, settled.definition
    c1 = (definition.k1 * data_range) ** 2
    c2 = (definition.k2 * data_range) ** 2
    weights = settled.weights
    # The variance does not see a constant, its rounding does: s lies around 0 when it is squared.
    s, d = x + y - data_range, x - y
    mu_s, mu_d = blur(s, weights), blur(d, weights)
    # Rounding can leave a variance of -1e-9 where there is none: with a small k2 the denominator
    # would vanish, and SSIM rise above 1.
    sigma_s_sq = (blur(s.square(), weights) - mu_s.square()).clamp(min=0)
    sigma_d_sq = (blur(d.square(), weights) - mu_d.square()).clamp(min=0)
    mu_s_sq, mu_d_sq = (mu_s + data_range).square(), mu_d.square()
    a = mu_d_sq / ((mu_s_sq + mu_d_sq) / 2 + c1)
    b = sigma_d_sq / ((sigma_s_sq + sigma_d_sq) / 2 + c2)
    return a + b - a * b
