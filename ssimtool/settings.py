"""What is asked for, as plain values; standard library only, since it is known before torch is."""

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
Precision = Literal["double", "single"]
KlReduction = Literal["sum-mean", "mean", "sum"]
Channels = Literal["rgb", "luma"]
Background = Literal["checker"] | tuple[int, int, int]  # a colour: red, green, blue
ImageLayout = Literal["auto", "hwc", "chw"]
BatchLayout = Literal["nchw", "nhwc"]
MapStyle = Literal["gray", "heat", "overlay", "panel"]
MapsFor = Literal["all", "failed", "worst"]
OnError = Literal["continue", "stop"]
COLLAPSED = 0.01  # nats: a latent dimension with less KL carries nothing


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """Of a pair: which metrics, by which definition of SSIM, on which device."""

    metrics: tuple[str, ...] = DEFAULT_METRICS
    definition: Definition = DEFINITIONS["wang2004"]
    scales: int = len(SCALE_WEIGHTS)  # of MS-SSIM
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    backend: BackendName = "auto"
    precision: Precision = "double"  # of SSIM; float64 samples are computed in float64 by either

    @property
    def scales_stated(self) -> int | None:
        """The scales, where a metric that has some is asked for."""
        names = (*self.metrics, *(t.metric for t in self.thresholds))
        return self.scales if any("scales" in find_metric(name).takes for name in names) else None


@dataclass(frozen=True)
class Computed:
    """By what the numbers of a pair were computed: `precision` is float32 or float64."""

    device: str
    backend: str
    precision: str


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Of a VAE: what the loss is made of. `data_range` None: 1, with integers scaled to it.

    `free_bits` is in nats for each latent dimension; 0: none. `per_sample` says that the terms of
    each sample are asked for as well.
    """

    alpha: float = 1
    beta: float = 1
    data_range: float | None = None
    definition: Definition = DEFINITIONS["cvae"]
    thresholds: tuple[Threshold, ...] = ()
    device: str = "auto"
    backend: BackendName = "auto"
    free_bits: float = 0
    kl_reduction: KlReduction = "sum-mean"
    per_sample: bool = False


@dataclass(frozen=True, kw_only=True)
class LatentSettings:
    """Of a latent space: what counts as active and as collapsed.

    `collapsed_threshold` and `free_bits` are in `unit`. A `collapsed_threshold` of None is 0.01
    nats, in whatever unit.
    """

    unit: Unit = "nats"
    active_threshold: float = 0.01  # Burda, Grosse, Salakhutdinov 2016, section 5.2
    active_ddof: int = 1
    collapsed_threshold: float | None = None
    free_bits: float | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What two runs of a batch must have in common for their records to stand in one file.

    `thresholds` are triples of metric, op and value; `mask` and `regions` are of the pairs that do
    not say themselves what counts. All are as JSON has them. Numbers of single
    precision do not stand in for those of double; float64 samples have these in any case.
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
        """What a record was made with that is not these; None where nothing is."""
        for name, ours in (("definition", self.definition), ("reading", self.reading)):
            theirs = record.get(name) or {}
            for part in ours:
                # Only the size of a pair says by what it is reduced.
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
        limits = [[t["metric"], t["op"], t["value"]] for t in record["thresholds"]]
        if limits != [list(t) for t in self.thresholds]:
            return f"thresholds: there {_told(limits)}, here {_told(self.thresholds)}"
        return None


def _told(limits: Iterable[Sequence[Any]]) -> str:
    return ", ".join(f"{metric} {op} {value}" for metric, op, value in limits) or "none"
