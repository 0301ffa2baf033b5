"""How the kernels are compiled: by Numba, without the GIL, with arguments that do not alias."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

from ssimtool.kernels.internals import no_alias_compiler

# Numba keeps a compiled entry for the next process and looks only at the file that holds it. The
# entries close over this, so that a change in any of the kernels' files compiles them again.
_HERE = Path(__file__)
SOURCES = sha256(
    b"".join(
        path.read_bytes() for path in (_HERE, *sorted((_HERE.parent / "compiled").glob("*.py")))
    )
).hexdigest()


_NO_ALIAS = no_alias_compiler()
NO_ALIAS = {} if _NO_ALIAS is None else {"pipeline_class": _NO_ALIAS}


def stage(function: Callable[..., Any]) -> Any:
    """One loop over the samples of a row: what multiplies and adds may fuse the two."""
    return _inner(function, **NO_ALIAS, fastmath={"contract"})


def formula(function: Callable[..., Any]) -> Any:
    """One number of a stage: inlined there, where it has to be vectorised."""
    return _inner(function, forceinline=True)


def pointwise(function: Callable[..., Any]) -> Any:
    """As `stage`, and each operation is rounded as it stands: a difference of two products that
    are equal is 0 then."""
    return _inner(function, **NO_ALIAS)


def summing(function: Callable[..., Any]) -> Any:
    """As `stage`, and floats may be summed in another order."""
    return _inner(function, **NO_ALIAS, fastmath={"contract", "reassoc"})


def plain(function: Callable[..., Any]) -> Any:
    """What calls stages."""
    return _inner(function)


def entry(function: Callable[..., Any]) -> Any:
    """What Python calls: its machine code is kept for the next process, where a folder for that
    can be written."""
    try:
        return _compiled(function, cache=True)
    except RuntimeError:  # neither beside the source nor in the user's cache
        return _compiled(function)


def call(kernel: Any, *arguments: Any) -> None:
    """Calls an entry. It is compiled at first; where that cannot be kept for the next process, the
    disk being full, it is there for this one all the same."""
    try:
        kernel(*arguments)
    except OSError:  # the kernels read and write no files themselves
        kernel(*arguments)


def _inner(function: Callable[..., Any], **options: Any) -> Any:
    """Not called from Python, so no way in from there is compiled: that halves the time."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    return njit(nogil=True, error_model="numpy", **options)(function)
