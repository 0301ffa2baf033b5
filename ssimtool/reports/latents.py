"""What the formats show of a latent space: its dimensions in order, and what the figures mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ssimtool.records.latents import LatentReport, Values

SHOWN = 16  # dimensions: as many are shown whole, of more the ends
ENDS = (8, 4)  # the most and the least
BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


@dataclass(frozen=True)
class Dimension:
    """One dimension as text, and its share of the largest KL, 0 to 1."""

    cells: tuple[str, ...]
    length: float


def ends(record: LatentReport) -> tuple[Dimension | None, ...]:
    """The dimensions from the most KL to the least; None stands for those left out."""
    kl = record.kl_per_dimension
    order = sorted(range(len(kl)), key=lambda d: (-kl[d], d))
    most = kl[order[0]] if order else 0
    found = [Dimension(_cells(record, d), kl[d] / most if most else 0) for d in order]
    if len(found) <= SHOWN:
        return tuple(found)
    return (*found[: ENDS[0]], None, *found[-ENDS[1] :])


def _cells(record: LatentReport, d: int) -> tuple[str, ...]:
    kl, of = record.kl_per_dimension[d], record.aggregate
    share = f"{100 * kl / record.kl:.1f} %" if record.kl else "-"
    numbers = (of.mu_variance[d], of.mean[d], of.variance[d]) if of else (None, None, None)
    return (str(d), f"{kl:.4g}", share, *(short(v) for v in numbers))


def short(value: float | None) -> str:
    """A number in a narrow column: some four digits, and no more than eight characters.

    >>> short(-0.00004), short(1.23456), short(None)
    ('-4e-05', '1.235', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.2g}"


def bar(length: float, width: int) -> str:
    """A bar of `length`, 0 to 1, in a column so many characters wide, to an eighth of one.

    >>> bar(0.5, 5)
    '██▌'
    """
    eighths = round(8 * width * length)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8]


def sketch(values: Sequence[float], width: int) -> str:
    """Numbers from the largest to the smallest as a row of columns, one for each where there is
    room, else for the mean of some that lie side by side; 0 is a blank, and what is more is seen.

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
    """The unit and the meaning of each figure of a table, by its name."""
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
    """What the numbers of a record mean, and the ranges over its dimensions, in lines."""
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
    """The aggregate posterior beside the prior, and the range of logvar, in lines."""
    of, found, lines = record.aggregate, record.logvar_values, []
    if of is not None:
        lines.append(
            f"aggregate posterior: mean {_range(of.mean)}, variance {_range(of.variance)} "
            "(prior 0, 1)"
        )
    if found is not None:
        lines.append(f"logvar: {found.min:.4g} to {found.max:.4g}, mean {found.mean:.4g}")
        counted = (
            ("clamped", found.at_min + found.at_max if found.clamped else 0),
            ("beyond float32", found.beyond_float32),
        )
        lines[-1] += "".join(f"; {count} values {word}" for word, count in counted if count)
    return lines


def _range(values: Values) -> str:
    numbers = [v for v in values if v is not None]
    return f"{min(numbers):.3g} to {max(numbers):.3g}" if numbers else "-"


def dimension_rows(record: LatentReport) -> list[dict[str, Any]]:
    """A row for each dimension, in order; of an error, one row that says so."""
    of, found = record.aggregate, record.logvar_values
    rows = []
    for d, kl in enumerate(record.kl_per_dimension):
        spread = of.mu_variance[d] if of else None
        numbers = {
            "dimension": d,
            "kl": kl,
            "kl_share": kl / record.kl if record.kl else None,
            "mu_mean": of.mean[d] if of else None,
            "mu_variance": spread,
            "posterior_variance": of.posterior_variance[d] if of else None,
            "aggregate_variance": of.variance[d] if of else None,
            "logvar_min": found.min_per_dimension[d] if found else None,
            "logvar_max": found.max_per_dimension[d] if found else None,
            "active": None if spread is None else spread > record.active_threshold,
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
