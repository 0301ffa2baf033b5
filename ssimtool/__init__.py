"""Image similarity and the losses of autoencoders: SSIM, MS-SSIM, 1 − SSIM, MSE, MAE, PSNR, KL.

Each name is loaded at its first use, so that `import ssimtool` does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ssimtool.batch.many import compare_many
    from ssimtool.catalog import DEFINITIONS, METRICS, Definition, Metric, find_definition
    from ssimtool.errors import SsimtoolError
    from ssimtool.metrics.public import (
        LossParts,
        MSE_SSIM_KL_Loss,
        MSSSIMLoss,
        SSIMLoss,
        active_units,
        gaussian_window,
        kl_divergence,
        kl_loss,
        kl_per_dimension,
        mae,
        ms_ssim,
        ms_ssim_loss,
        mse,
        psnr,
        ssim,
        ssim_loss,
        ssim_map,
        uniform_window,
    )
    from ssimtool.scoring.result import ComparisonResult, compare

__all__ = [
    "DEFINITIONS",
    "METRICS",
    "ComparisonResult",
    "Definition",
    "LossParts",
    "MSE_SSIM_KL_Loss",
    "MSSSIMLoss",
    "Metric",
    "SSIMLoss",
    "SsimtoolError",
    "active_units",
    "compare",
    "compare_many",
    "find_definition",
    "gaussian_window",
    "kl_divergence",
    "kl_loss",
    "kl_per_dimension",
    "mae",
    "ms_ssim",
    "ms_ssim_loss",
    "mse",
    "psnr",
    "ssim",
    "ssim_loss",
    "ssim_map",
    "uniform_window",
]

_MODULES = {
    "DEFINITIONS": "ssimtool.catalog",
    "METRICS": "ssimtool.catalog",
    "Definition": "ssimtool.catalog",
    "Metric": "ssimtool.catalog",
    "find_definition": "ssimtool.catalog",
    "SsimtoolError": "ssimtool.errors",
    "ComparisonResult": "ssimtool.scoring.result",
    "compare": "ssimtool.scoring.result",
    "compare_many": "ssimtool.batch.many",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES.get(name, "ssimtool.metrics.public")), name)
    globals()[name] = value  # PEP 562: the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
