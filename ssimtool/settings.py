"""Settings of each command as plain values. Standard library only, to be read before torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ssimtool.catalog import DEFAULT_METRICS, DEFINITIONS, SCALE_WEIGHTS, Definition
from ssimtool.plugins import find_metric
from ssimtool.records.verdicts import Threshold

if TYPE_CHECKING:
    from ssimtool.records.latents import Unit

BackendName = Literal["auto", "fused", "torch"]
Computing = Literal["auto", "fused", "torch", "numpy"]  # numpy is taken, and cannot be requested
Precision = Literal["double", "single"]
KlReduction = Literal["sum-mean", "mean", "sum"]
Channels = Literal["rgb", "luma"]
Background = Literal["checker"] | tuple[int, int, int]  # a colour: red, green, blue
ImageLayout = Literal["auto", "hwc", "chw", "thw"]
BatchLayout = Literal["nchw", "nhwc"]
ValueRange = tuple[float, float]  # the samples that are black and white
ImageShape = tuple[int, int, int]  # (C, H, W)
MapStyle = Literal["gray", "heat", "overlay", "panel"]
DEFAULT_MAP_STYLE: MapStyle = "gray"
MapsFor = Literal["all", "failed", "worst"]
DEFAULT_MAPS_FOR: MapsFor = "all"
DEFAULT_TIMEOUT = 60.0  # seconds to decode the files of a pair, in a process of its own
OnError = Literal["continue", "stop"]
COLLAPSED = 0.01  # nats: a latent dimension with a smaller KL carries no information


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Settings of the comparison of a pair: metrics, definition of SSIM, device and backend."""

    metrics: tuple[str, ...] = DEFAULT_METRICS
    definition: Definition = DEFINITIONS["wang2004"]
    scales: int = len(SCALE_WEIGHTS)  # number of MS-SSIM scales
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    backend: BackendName = "auto"
    # The precision of SSIM. What single cannot compute to 1e-6 of 1 − SSIM, or to 1e-7, is computed
    # in float64 with either value: samples of float64, and all that torch computes, among it.
    precision: Precision = "single"

    @property
    def scales_stated(self) -> int | None:
        """The number of scales; None if no requested metric has scales."""
        names = (*self.metrics, *(t.metric for t in self.thresholds))
        return self.scales if any("scales" in find_metric(name).takes for name in names) else None


@dataclass(frozen=True)
class Computed:
    """Device, backend and precision that computed a pair. `precision` is float32 or float64."""

    device: str
    backend: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Settings of the loss of a VAE.

    A `data_range` of None is 1, and integers are scaled to it. A `value_range` is mapped to [0, 1]
    in arrays of floats, or in both if both hold integers. `free_bits` is in nats for each latent
    dimension; 0 turns it off. `per_sample` adds the terms of each sample.
    """

    alpha: float = 1
    beta: float = 1
    data_range: float | None = None
    value_range: ValueRange | None = None
    definition: Definition = DEFINITIONS["cvae"]
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    backend: BackendName = "auto"
    free_bits: float = 0
    kl_reduction: KlReduction = "sum-mean"
    per_sample: bool = False


@dataclass(frozen=True, kw_only=True)
class LatentSettings:
    """Settings of the analysis of a latent space: when a dimension is active or collapsed.

    `collapsed_threshold` and `free_bits` are in `unit`. A `collapsed_threshold` of None is 0.01
    nats, whatever the unit.
    """

    unit: Unit = "nats"
    active_threshold: float = 0.01  # Burda, Grosse, Salakhutdinov 2016, section 5.2
    active_ddof: int = 1
    collapsed_threshold: float | None = None
    free_bits: float | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that two runs of a batch must share for their records to be in one file.

    `thresholds` are those of `limits_of`. `mask` and `regions` apply to the pairs that
    have none of their own. All values have their JSON form. A run of double precision does not
    reuse numbers of single precision; some pairs are computed in double by both.
    """

    definition: Mapping[str, Any]
    reading: Mapping[str, Any]
    metrics: Sequence[str]
    thresholds: Sequence[Sequence[Any]]
    mask: str | None = None
    regions: Sequence[Sequence[int]] = ()
    precision: Precision = "double"
    scales: int | None = None

    def difference(self, record: Mapping[str, Any]) -> str | None:
        """Describe the first setting in which a record differs from these; None if none differs."""
        for name, ours in (("definition", self.definition), ("reading", self.reading)):
            theirs = record.get(name) or {}
            for part in ours:
                # None: the factor depends on the size of each pair, so it is not compared.
                by_size = part == "downsample" and ours[part] is None
                if theirs.get(part) != ours[part] and not by_size:
                    return f"{name} {part}: there {theirs.get(part)!r}, here {ours[part]!r}"
        own = record.get("columns") or {}
        for column, name in (("mask", "mask"), ("region", "regions")):
            there, here = record.get(name) or None, getattr(self, name) or None
            if not own.get(column) and there != here:
                return f"{name}: there {there or 'none'}, here {here or 'none'}"
        if record["status"] == "error":
            return None
        metrics = list(record["metrics"])
        if metrics != list(self.metrics):
            return f"metrics: there {', '.join(metrics)}, here {', '.join(self.metrics)}"
        if self.scales != record.get("scales"):
            return f"scales: there {record.get('scales')}, here {self.scales}"
        if self.precision == "double" and record.get("precision") == "float32":
            return "precision: there single, here double"
        limits = limits_of(record)
        if limits != [list(t) for t in self.thresholds]:
            return f"thresholds: there {_limit_words(limits)}, here {_limit_words(self.thresholds)}"
        return None


def limits_of(record: Mapping[str, Any]) -> list[list[Any]]:
    """Return the thresholds of a JSON record: metric, with `worst` if of the frames, op, value."""
    names = (
        " ".join(filter(None, (t.get("statistic"), t["metric"]))) for t in record["thresholds"]
    )
    return [[n, t["op"], t["value"]] for n, t in zip(names, record["thresholds"], strict=True)]


def _limit_words(limits: Iterable[Sequence[Any]]) -> str:
    return ", ".join(f"{metric} {op} {value}" for metric, op, value in limits) or "none"
