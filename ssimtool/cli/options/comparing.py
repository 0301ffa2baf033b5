"""What the options of `compare` and `batch` add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssimtool.catalog import Definition
from ssimtool.cli.options.mask import check_takes
from ssimtool.cli.options.scales import count_of
from ssimtool.plugins import with_implied
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.records.verdicts import Threshold
from ssimtool.settings import BackendName, CompareSettings, Precision


def settings_of(
    metrics: Sequence[str],
    implied: Iterable[str],
    region: RegionOfInterest,
    *,
    definition: Definition,
    scales: int | None,
    thresholds: tuple[Threshold, ...],
    device: str,
    backend: BackendName,
    precision: Precision,
) -> CompareSettings:
    """How pairs are compared, from the values of the options.

    Args:
        metrics: of -m.
        implied: metrics that other options need: of thresholds on statistics, of a map.
        region: which pixels count.
        definition, scales, thresholds, device, backend, precision: of their options.

    Raises:
        typer.BadParameter: scales, a mask or a region that none of the metrics takes.
    """
    computed = with_implied((*metrics, *(t.metric for t in thresholds), *implied))
    check_takes(region, computed, backend)
    return CompareSettings(
        metrics=computed,
        definition=definition,
        scales=count_of(scales, computed),
        thresholds=thresholds,
        device=device,
        backend=backend,
        precision=precision,
    )
