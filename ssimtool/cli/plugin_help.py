"""Metrics of plug-ins in the help of `--metric`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HELP_REQUESTS = {"-h", "--help", "--help-all", "help"}


def name_plugins(command: Any, arguments: Sequence[str]) -> None:
    """Name the metrics of plug-ins in the help of `--metric`, if help is requested.

    Otherwise plug-ins are not searched, which takes 35 ms.

    Args:
        command: Click command of Typer with its subcommands; changed in place.
        arguments: the command line.
    """
    if HELP_REQUESTS.isdisjoint(arguments) or HELP_REQUESTS.issuperset(arguments):
        return  # no help, or that of the program, which has no metrics
    from ssimtool.plugins import plugin_metrics

    if names := ", ".join(plugin_metrics().rows):
        _append(command, f" Of plug-ins: {names}.")


def _append(command: Any, words: str) -> None:
    for subcommand in getattr(command, "commands", {}).values():
        _append(subcommand, words)
    for parameter in command.params:
        if parameter.name == "metric":
            parameter.help += words
