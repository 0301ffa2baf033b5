"""`ssimtool doctor`: print the facts about the machine that a bug report needs."""

from __future__ import annotations

import locale
import os
import sys
from typing import Annotated, Any

from ssimtool.cli import parsing
from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver, files_of, with_files
from ssimtool.cli.terminal import columns_of_stdout
from ssimtool.output import reserved
from ssimtool.reports.formats import renderer

VARIABLES = ("TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI")


def command(
    format: Annotated[str | None, o.format_option("doctor")] = None,
    output: o.OutputOption = [],
) -> int:
    """Print versions, processor, backends and cache for a bug report.

    Examples:
      ssimtool doctor
      ssimtool doctor -f json
      ssimtool doctor -o doctor.txt
    """
    outputs = parsing.outputs("doctor", format, output)
    from ssimtool.reports.view import View
    from ssimtool.scoring.environment import environment

    facts = {**environment(), "terminal": _terminal()}
    with reserved(files_of(outputs), inputs=()) as files:
        for one, file in with_files(outputs, files):
            deliver(renderer(one.format, "doctor")(facts, View()), file)
    return 0


def _terminal() -> dict[str, Any]:
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    return {
        **{name: bool(stream and stream.isatty()) for name, stream in streams.items()},
        "columns": columns_of_stdout(),
        "encoding": getattr(sys.stdout, "encoding", None),
        "locale": ".".join(part or "C" for part in locale.getlocale()),
        **{name: os.environ[name] for name in VARIABLES if name in os.environ},
    }
