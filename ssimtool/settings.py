"""What is asked for, as plain values; standard library only, since it is known before torch is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssimtool.catalog import DEFAULT_METRICS, DEFINITIONS, Definition
from ssimtool.records import Threshold

KernelName = Literal["auto", "fused", "torch"]
Precision = Literal["double", "single"]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Of a pair: which metrics, by which definition of SSIM, on which device."""

    metrics: tuple[str, ...] = DEFAULT_METRICS
    definition: Definition = DEFINITIONS["wang2004"]
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    kernel: KernelName = "auto"
    precision: Precision = "double"  # of SSIM; float64 samples are computed in float64 by either
    once: bool = False  # whether this is all that the process computes
    threads: int | None = None  # of the kernels that compute on arrays; None: as many as there are


@dataclass(frozen=True)
class Made:
    """By what the numbers of a pair were computed: `precision` is float32 or float64."""

    device: str
    kernel: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """Of a VAE: what the loss is made of. `data_range` None: 1, with integers scaled to it."""

    alpha: float = 1
    beta: float = 1
    data_range: float | None = None
    definition: Definition = DEFINITIONS["cvae"]
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    kernel: KernelName = "auto"
