"""Checked requests about saved autoencoder outputs.

The module uses only the standard library, so that a wrong command line fails without loading NumPy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath
from typing import Literal

from ssimtool.errors import ArgumentError, UnavailableError
from ssimtool.readers.files import check_read_once
from ssimtool.records.loss import OF_LATENTS
from ssimtool.settings import BatchLayout, ImageShape, LatentSettings, LossSettings

PlotKind = Literal["png", "svg"]


@dataclass(frozen=True)
class LossRequest:
    """Files and settings of a loss.

    Args:
        paths: RECON RAW MU LOGVAR, RECON RAW, or one .npz.
        settings: weights, definition and so on.
        layout: axes of 4-D arrays, and of flattened rows.
        image_shape: shape (C, H, W) of the images if recon and raw are flattened, (N, C·H·W).
        max_bytes: the limit of `open_array`.

    Raises:
        ArgumentError: a file is missing, or the settings need a term whose weight is 0.
    """

    paths: tuple[str, ...]
    settings: LossSettings
    layout: BatchLayout = "nchw"
    image_shape: ImageShape | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        check_read_once(self.paths)
        if len(self.paths) == 1 and _is_npy(self.paths[0]):
            raise ArgumentError("RAW is missing: pass RECON RAW MU LOGVAR, or one .npz")
        if len(self.paths) == 3:
            raise ArgumentError("LOGVAR is missing: pass RECON RAW MU LOGVAR")
        if len(self.paths) == 2 and self.settings.beta:
            raise ArgumentError("MU and LOGVAR are missing: pass them, or --beta 0")
        _check_terms(self.settings, has_latents=self.reads_latents)

    @property
    def reads_latents(self) -> bool:
        """Whether mu and logvar are read; files that are passed are checked even if beta is 0."""
        return self.settings.beta > 0 or len(self.paths) == 4


def _check_terms(settings: LossSettings, *, has_latents: bool) -> None:
    weights = {"ssim": settings.alpha, "ssim_loss": settings.alpha, "kl": settings.beta}
    for threshold in settings.thresholds:
        if not weights.get(threshold.metric, 1):
            raise ArgumentError(
                f"{threshold.metric} is not computed if its weight is 0",
                argument=f"fail_{threshold.op}",
            )
        if threshold.metric in OF_LATENTS and not has_latents:
            raise ArgumentError(
                f"{threshold.metric} is not computed without MU and LOGVAR",
                argument=f"fail_{threshold.op}",
            )
    if not settings.beta and (settings.free_bits or settings.kl_reduction != "sum-mean"):
        raise ArgumentError(
            "kl is not computed if --beta is 0: omit one of the two",
            argument="free_bits" if settings.free_bits else "kl_reduction",
        )


@dataclass(frozen=True)
class LatentsRequest:
    """Files and settings of the description of a latent space.

    Args:
        paths: MU LOGVAR, or one .npz.
        settings: unit, thresholds and so on.
        plot: format of the plot; None: no plot, which saves a second pass over the files.
        max_bytes: the limit of `open_array`.

    Raises:
        ArgumentError: a file is missing, or a threshold needs a number that is not computed.
        UnavailableError: a plot is requested and matplotlib is not installed.
    """

    paths: tuple[str, ...]
    settings: LatentSettings
    plot: PlotKind | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        check_read_once(self.paths)
        if len(self.paths) == 1 and _is_npy(self.paths[0]):
            raise ArgumentError("LOGVAR is missing: pass MU LOGVAR, or one .npz")
        if len(set(map(os.path.realpath, self.paths))) < len(self.paths):
            raise ArgumentError("MU and LOGVAR are the same file: pass two files, or only one .npz")
        for threshold in self.settings.thresholds:
            if threshold.metric == "free_bits_kl" and self.settings.free_bits is None:
                raise ArgumentError(
                    "free_bits_kl is not computed without --free-bits",
                    argument=f"fail_{threshold.op}",
                )
        if self.plot is not None and find_spec("matplotlib") is None:
            raise UnavailableError('--plot needs matplotlib: pip install "ssimtool[plot]"')


def _is_npy(path: str) -> bool:
    return PurePath(path).suffix.lower() == ".npy"
