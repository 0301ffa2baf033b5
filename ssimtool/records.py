"""What a command found, as plain values: the source of every output format.

Standard library only. The field names and their order are those of the JSON records; fields are
added, never renamed or removed within a schema version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ssimtool.catalog import Definition
from ssimtool.errors import EXIT_INPUT, EXIT_OK, EXIT_THRESHOLD

if TYPE_CHECKING:
    from ssimtool.records_latents import LatentReport, LatentSummary

Status = Literal["ok", "fail", "error"]
Op = Literal["under", "over"]
EXIT_CODES: dict[Status, int] = {"ok": EXIT_OK, "fail": EXIT_THRESHOLD, "error": EXIT_INPUT}


@dataclass(frozen=True)
class Threshold:
    """`metric` fails when it is `op` (under, over) `value`."""

    metric: str
    op: Op
    value: float

    def judge(self, found: float) -> Verdict:
        """Holds what was found against the threshold; a value equal to it holds."""
        holds = found >= self.value if self.op == "under" else found <= self.value
        return Verdict(self.metric, self.op, self.value, holds)


@dataclass(frozen=True)
class Verdict:
    """A threshold and whether it holds."""

    metric: str
    op: Op
    value: float
    holds: bool


def status_of(verdicts: tuple[Verdict, ...]) -> Status:
    """`ok` where every threshold holds, else `fail`."""
    return "ok" if all(v.holds for v in verdicts) else "fail"


@dataclass(frozen=True)
class Failure:
    """Why there is no number."""

    code: str
    message: str


def parts_of(definition: Definition) -> dict[str, Any]:
    """A definition as it stands in a record."""
    parts = {**asdict(definition), "region": definition.region}
    parts.pop("returned_by")
    return parts


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One pair of images. `metrics` is in the order asked for; PSNR of identical images is inf.

    `sample_type` is the type of the reference as it was read: uint8, uint16, float32 …
    `reading` holds the options of reading that change numbers, as they were given: so the same can
    be computed again. `id` and `columns` are what a manifest says of a pair beside its paths, `map`
    the file that its map was written to.
    `mask` and `regions` (x, y, width, height each) say which pixels count, and `counted` how many
    do, or the sum of their weights; None where all do.
    `precision` is what SSIM was computed in, float32 or float64. `scales` are those of MS-SSIM,
    None where it was not asked for.
    """

    schema: str = "ssimtool.comparison/1"
    status: Status
    id: str | None = None
    reference: str
    distorted: str
    width: int | None = None
    height: int | None = None
    channels: int | None = None
    sample_type: str | None = None
    data_range: float | None = None
    identical: bool | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    per_channel: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    definition: Mapping[str, Any] | None = None
    scales: int | None = None
    colour: str | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    mask: str | None = None
    regions: tuple[tuple[int, int, int, int], ...] = ()
    counted: float | None = None
    steps: tuple[str, ...] = ()
    thresholds: tuple[Verdict, ...] = ()
    map: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    device: str | None = None
    kernel: str | None = None
    precision: str | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass(frozen=True)
class Statistics:
    """Of one metric over the pairs that have it: `std` divides by their number, the percentiles
    interpolate linearly. PSNR of identical images is inf; None where there is no number."""

    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    median: float | None
    p1: float | None
    p5: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Bin:
    """Of a histogram: how many numbers lie from `low` to `high`, which belongs to the next one."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Unmatched:
    """Files of two folders without a partner."""

    reference: tuple[str, ...] = ()
    distorted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Worst:
    """One of the pairs that score worst, by the first metric asked for, and the file of its map
    where it was only written since it is one of these."""

    id: str | None
    reference: str
    distorted: str
    metric: str
    value: float
    map: str | None = None


@dataclass(frozen=True)
class StatisticThreshold:
    """`statistic` of `metric` over all pairs fails when it is `op` (under, over) `value`."""

    statistic: str
    metric: str
    op: Op
    value: float

    def judge(self, found: float | None) -> StatisticVerdict:
        """Holds what was found against the threshold; where there is no number, it fails."""
        holds = found is not None and Threshold("", self.op, self.value).judge(found).holds
        return StatisticVerdict(self.statistic, self.metric, self.op, self.value, found, holds)


@dataclass(frozen=True)
class StatisticVerdict:
    """A threshold on a statistic of all pairs, what was found, and whether it holds."""

    statistic: str
    metric: str
    op: Op
    value: float
    found: float | None
    holds: bool


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Of a batch: the last line that it writes.

    `interrupted` says that the run ended before its input did: by Ctrl-C, or on an error.
    """

    schema: str = "ssimtool.summary/1"
    status: Status
    pairs: int
    ok: int
    fail: int
    error: int
    unmatched: Unmatched = Unmatched()
    metrics: Mapping[str, Statistics] = field(default_factory=dict)
    worst: tuple[Worst, ...] = ()
    thresholds: tuple[StatisticVerdict, ...] = ()
    interrupted: bool = False
    elapsed_seconds: float | None = None
    version: str


@dataclass(frozen=True, kw_only=True)
class Contributions:
    """What each term adds to the loss."""

    mse: float
    ssim_loss: float
    kl: float


@dataclass(frozen=True, kw_only=True)
class LossReport:
    """The loss of saved reconstructions: loss = mse + alpha·ssim_loss + beta·kl.

    A term whose weight is 0 is None, and its contribution 0. `free_bits` is the least that each
    latent dimension adds to kl, in nats; None where none were asked for.
    """

    schema: str = "ssimtool.loss/1"
    status: Status
    recon: str
    raw: str
    mu: str | None = None
    logvar: str | None = None
    samples: int | None = None
    shape: tuple[int, ...] | None = None
    latent_shape: tuple[int, ...] | None = None
    alpha: float
    beta: float
    loss: float | None = None
    mse: float | None = None
    ssim: float | None = None
    ssim_loss: float | None = None
    kl: float | None = None
    contributions: Contributions | None = None
    data_range: float | None = None
    definition: Mapping[str, Any] | None = None
    kl_reduction: str = "sum over latent dimensions, mean over batch"
    free_bits: float | None = None
    latents: LatentSummary | None = None
    steps: tuple[str, ...] = ()
    thresholds: tuple[Verdict, ...] = ()
    device: str | None = None
    kernel: str | None = None
    version: str
    warnings: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass(frozen=True)
class SampleScores:
    """One sample; a term whose weight is 0 is None."""

    index: int
    mse: float
    ssim_loss: float | None
    kl: float | None


Record: TypeAlias = "Comparison | LossReport | LatentReport"
