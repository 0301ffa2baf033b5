"""Metrics of scikit-image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor


def ciede2000(
    x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c h w"], *, data_range: float
) -> Float[Tensor, " n"]:
    """Mean CIEDE2000 colour difference of each image, 0 or more.

    Samples are taken as sRGB under D65. They are scaled to [0, 1] by the data range, and clamped
    to it; grey is repeated to three channels. It is computed on the CPU, in the dtype of x.

    Raises:
        ValueError: the images have neither 1 nor 3 channels.
    """
    import torch
    from skimage.color import deltaE_ciede2000, rgb2lab

    if x.shape[1] not in (1, 3):
        raise ValueError(f"the images have {x.shape[1]} channels, expected 1 (grey) or 3 (RGB)")
    n, _, height, width = x.shape
    labs = []
    for image in (x, y):
        rgb = (image / data_range).clamp(0, 1).expand(n, 3, height, width)
        labs.append(rgb2lab(rgb.permute(0, 2, 3, 1).cpu().numpy()))
    difference: Callable[..., Any] = deltaE_ciede2000  # has no types
    means = difference(*labs).mean(axis=(1, 2))
    return torch.from_numpy(means).to(x.dtype)
