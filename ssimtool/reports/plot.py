"""A plot of a latent space: KL of each dimension, and the distribution of mu beside the prior."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ssimtool import __version__
from ssimtool.records.batch import Bin
from ssimtool.records.latents import LatentReport

# it warns on standard error if it cannot write its font cache
logging.getLogger("matplotlib").setLevel(logging.ERROR)

SIZE, DPI = (10.0, 4.2), 144  # inches, and pixels of a PNG per inch
ACTIVE, PASSIVE, COLLAPSED, LIMIT, PRIOR = "#2f6db3", "#9db8d6", "#c9c9c9", "#b3402f", "#222222"
LABELLED = 40  # dimensions: up to this many are labelled
# No dates and no random names, so that every run writes the same bytes.
SETTINGS: Any = {
    "svg.hashsalt": "ssimtool",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
}


def drawn(record: LatentReport, bins: Sequence[Bin], beyond: int, *, kind: str) -> bytes:
    """Draw the plot, as the content of a file: the same bytes for the same numbers.

    Args:
        record: a record without an error.
        bins: histogram of mu.
        beyond: number of values outside the bins.
        kind: png or svg.
    """
    software = f"ssimtool latents {__version__}"
    metadata = {"Software": software} if kind == "png" else {"Creator": software, "Date": None}
    file = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()  # ignore the settings of the user
        mpl.rcParams.update(SETTINGS)
        figure = Figure(figsize=SIZE, layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _divergences(left, record)
        _histogram(right, bins, beyond)
        figure.savefig(file, format=kind, dpi=DPI, metadata=metadata)
    return file.getvalue()


def _divergences(axes: Axes, record: LatentReport) -> None:
    """Draw KL as bars, on a scale that is linear up to the threshold and logarithmic above.

    So collapsed dimensions are visible beside the others, and 0 can be drawn.
    """
    unit, limit = record.unit.removesuffix("s"), record.collapsed_threshold
    order = sorted(range(len(record.kl_per_dimension)), key=lambda d: -record.kl_per_dimension[d])
    heights = [record.kl_per_dimension[d] for d in order]
    kinds = [_kind(record, d) for d in order]
    for colour, name in ((ACTIVE, "active"), (PASSIVE, "inactive"), (COLLAPSED, "collapsed")):
        places = [i for i, kind in enumerate(kinds) if kind == name]
        if places:
            axes.bar(places, [heights[i] for i in places], width=0.9, color=colour, label=name)
    if limit > 0:
        axes.set_yscale("symlog", linthresh=limit, linscale=0.5)
        axes.axhline(
            limit, color=LIMIT, linewidth=1, linestyle="--", label=f"collapsed below {limit:.3g}"
        )
    if record.free_bits and record.free_bits.minimum > 0:
        least = record.free_bits.minimum
        axes.axhline(least, color=LIMIT, linewidth=1, linestyle=":", label=f"free bits {least:.3g}")
    axes.set_ylim(0, max([*heights, limit]) * 1.5 or 1)
    axes.set_xlim(-0.7, len(order) - 0.3)
    active = "" if record.active_units is None else f"{record.active_units} active, "
    axes.set_title(
        f"KL: {record.kl:.5g} {unit}; {active}{record.collapsed_dimensions} collapsed of "
        f"{record.dimensions} dimensions"
    )
    axes.set_ylabel(f"KL ({unit})")
    if len(order) <= LABELLED:
        axes.set_xticks(range(len(order)), [str(d) for d in order], fontsize=7)
        axes.set_xlabel("dimension, sorted by KL")
    else:
        axes.set_xlabel("rank")
    axes.legend(frameon=False, fontsize=8)


def _kind(record: LatentReport, d: int) -> str:
    if record.kl_per_dimension[d] < record.collapsed_threshold:
        return "collapsed"
    spread = record.aggregate.mu_variance[d] if record.aggregate else None
    return "inactive" if spread is not None and spread <= record.active_threshold else "active"


def _histogram(axes: Axes, bins: Sequence[Bin], beyond: int) -> None:
    """Draw the density of mu over all samples and dimensions, and the density of the prior."""
    total = sum(b.count for b in bins) + beyond
    width = bins[0].high - bins[0].low
    edges = [b.low for b in bins] + [bins[-1].high]
    axes.stairs(
        [b.count / total / width for b in bins], edges, fill=True, color=PASSIVE, label="mu"
    )
    reach = max([4.0, *(max(-b.low, b.high) for b in bins if b.count)])
    points = [reach * (i / 200 - 1) for i in range(401)]
    density = [math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) for z in points]
    axes.plot(points, density, color=PRIOR, linewidth=1.2, label="prior N(0, 1)")
    axes.set_xlim(-reach, reach)
    axes.set_ylim(bottom=0)
    axes.set_title("mu, all dimensions" + (f"; {beyond} values beyond" if beyond else ""))
    axes.set_xlabel("mu")
    axes.set_ylabel("density")
    axes.legend(frameon=False, fontsize=8)
