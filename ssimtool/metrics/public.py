"""Public list of all functions that compute on tensors and return tensors."""

from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.formula import (
    formula_of,
    formula_of_scales,
    scale_weights,
    smallest_side,
    smallest_side_of_scales,
)
from ssimtool.kernels.plain.reduction import reduced
from ssimtool.metrics.divergence import kl_divergence
from ssimtool.metrics.latents import active_units, kl_loss, kl_per_dimension
from ssimtool.metrics.losses import LossParts, MSE_SSIM_KL_Loss, SSIMLoss
from ssimtool.metrics.ms_ssim import MSSSIMLoss, ms_ssim, ms_ssim_loss, ms_ssim_losses
from ssimtool.metrics.one_pass import OnePass, one_pass
from ssimtool.metrics.pixel import mae, mse, psnr, psnr_of
from ssimtool.metrics.ssim import ssim, ssim_loss, ssim_map
from ssimtool.metrics.windows import gaussian_window, uniform_window

__all__ = [
    "LossParts",
    "MSE_SSIM_KL_Loss",
    "MSSSIMLoss",
    "OnePass",
    "SSIMLoss",
    "active_units",
    "formula_of",
    "formula_of_scales",
    "gaussian_window",
    "is_fused",
    "kl_divergence",
    "kl_loss",
    "kl_per_dimension",
    "mae",
    "ms_ssim",
    "ms_ssim_loss",
    "ms_ssim_losses",
    "mse",
    "one_pass",
    "psnr",
    "psnr_of",
    "reduced",
    "scale_weights",
    "smallest_side",
    "smallest_side_of_scales",
    "ssim",
    "ssim_loss",
    "ssim_map",
    "uniform_window",
]
