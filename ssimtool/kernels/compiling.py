"""Compilation of the kernels by Numba, without the GIL, with arguments that do not alias."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit

from ssimtool.devices import COMPILATION_LOG
from ssimtool.kernels.internals import compiler_of_parts, log_compilation

log_compilation(
    COMPILATION_LOG,
    "compiling the kernels for this processor: it takes some seconds, and later runs load them "
    "('ssimtool warmup' compiles them ahead)",
)

# Numba caches a compiled entry for the next process, and checks only the file of the entry for
# changes. The entries close over this hash, so that a change in any file compiles them again.
_HERE = Path(__file__)
_FILES = _HERE, _HERE.with_name("internals.py"), *sorted(_HERE.parent.glob("compiled/*.py"))
SOURCES = sha256(b"".join(path.read_bytes() for path in _FILES)).hexdigest()


def _compiled_by(compiler: Any | None) -> dict[str, Any]:
    return {} if compiler is None else {"pipeline_class": compiler}


PART = _compiled_by(compiler_of_parts(no_alias=False))
NO_ALIAS = _compiled_by(compiler_of_parts(no_alias=True))


def stage(function: Callable[..., Any]) -> Any:
    """Compile a loop over the samples of a row. Multiplications and additions may be fused."""
    return _inner(function, **NO_ALIAS, fastmath={"contract"})


def formula(function: Callable[..., Any]) -> Any:
    """Compile a formula for one number of a stage, inlined so that the loop is vectorised."""
    return _inner(function, **PART, forceinline=True)


def pointwise(function: Callable[..., Any]) -> Any:
    """Compile a loop like `stage`, but without fusing: each operation is rounded by itself.

    Then the difference of two equal products is 0.
    """
    return _inner(function, **NO_ALIAS)


def summing(function: Callable[..., Any]) -> Any:
    """Compile a loop like `stage` that may also sum floats in another order."""
    return _inner(function, **NO_ALIAS, fastmath={"contract", "reassoc"})


def plain(function: Callable[..., Any]) -> Any:
    """Compile a function that calls stages."""
    return _inner(function, **PART)


def entry(function: Callable[..., Any]) -> Any:
    """Compile an entry, which Python calls, and cache its machine code for the next process.

    It is not cached if no folder for the cache is writable.
    """
    try:
        return _compiled(function, cache=True)
    except RuntimeError:  # neither the source folder nor the user cache is writable
        return _compiled(function)


def call(kernel: Any, *arguments: Any) -> None:
    """Call an entry. The first call compiles it.

    If the machine code cannot be cached, for example because the disk is full, this process can
    still use it.
    """
    try:
        kernel(*arguments)
    except OSError:  # the cache could not be written; the kernels themselves use no files
        kernel(*arguments)


def _inner(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function without an entry point for Python, which halves the compilation time."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    # Without the option, a function would be inlined where the one that first calls it is.
    options.setdefault("forceinline", False)
    return njit(nogil=True, error_model="numpy", **options)(function)
