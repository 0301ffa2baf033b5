"""`ssimtool doctor`: print the facts about the machine that a bug report needs."""

from __future__ import annotations

import locale
import os
import shutil
import sys
from typing import Annotated, Any, Literal

from ssimtool.cli.options import shared as o
from ssimtool.cli.outcome import deliver
from ssimtool.output import reserved

FormatName = Literal["text", "json"]
VARIABLES = ("TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "CI")


def command(
    format: Annotated[
        FormatName, o.output("--format", "-f", metavar="NAME", help="Print text or json.")
    ] = "text",
    output: o.OutputOption = None,
) -> int:
    """Print versions, processor, backends and cache for a bug report.

    Examples:
      ssimtool doctor
      ssimtool doctor -f json
      ssimtool doctor -o doctor.txt
    """
    from ssimtool.reports.environment import environment_json, environment_text
    from ssimtool.scoring.environment import environment

    facts = {**environment(), "terminal": _terminal()}
    text = environment_text(facts) if format == "text" else environment_json(facts)
    with reserved([output] if output is not None else [], inputs=()) as files:
        deliver(text, files[0] if files else None)
    return 0


def _terminal() -> dict[str, Any]:
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    return {
        **{name: bool(stream and stream.isatty()) for name, stream in streams.items()},
        "columns": shutil.get_terminal_size((80, 24)).columns,
        "encoding": getattr(sys.stdout, "encoding", None),
        "locale": ".".join(part or "C" for part in locale.getlocale()),
        **{name: os.environ[name] for name in VARIABLES if name in os.environ},
    }
