"""Loading of the kernels before they are needed."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

from ssimtool.kernels import internals

KERNELS = "ssimtool.kernels.arrays"


def load_kernels() -> None:
    """Load the kernels before the first pair, in a process of its own; do nothing without Numba."""
    if KERNELS not in sys.modules:
        with suppress(ImportError):
            internals.load_numba(lambda: import_module(KERNELS))
