"""`ssimtool list`: list the metrics and the definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, files_of, with_files
from ssimtool.cli.terminal import view_of_stdout
from ssimtool.output import reserved, warn
from ssimtool.plugins import plugin_metrics
from ssimtool.reports.formats import renderer

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
    format: Annotated[str | None, o.format_option("list")] = None, output: o.OutputOption = []
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
    format: Annotated[str | None, o.format_option("list")] = None, output: o.OutputOption = []
) -> int:
    """List the definitions of SSIM, and the tools that return each of them.

    Examples:
      ssimtool list definitions
      ssimtool list definitions -f json
      ssimtool list definitions -o d.txt
    """
    from ssimtool.reports.catalogue import definition_rows

    return _show(definition_rows(), format, output)


def _show(rows: Rows, requested: str | None, paths: list[str]) -> int:
    from ssimtool.reports.view import View

    outputs = parsing.outputs("list", requested, paths)
    with reserved(files_of(outputs), inputs=()) as files:
        for output, file in with_files(outputs, files):
            view = View() if file is not None else view_of_stdout(View())
            deliver(renderer(output.format, "list")(rows, view), file)
    return 0
