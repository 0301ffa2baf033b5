"""`ssimtool list`: the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from ssimtool.catalog import DEFINITIONS
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, view_of
from ssimtool.output import reserved, warn
from ssimtool.plugins import known_metrics, plugin_metrics
from ssimtool.reports.formats import renderer
from ssimtool.reports.view import View

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """List what ssimtool computes.

    Examples:
      ssimtool list metrics
      ssimtool list definitions
      ssimtool list metrics -f json
    """


@app.command("metrics")
def metrics(
    format: Annotated[str, o.format_option("list")] = "table", output: o.OutputOption = None
) -> int:
    """List the metrics: name, better direction, unit, range, formula, source.

    Examples:
      ssimtool list metrics
      ssimtool list metrics -f markdown
      ssimtool list metrics -o m.txt
    """
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
def definitions(
    format: Annotated[str, o.format_option("list")] = "table", output: o.OutputOption = None
) -> int:
    """List the definitions of SSIM, and the tools that return each of them.

    Examples:
      ssimtool list definitions
      ssimtool list definitions -f json
      ssimtool list definitions -o d.txt
    """
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
    with reserved([output] if output is not None else [], inputs=()) as files:
        text = renderer(format, "list")(rows, view_of(View(), to_file=bool(files)))
        deliver(text, files[0] if files else None)
    return 0
