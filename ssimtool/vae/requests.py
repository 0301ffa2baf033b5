"""What is requested of saved autoencoder outputs, checked.

Standard library only: a wrong command line is answered without NumPy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath
from typing import Literal

from ssimtool.errors import ArgumentError, UnavailableError
from ssimtool.settings import BatchLayout, LatentSettings, LossSettings

STDIN = "-"
PlotKind = Literal["png", "svg"]


@dataclass(frozen=True)
class LossRequest:
    """The loss of which files, and how it is computed.

    Args:
        paths: RECON RAW MU LOGVAR, RECON RAW, or one .npz.
        settings: weights, definition and the rest.
        layout: axes of arrays with four of them.

    Raises:
        ArgumentError: a file is missing, or the settings need a term whose weight is 0.
    """

    paths: tuple[str, ...]
    settings: LossSettings
    layout: BatchLayout = "nchw"

    def __post_init__(self) -> None:
        _check_files(self.paths)
        if len(self.paths) == 1 and _is_npy(self.paths[0]):
            raise ArgumentError("RAW is missing: give RECON RAW MU LOGVAR, or one .npz")
        if len(self.paths) == 3:
            raise ArgumentError("LOGVAR is missing: give RECON RAW MU LOGVAR")
        if len(self.paths) == 2 and self.settings.beta:
            raise ArgumentError("MU and LOGVAR are missing: give them, or --beta 0")
        _check_terms(self.settings)

    @property
    def reads_latents(self) -> bool:
        """Whether mu and logvar are read: files that are named are checked whatever the weight."""
        return self.settings.beta > 0 or len(self.paths) == 4


def _check_terms(settings: LossSettings) -> None:
    weights = {"ssim": settings.alpha, "ssim_loss": settings.alpha, "kl": settings.beta}
    for threshold in settings.thresholds:
        if not weights.get(threshold.metric, 1):
            raise ArgumentError(
                f"{threshold.metric} is not computed where its weight is 0",
                argument=f"fail_{threshold.op}",
            )
    if not settings.beta and (settings.free_bits or settings.kl_reduction != "sum-mean"):
        raise ArgumentError(
            "kl is not computed where --beta is 0: leave one of them out",
            argument="free_bits" if settings.free_bits else "kl_reduction",
        )


@dataclass(frozen=True)
class LatentsRequest:
    """The latent space of which files, and how it is described.

    Args:
        paths: MU LOGVAR, or one .npz.
        settings: unit, thresholds and the rest.
        plot: kind of the picture; None: no picture, which spares a second pass over the files.

    Raises:
        ArgumentError: a file is missing, or a threshold is on what is not computed.
        UnavailableError: a plot is requested and matplotlib is not installed.
    """

    paths: tuple[str, ...]
    settings: LatentSettings
    plot: PlotKind | None = None

    def __post_init__(self) -> None:
        _check_files(self.paths)
        if len(self.paths) == 1 and _is_npy(self.paths[0]):
            raise ArgumentError("LOGVAR is missing: give MU LOGVAR, or one .npz")
        if len(set(map(os.path.realpath, self.paths))) < len(self.paths):
            raise ArgumentError("MU and LOGVAR are one file: give two, or one .npz alone")
        for threshold in self.settings.thresholds:
            if threshold.metric == "free_bits_kl" and self.settings.free_bits is None:
                raise ArgumentError(
                    "free_bits_kl is not computed without --free-bits",
                    argument=f"fail_{threshold.op}",
                )
        if self.plot is not None and find_spec("matplotlib") is None:
            raise UnavailableError('--plot needs matplotlib: pip install "ssimtool[plot]"')


def _check_files(paths: tuple[str, ...]) -> None:
    if STDIN in paths:
        raise ArgumentError("arrays are read from files, not from standard input")


def _is_npy(path: str) -> bool:
    return PurePath(path).suffix.lower() == ".npy"
