"""The kernels loaded ahead of their first call, for a process of our own."""

from __future__ import annotations

import sys

# Numba looks for them, for what no kernel has a use for: BLAS, and the lines that it compiles.
# Where they are installed, to load them takes 0.15 s, half of what it takes without.
UNUSED = ("scipy.linalg", "coverage")


def load_kernels() -> None:
    """Loads Numba, and all that it loads at the first call of a kernel.

    A thread that imports one of the unused modules meanwhile is told that there is none.

    Raises:
        ImportError: Numba cannot be loaded.
    """
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    try:
        from numba.core.registry import cpu_target

        import ssimtool.kernels.arrays  # noqa: F401  # for what it loads

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
