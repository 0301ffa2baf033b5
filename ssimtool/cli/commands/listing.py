"""`ssimtool list`: the catalogue."""

from __future__ import annotations

import shutil

import typer

from ssimtool.catalog import DEFINITIONS
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver
from ssimtool.output import reserved, wants_colour, warn
from ssimtool.plugins import known_metrics, plugin_metrics

app = typer.Typer(help="List what ssimtool computes.", no_args_is_help=True)


@app.command("metrics")
def metrics(format: o.FormatOption = "table", output: o.OutputOption = None) -> int:
    """The metrics: name, unit, which way is better, range, formula, source."""
    rows = [
        {
            "name": row.name,
            "better": row.better,
            "unit": row.unit,
            "range": row.range,
            "symmetric": "yes" if row.symmetric else "no",
            "smallest side": str(row.smallest_side) if row.smallest_side > 1 else "-",
            "formula": row.formula,
            "source": row.source,
            "plug-in": row.distribution or "-",
        }
        for row in known_metrics().values()
    ]
    for problem in plugin_metrics().problems:
        warn(f"warning: {problem}")
    return _show(rows, format, output)


@app.command("definitions")
def definitions(format: o.FormatOption = "table", output: o.OutputOption = None) -> int:
    """The definitions of SSIM: window, border, constants, and the tools that return them."""
    rows = [
        {
            "name": row.name,
            "window": f"{row.window} {row.window_size}"
            + (f", sigma {row.sigma:g}" if row.sigma else ""),
            "border": row.border,
            "averaged": {"valid": "windows inside", "full": "full map"}[row.region],
            "constants": f"k1 {row.k1:g}, k2 {row.k2:g}",
            "covariance": row.covariance,
            "downsample": "by size" if row.downsample is None else str(row.downsample),
            "returned by": row.returned_by,
        }
        for row in DEFINITIONS.values()
    ]
    return _show(rows, format, output)


def _show(rows: list[dict[str, str]], format: str, output: str | None) -> int:
    from ssimtool.reports.catalogue import FORMATS
    from ssimtool.reports.table import catalogue_text

    with reserved([output] if output is not None else [], inputs=()) as files:
        if format in FORMATS:
            text = FORMATS[format](rows)
        else:
            width = shutil.get_terminal_size((80, 24)).columns
            text = catalogue_text(rows, width=width, colour=wants_colour() and not output)
        deliver(text, files[0] if files else None)
    return 0
