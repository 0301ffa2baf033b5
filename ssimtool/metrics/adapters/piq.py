"""Metrics of piq. Images are scaled to [0, 1] by their data range, and clamped to it.

In piq, `x` is the distorted image and `y` the reference, the opposite of the order here. The order
matters for MDSI and VIF.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ssimtool.metrics.adapters.loading import piq_module

Images = Float[Tensor, "n c h w"]
Scores = Float[Tensor, " n"]


def gmsd(x: Images, y: Images, *, data_range: float) -> Scores:
    """Gradient magnitude similarity deviation of the luma of each image, 0 to 0.5."""
    return _computed("gmsd", "gmsd", x, y, data_range)


def ms_gmsd(x: Images, y: Images, *, data_range: float) -> Scores:
    """Gradient magnitude similarity deviation over four scales of luma, 0 to 0.5."""
    return _computed("gmsd", "multi_scale_gmsd", x, y, data_range)


def haarpsi(x: Images, y: Images, *, data_range: float) -> Scores:
    """Haar wavelet-based perceptual similarity index of each image, 0 to 1.

    It is undefined, and returned as infinity, if both images are black.
    """
    return _computed("haarpsi", "haarpsi", x, y, data_range)


def mdsi(x: Images, y: Images, *, data_range: float) -> Scores:
    """Mean deviation similarity index of each image, 0 or more; grey is treated as RGB."""
    return _computed("mdsi", "mdsi", _as_rgb(x), _as_rgb(y), data_range)


def vsi(x: Images, y: Images, *, data_range: float) -> Scores:
    """Visual saliency-induced index of each image, 0 to 1; grey is treated as RGB.

    It is 1 for any two flat images, because neither has a salient region.
    """
    return _computed("vsi", "vsi", _as_rgb(x), _as_rgb(y), data_range)


def fsim(x: Images, y: Images, *, data_range: float) -> Scores:
    """Feature similarity index of each image in colour (FSIMc), 0 to 1; grey is treated as RGB.

    For flat images, rounding decides the result: two flat greys give 0.5 or 0.99, depending on
    the dtype.
    """
    return _computed("fsim", "fsim", _as_rgb(x), _as_rgb(y), data_range)


def vifp(x: Images, y: Images, *, data_range: float) -> Scores:
    """Visual information fidelity of the luma of each image in the pixel domain, 0 or more."""
    return _computed("vif", "vif_p", x, y, data_range)


def _computed(module: str, function: str, x: Images, y: Images, data_range: float) -> Scores:
    if x.shape[1] not in (1, 3):
        raise ValueError(f"the images have {x.shape[1]} channels, expected 1 (grey) or 3 (RGB)")
    reference, distorted = ((image / data_range).clamp(0, 1) for image in (x, y))
    compute = getattr(piq_module(module), function)
    scores: Tensor = compute(distorted, reference, data_range=1.0, reduction="none")
    return scores


def _as_rgb(image: Images) -> Float[Tensor, "n rgb h w"]:
    return image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image
