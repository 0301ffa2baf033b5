"""The numbers: tensors in, tensors out; no path, no file, nothing printed."""

from ssimtool.metrics.divergence import kl_divergence
from ssimtool.metrics.losses import LossParts, MSE_SSIM_KL_Loss, SSIMLoss
from ssimtool.metrics.pixel import mae, mse, psnr
from ssimtool.metrics.ssim import smallest_side, ssim, ssim_loss, ssim_map
from ssimtool.metrics.windows import gaussian_window, uniform_window

__all__ = [
    "LossParts",
    "MSE_SSIM_KL_Loss",
    "SSIMLoss",
    "gaussian_window",
    "kl_divergence",
    "mae",
    "mse",
    "psnr",
    "smallest_side",
    "ssim",
    "ssim_loss",
    "ssim_map",
    "uniform_window",
]
