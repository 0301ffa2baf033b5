"""Parts of a record that all formats share: its numbers in order, and their definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssimtool.errors import printable
from ssimtool.plugins import known_metric
from ssimtool.records.comparison import Comparison
from ssimtool.records.statistics import Statistics

if TYPE_CHECKING:  # a comparison loads no record of another command, which takes 10 ms
    from ssimtool.records.batch import Summary
    from ssimtool.records.explanation import Explanation
    from ssimtool.records.latents import LatentReport, LatentSummary
    from ssimtool.records.loss import LossReport
    from ssimtool.records.record import Record

TERMS = {"loss": "Loss", "mse": "MSE", "ssim": "SSIM", "ssim_loss": "SSIM loss", "kl": "KL"}
UNITS = {"loss": "-", "mse": "squared sample", "ssim": "-", "ssim_loss": "-", "kl": "nat"}
# Figures of a latent space: title, unit (`KL`: the unit of the record), better direction.
LATENT_ROWS = {
    "kl": ("KL", "KL", "-"),
    "free_bits_kl": ("KL with free bits", "KL", "lower"),
    "active_units": ("Active units", "dimension", "higher"),
    "collapsed_dimensions": ("Collapsed dimensions", "dimension", "lower"),
    "effective_dimensions": ("Effective dimensions", "dimension", "higher"),
    "total_correlation": ("Total correlation", "KL", "lower"),
    "logvar_min": ("logvar, least", "-", "-"),
    "logvar_max": ("logvar, greatest", "-", "-"),
}


@dataclass(frozen=True)
class Row:
    """One number: `value` is None for a term that was not computed."""

    name: str
    title: str
    value: float | None
    unit: str
    better: str


def rows_of(record: Record) -> tuple[Row, ...]:
    """Return the numbers of a record, in its order."""
    if isinstance(record, Comparison):
        return tuple(_metric_row(name, value) for name, value in record.metrics.items())
    from ssimtool.records.latents import LatentReport

    if isinstance(record, LatentReport):
        return _latent_rows(record)
    return tuple(
        Row(name, title, getattr(record, name), UNITS[name], _better(name))
        for name, title in TERMS.items()
    )


def _metric_row(name: str, value: float) -> Row:
    row = known_metric(name)
    if row is None:  # from a later version, or a plug-in that is not installed here
        return Row(name, name, value, "-", "-")
    return Row(name, row.title, value, row.unit, row.better)


def _latent_rows(record: LatentReport) -> tuple[Row, ...]:
    figures = record.figures
    if record.free_bits is None:
        del figures["free_bits_kl"]  # not requested
    kl = record.unit.removesuffix("s")
    return tuple(
        Row(name, title, figures[name], kl if unit == "KL" else unit, better)
        for name, (title, unit, better) in LATENT_ROWS.items()
        if name in figures
    )


def _better(name: str) -> str:
    row = known_metric(name)
    return "lower" if row is None else row.better


def numbers_of(record: Record) -> dict[str, float | None]:
    """Return the numbers of a record by name; None for one that was not computed."""
    if not isinstance(record, Comparison):
        from ssimtool.records.loss import LossReport

        if isinstance(record, LossReport):
            return record.figures
    return {row.name: row.value for row in rows_of(record)}


def title_of(name: str) -> str:
    """Return the title of a metric; the name if no installed package has the metric."""
    row = known_metric(name)
    return name if row is None else row.title


def decimals_of(name: str) -> int | None:
    """Return the number of decimals of a similarity; None for other metrics."""
    row = known_metric(name)
    return None if row is None else row.decimals


def number_words(name: str, value: float, *, digits: int = 6) -> str:
    """Format a number of a metric by its decimals, or else by significant digits."""
    decimals = decimals_of(name)
    return f"{value:.{digits}g}" if decimals is None else f"{value:.{decimals}f}"


def lowest_title(name: str) -> str:
    """Return the heading above the worst pairs by a metric.

    >>> lowest_title("ssim"), lowest_title("mse")
    ('Lowest SSIM', 'Highest MSE')
    """
    row = known_metric(name)
    lower = row is not None and row.better == "lower"
    return f"{'Highest' if lower else 'Lowest'} {title_of(name)}"


def definition_line(record: Comparison | LossReport) -> str:
    """Return the line that states the definition, the data range and the device."""
    end = f"data range {record.data_range:g}; {record.device}"
    parts: Mapping[str, Any] = record.definition or {}
    scales = record.scales if isinstance(record, Comparison) else None
    if not (parts and _has_definition(record)):
        return end  # no SSIM was computed
    window = f"{parts['window']} {parts['window_size']}x{parts['window_size']}"
    if parts["sigma"] is not None and parts["window"] == "gaussian":
        window += f" sigma {parts['sigma']:g}"
    window += ", sample covariance" if parts.get("covariance") == "sample" else ""
    factor = parts.get("downsample") or 1
    first = f", {factor}x{factor} means" if factor > 1 else ""
    standard = (parts["k1"], parts["k2"]) == (0.01, 0.03)
    constants = "" if standard else f", k1 {parts['k1']:g}, k2 {parts['k2']:g}"
    luma = ", luma" if isinstance(record, Comparison) and record.colour == "luma" else ""
    border = "valid windows" if parts["border"] == "valid" else f"{parts['border']} padding"
    end = end if scales is None else f"MS-SSIM of {_scales(scales)}; {end}"
    return f"SSIM {parts['name']}: {window}, {border}{constants}{luma}{first}; {end}"


def _has_definition(record: Comparison | LossReport) -> bool:
    """Return whether a number of the record follows the definition."""
    if not isinstance(record, Comparison):
        return record.ssim is not None
    rows = map(known_metric, record.metrics)
    return record.scales is not None or any(row and "definition" in row.takes for row in rows)


def latent_rows(latents: LatentSummary) -> tuple[tuple[str, str], ...]:
    """Return the titles and texts on a latent space beside a loss."""
    of = f"of {latents.dimensions}"
    active = "-" if latents.active_units is None else latents.active_units
    return (
        ("active units", f"{active} {of}: Var(mu) > {latents.active_threshold:g}"),
        (
            "collapsed",
            f"{latents.collapsed_dimensions} {of}: KL < {latents.collapsed_threshold:g} nat",
        ),
        ("effective", f"{latents.effective_dimensions:.4g} {of}: exp of the entropy of KL shares"),
    )


def _scales(count: int) -> str:
    return "1 scale" if count == 1 else f"{count} scales"


def depth(record: Comparison | Explanation) -> str:
    """Return the bit depth of integers (fewer bits if the range implies them) or the float type."""
    kind = record.sample_type or ""
    if kind.startswith("float"):
        return kind
    bits = int(kind.lstrip("uint"))
    own = int(record.data_range or 0).bit_length()
    return f"{own if 8 < own < bits else bits}-bit"


def counted_words(record: Comparison) -> str:
    """Return the number of pixels that were compared, or the sum of their weights."""
    pixels = f"{(record.width or 0) * (record.height or 0):,}"
    counted = record.counted or 0
    if isinstance(counted, int):
        return f"{counted:,} of {pixels} pixels compared"
    return f"total weight {counted:,.1f} of {pixels} pixels"


def region_lines(record: Comparison) -> tuple[tuple[str, str], ...]:
    """Return the mask and the regions, with the number of pixels inside; empty without them."""
    names = [("mask", printable(record.mask))] if record.mask is not None else []
    if record.regions:
        regions = "; ".join(",".join(map(str, region)) for region in record.regions)
        names.append(("region", regions))
    if names and record.counted is not None:
        role, text = names[-1]
        names[-1] = (role, f"{text}: {counted_words(record)}")
    return tuple(names)


def counts_line(summary: Summary) -> str:
    """Return the number of pairs, by status, in one line."""
    from ssimtool.reports.unmatched import unmatched_counts

    parts = [f"{summary.pairs} {'pair' if summary.pairs == 1 else 'pairs'}: {summary.ok} ok"]
    parts += [f"{summary.fail} failed"] if summary.fail else []
    parts += [f"{summary.error} with an error"] if summary.error else []
    parts += [f"{summary.identical} identical"] if summary.identical else []
    parts += unmatched_counts(summary.unmatched)
    parts += [] if summary.elapsed_seconds is None else [f"{summary.elapsed_seconds:.3g} s"]
    return ", ".join(parts) + ("; interrupted" if summary.interrupted else "")


def reason_lines(summary: Summary) -> tuple[str, ...]:
    """Return a line for each metric with a statistic that is infinite or has no number."""
    return tuple(
        f"{title_of(name)}: {words}"
        for name, statistics in summary.metrics.items()
        if (words := reason_words(statistics))
    )


def reason_words(statistics: Statistics) -> str:
    """Return why a statistic is infinite or has no number; empty if all have one."""
    reason = next(iter(statistics.reasons.values()), "")
    if statistics.infinite and statistics.std is not None:
        return f"{reason}; mean and std of the others"
    return reason


def shown_number(value: float | None) -> str:
    """Format a statistic; a dash if it has no number."""
    return "-" if value is None else f"{value:.6g}"
