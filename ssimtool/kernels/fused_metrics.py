"""Metrics that the fused kernels compute; torch computes every other metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

# The results of one pass over both images: SSIM, the scales of MS-SSIM, or sums of errors.
Part = Literal["structure", "scales", "errors"]
# The part that each function of `ssimtool.metrics.public` needs.
FUSED_METRICS: Mapping[object, Part] = {
    "ssim_loss": "structure",
    "ms_ssim_loss": "scales",
    "mse": "errors",
    "mae": "errors",
    "psnr": "errors",
}


def fused_parts(functions: Iterable[object]) -> frozenset[Part]:
    """Return the parts of the fused pass that some functions need.

    >>> sorted(fused_parts(["psnr", "mse", print]))
    ['errors']
    """
    return frozenset(FUSED_METRICS[name] for name in functions if name in FUSED_METRICS)
