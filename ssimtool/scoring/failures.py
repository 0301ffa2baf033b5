"""Which errors are results: what a person can fix, and a lack of memory."""

from __future__ import annotations

from ssimtool.errors import NO_ROOM, SsimtoolError, is_out_of_memory
from ssimtool.records.verdicts import Failure


def failure_of(error: Exception, *, path: str | None = None) -> Failure | None:
    """Return why there is no number, for the record; None where the error is a bug.

    Args:
        error: what was raised.
        path: shown in front of a lack of memory; other errors name their file themselves.

    >>> failure_of(MemoryError()).code
    'too_large'
    >>> failure_of(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, SsimtoolError):
        return Failure(error.code, error.message)
    if isinstance(error, (MemoryError, RuntimeError)) and is_out_of_memory(error):
        return Failure("too_large", NO_ROOM if path is None else f"{path}: {NO_ROOM}")
    return None
