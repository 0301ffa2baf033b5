"""The command line that was probably meant, where the command was left out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from pathlib import PurePath

from ssimtool.reports.formats import FORMATS

SCORES = FORMATS["ndjson"].suffixes


def completed(arguments: Sequence[str], commands: Collection[str]) -> str | None:
    """Return the arguments with the command that fits their files; None if none is apparent.

    >>> completed(["a.png", "b.png", "-m", "psnr"], ["compare"])
    'compare a.png b.png -m psnr'
    """
    files = [argument for argument in arguments if _is_file_name(argument)]
    if not files or not commands or arguments[0] in commands:
        return None
    if not arguments[0].startswith("-") and arguments[0] not in files:
        return None  # a command that is misspelt; Typer names the one that is close
    command = _command_for(files)
    return shlex.join([command, *arguments]) if command in commands else None


def _command_for(files: Sequence[str]) -> str:
    if PurePath(files[0]).suffix.lower() in SCORES:
        return "report"
    if len(files) == 1:
        return ""
    return "batch" if any(map(os.path.isdir, files)) else "compare"


def _is_file_name(argument: str) -> bool:
    if argument.startswith("-") or argument.replace(".", "", 1).isdigit():
        return False
    return os.path.exists(argument) or bool(PurePath(argument).suffix)
