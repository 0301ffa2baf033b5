"""Parts of the formats of a latent space: its dimensions in order, and the figures' meanings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ssimtool.records.latents import LatentReport, Values

SHOWN = 16  # dimensions: up to this many are all shown, else only those at both ends
ENDS = (8, 4)  # dimensions with the most KL and with the least
BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


@dataclass(frozen=True)
class Dimension:
    """One dimension as text, and its share of the largest KL, 0 to 1."""

    cells: tuple[str, ...]
    length: float


def ends(record: LatentReport) -> tuple[Dimension | None, ...]:
    """Return the dimensions from the most KL to the least; None marks omitted ones."""
    kl = record.kl_per_dimension
    order = sorted(range(len(kl)), key=lambda d: (-kl[d], d))
    most = kl[order[0]] if order else 0
    dimensions = [Dimension(_cells(record, d), kl[d] / most if most else 0) for d in order]
    if len(dimensions) <= SHOWN:
        return tuple(dimensions)
    return (*dimensions[: ENDS[0]], None, *dimensions[-ENDS[1] :])


def _cells(record: LatentReport, d: int) -> tuple[str, ...]:
    kl, of = record.kl_per_dimension[d], record.aggregate
    share = f"{100 * kl / record.kl:.1f} %" if record.kl else "-"
    numbers = (of.mu_variance[d], of.mean[d], of.variance[d]) if of else (None, None, None)
    return (str(d), f"{kl:.4g}", share, *(short(v) for v in numbers))


def short(value: float | None) -> str:
    """Format a number for a narrow column: about four digits, at most eight characters.

    >>> short(-0.00004), short(1.23456), short(None)
    ('-4e-05', '1.235', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.2g}"


def bar(length: float, width: int) -> str:
    """Draw a bar of `length`, 0 to 1, in a column `width` characters wide.

    The resolution is an eighth of a character.


    >>> bar(0.5, 5)
    '██▌'
    """
    eighths = round(8 * width * length)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8]


def sketch(values: Sequence[float], width: int) -> str:
    """Draw the sorted numbers as a row of block characters, the largest first.

    If `width` is too small, a character stands for the mean of neighbouring numbers. 0 is a blank;
    every number above 0 is visible.

    >>> sketch([4, 2, 0], 10)
    '█▄ '
    """
    ordered = sorted(values, reverse=True)
    count = min(width, len(ordered))
    edges = [i * len(ordered) // count for i in range(count + 1)]
    means = [math.fsum(ordered[a:b]) / (b - a) for a, b in pairwise(edges)]
    most = means[0]
    return "".join(BLOCKS[max(1, round(8 * v / most)) if v > 0 else 0] for v in means)


def notes(record: LatentReport) -> dict[str, tuple[str, str]]:
    """Return the unit and the meaning of each figure in a table, by its name."""
    unit, of = record.unit.removesuffix("s"), f"of {record.dimensions}"
    limit, ddof = record.active_threshold, record.active_ddof
    fitted = record.total_correlation_dimensions
    some = "" if fitted == record.dimensions else f", {fitted} dimensions"
    return {
        "kl": (unit, "sum of dimensions, mean of samples"),
        "free_bits_kl": (
            unit,
            f"max({record.free_bits.minimum:g}, KL) per dimension" if record.free_bits else "",
        ),
        "active_units": (of, f"Var(mu) > {limit:g}, ddof {ddof}"),
        "collapsed_dimensions": (of, f"KL < {record.collapsed_threshold:.4g} {unit}"),
        "effective_dimensions": (of, "exp of the entropy of KL shares"),
        "total_correlation": (unit, f"Gaussian fit to mu{some}"),
    }


def about_lines(record: LatentReport) -> list[str]:
    """Return lines that define the numbers of a record and give the ranges over its dimensions."""
    unit = record.unit.removesuffix("s")
    lines = [
        f"KL: {record.kl_reduction}",
        f"active: Var(mu) > {record.active_threshold:g} (divided by N - {record.active_ddof}); "
        f"collapsed: KL < {record.collapsed_threshold:.4g} {unit}",
        "z: the aggregate posterior, Var(z) = Var(mu) + E[sigma^2]",
    ]
    if record.free_bits:
        lines.append(
            f"free bits: {record.free_bits.reduction}; {record.free_bits.dimensions} of "
            f"{record.dimensions} dimensions are below"
        )
    return [*lines, *range_lines(record)]


def range_lines(record: LatentReport) -> list[str]:
    """Return lines on the aggregate posterior beside the prior, and on the range of logvar."""
    of, logvar, lines = record.aggregate, record.logvar_values, []
    if of is not None:
        lines.append(
            f"aggregate posterior: mean {_range(of.mean)}, variance {_range(of.variance)} "
            "(prior 0, 1)"
        )
    if logvar is not None:
        lines.append(f"logvar: {logvar.min:.4g} to {logvar.max:.4g}, mean {logvar.mean:.4g}")
        counted = (
            ("clamped", logvar.at_min + logvar.at_max if logvar.clamped else 0),
            ("beyond float32", logvar.beyond_float32),
        )
        lines[-1] += "".join(f"; {count} values {word}" for word, count in counted if count)
    return lines


def _range(values: Values) -> str:
    numbers = [v for v in values if v is not None]
    return f"{min(numbers):.3g} to {max(numbers):.3g}" if numbers else "-"


def dimension_rows(record: LatentReport) -> list[dict[str, Any]]:
    """Return a row for each dimension, in order; for an error, one row with it."""
    of, logvar = record.aggregate, record.logvar_values
    rows = []
    for d, kl in enumerate(record.kl_per_dimension):
        mu_variance = of.mu_variance[d] if of else None
        numbers = {
            "dimension": d,
            "kl": kl,
            "kl_share": kl / record.kl if record.kl else None,
            "mu_mean": of.mean[d] if of else None,
            "mu_variance": mu_variance,
            "posterior_variance": of.posterior_variance[d] if of else None,
            "aggregate_variance": of.variance[d] if of else None,
            "logvar_min": logvar.min_per_dimension[d] if logvar else None,
            "logvar_max": logvar.max_per_dimension[d] if logvar else None,
            "active": None if mu_variance is None else mu_variance > record.active_threshold,
            "collapsed": kl < record.collapsed_threshold,
        }
        rows.append(_row(record, numbers))
    return rows or [_row(record, dict.fromkeys(COLUMNS))]


COLUMNS = (
    "dimension", "kl", "kl_share", "mu_mean", "mu_variance", "posterior_variance",
    "aggregate_variance", "logvar_min", "logvar_max", "active", "collapsed",
)  # fmt: skip


def _row(record: LatentReport, numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": record.status,
        "mu": record.mu,
        "logvar": record.logvar,
        "samples": record.samples,
        "unit": record.unit,
        **numbers,
        "version": record.version,
        "error.code": record.error.code if record.error else None,
        "error.message": record.error.message if record.error else None,
    }
