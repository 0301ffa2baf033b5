"""Which exceptions a VAE use case reports in its record instead of raising them."""

from __future__ import annotations

from ssimtool.errors import NO_ROOM, SsimtoolError, is_out_of_memory
from ssimtool.records.verdicts import Failure

# torch reports a lack of memory as a RuntimeError: `failure_of` tells it from the others.
CAUGHT = (SsimtoolError, MemoryError, RuntimeError)


def failure_of(error: Exception) -> Failure | None:
    """Returns what the record says about an exception; None if it is a bug, to be raised.

    >>> failure_of(MemoryError()).code
    'too_large'
    >>> failure_of(RuntimeError("shapes do not match"))
    """
    if isinstance(error, SsimtoolError):
        return Failure(error.code, error.message)
    return Failure("too_large", NO_ROOM) if is_out_of_memory(error) else None
