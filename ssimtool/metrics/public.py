"""All that is computed on tensors, in one place: tensors in, tensors out."""

from ssimtool.metrics.divergence import kl_divergence
from ssimtool.metrics.formula import formula_of, smallest_side
from ssimtool.metrics.kernels.choice import check_kernel, is_fused, is_worth_it
from ssimtool.metrics.latents import active_units, kl_loss, kl_per_dimension
from ssimtool.metrics.losses import LossParts, MSE_SSIM_KL_Loss, SSIMLoss
from ssimtool.metrics.one_pass import OnePass, one_pass
from ssimtool.metrics.pixel import mae, mse, psnr, psnr_of
from ssimtool.metrics.ssim import ssim, ssim_loss, ssim_map
from ssimtool.metrics.windows import gaussian_window, uniform_window

__all__ = [
    "LossParts",
    "MSE_SSIM_KL_Loss",
    "OnePass",
    "SSIMLoss",
    "active_units",
    "check_kernel",
    "formula_of",
    "gaussian_window",
    "is_fused",
    "is_worth_it",
    "kl_divergence",
    "kl_loss",
    "kl_per_dimension",
    "mae",
    "mse",
    "one_pass",
    "psnr",
    "psnr_of",
    "smallest_side",
    "ssim",
    "ssim_loss",
    "ssim_map",
    "uniform_window",
]
