"""Outputs of a command, and the format of each by its suffix. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ssimtool.errors import ArgumentError
from ssimtool.reports.formats import FORMATS, Command, suffixes_for


@dataclass(frozen=True)
class Output:
    """An output and its format; a path of None is standard output."""

    format: str
    path: str | None


def outputs_of(
    command: Command, requested: str | None, paths: Sequence[str | None]
) -> tuple[Output, ...]:
    """Return the outputs of a command; without a path, standard output.

    Args:
        command: name of the command.
        requested: value of `--format`, or None: the suffix of each file chooses its format.
        paths: values of `--output`; None: standard output.

    Raises:
        ArgumentError: a suffix selects no format of the command, or one format is requested for
            several outputs.

    >>> outputs_of("compare", None, ["scores.JSON", None])
    (Output(format='json', path='scores.JSON'), Output(format='table', path=None))
    """
    if requested is not None and len(paths) > 1:
        raise ArgumentError(
            "the format of several outputs is that of their suffixes: leave out --format",
            argument="format",
        )
    return tuple(Output(requested or _format_of(command, path), path) for path in paths or [None])


def _format_of(command: Command, path: str | None) -> str:
    """Return the format that the suffix of a file selects; `table` without a suffix."""
    suffix = PurePath(path or "").suffix.lower()
    name = suffixes_for(command).get(suffix) if suffix else "table"
    if name is None:
        owners = [row.name for row in FORMATS.values() if suffix in row.suffixes]
        problem = f"does not write {owners[0]}" if owners else f"knows no format {suffix}"
        raise ArgumentError(
            f"{path}: {command} {problem}; use {', '.join(suffixes_for(command))}, or pass "
            "--format",
            argument="output",
        )
    return name
