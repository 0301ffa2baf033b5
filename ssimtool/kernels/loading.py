"""Loading of the kernels before they are needed."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from ssimtool.kernels import internals


def load_kernels() -> None:
    """Load the kernels before the first pair, in a worker process; do nothing without Numba."""
    with suppress(ImportError):
        internals.load_numba(lambda: import_module("ssimtool.kernels.arrays"))
