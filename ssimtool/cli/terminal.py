"""Facts about standard output: whether it is a terminal, its width, and whether it shows colour."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from ssimtool.reports.view import View

USUAL = 80  # columns of a terminal that does not know its width


def has_stdout() -> bool:
    """Return whether standard output is open."""
    return sys.stdout is not None


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def columns_of_stdout() -> int | None:
    """Return the value of COLUMNS, else the width of the terminal; None if there is no terminal."""
    requested = os.environ.get("COLUMNS", "")
    if requested.isdecimal() and int(requested):
        return int(requested)
    return _columns_of_terminal() if is_terminal() else None


def _columns_of_terminal() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL
    except OSError:
        return USUAL


def wants_colour() -> bool:
    """Return whether to print colour: a terminal that allows it (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal()


def view_of_stdout(view: View) -> View:
    """Return the view with the width and the colour of standard output."""
    return replace(view, width=columns_of_stdout(), colour=wants_colour(), terminal=is_terminal())
