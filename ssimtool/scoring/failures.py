"""Errors that are recorded as results: of the user, of a lack of memory, and bugs."""

from __future__ import annotations

import re

from ssimtool.errors import (
    NO_ROOM,
    ArgumentError,
    OutputError,
    SsimtoolError,
    UnavailableError,
    is_out_of_memory,
)
from ssimtool.records.verdicts import Failure

LONGEST_REASON = 200  # characters


def in_python(message: str) -> str:
    """Return a message that names options of the command line, with the arguments of Python.

    >>> in_python("a.npy: pass --data-range (e.g. 255)")
    'a.npy: pass data_range (e.g. 255)'
    """
    return re.sub(r"--([a-z][a-z-]+)", lambda match: match[1].replace("-", "_"), message)


def failure_of(error: Exception, *, path: str | None = None) -> Failure | None:
    """Return the failure to record for an error; None if the error is a bug.

    Args:
        error: the error that was raised.
        path: named in the message of a lack of memory; other errors name their file themselves.

    >>> failure_of(MemoryError()).code
    'too_large'
    >>> failure_of(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, SsimtoolError):
        return Failure(error.code, error.message)
    if is_out_of_memory(error):
        return Failure("too_large", NO_ROOM if path is None else f"{path}: {NO_ROOM}")
    return None


def unexpected(error: Exception, *, path: str) -> Failure | None:
    """Return the failure `internal` of a pair whose comparison raised what is a bug.

    Args:
        error: the error that was raised.
        path: the pair in the message.

    Returns:
        the failure; None for an error of the whole run: its arguments, its device, its outputs.

    >>> print(unexpected(KeyError("XYZ"), path="a.im").message)
    a.im: cannot be compared (KeyError: 'XYZ'), which is a bug in ssimtool; please report it, with \
the traceback that --debug prints
    >>> unexpected(OutputError("cannot write map.png: no space left"), path="a.im") is None
    True
    """
    if isinstance(error, (ArgumentError, OutputError, UnavailableError)):
        return None
    reason = f"{type(error).__name__}: {error}".removesuffix(": ")[:LONGEST_REASON]
    return Failure(
        "internal",
        f"{path}: cannot be compared ({reason}), which is a bug in ssimtool; please report it, "
        "with the traceback that --debug prints",
    )
