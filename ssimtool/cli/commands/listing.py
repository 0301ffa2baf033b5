"""`ssimtool list`: list the metrics and the definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, view_of
from ssimtool.output import reserved, warn
from ssimtool.plugins import plugin_metrics
from ssimtool.reports.formats import format_of_output, renderer

if TYPE_CHECKING:
    from ssimtool.reports.catalogue import Rows

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
    format: Annotated[str | None, o.format_option("list")] = None, output: o.OutputOption = None
) -> int:
    """List the metrics: name, better direction, unit, range, formula, source.

    Examples:
      ssimtool list metrics
      ssimtool list metrics -f markdown
      ssimtool list metrics -o m.txt
    """
    for problem in plugin_metrics().problems:
        warn(f"warning: {problem}")
    from ssimtool.reports.catalogue import metric_rows

    return _show(metric_rows(), format, output)


@app.command("definitions")
def definitions(
    format: Annotated[str | None, o.format_option("list")] = None, output: o.OutputOption = None
) -> int:
    """List the definitions of SSIM, and the tools that return each of them.

    Examples:
      ssimtool list definitions
      ssimtool list definitions -f json
      ssimtool list definitions -o d.txt
    """
    from ssimtool.reports.catalogue import definition_rows

    return _show(definition_rows(), format, output)


def _show(rows: Rows, requested: str | None, output: str | None) -> int:
    from ssimtool.reports.view import View

    format = format_of_output("list", requested, output)
    with reserved([output] if output is not None else [], inputs=()) as files:
        text = renderer(format, "list")(rows, view_of(View(), to_file=bool(files)))
        deliver(text, files[0] if files else None)
    return 0
