"""What is used of torch and Numba beyond their public interfaces, each with what happens without.

A release that renames one of these costs speed, never a number. Loads neither by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Numba looks for these, for what no kernel has a use for: BLAS, and the lines that it compiles.
# Where they are installed, loading Numba and the kernels without them takes 0.35 s of processor
# time, with them 0.55 (two cores of an EPYC with AVX-512, 2026-11).
UNUSED_BY_NUMBA = ("scipy.linalg", "coverage")


def is_functorch_active() -> bool:
    """Whether a transform of torch.func is active; yes where torch does not say."""
    import torch

    return _ask(lambda: torch._C._are_functorch_transforms_active())


def is_forward_ad_active() -> bool:
    """Whether forward-mode differentiation is active; yes where torch does not say."""
    from torch.autograd import forward_ad

    return _ask(lambda: forward_ad._current_level >= 0)


def is_jit_tracing() -> bool:
    """Whether torch.jit.trace records; yes where torch does not say."""
    import torch

    return _ask(lambda: torch._C._get_tracing_state() is not None)


def is_dispatch_watched() -> bool:
    """Whether a TorchDispatchMode sees every operation; yes where torch does not say."""
    import torch

    return _ask(lambda: torch._C._len_torch_dispatch_stack() > 0)


def _ask(question: Callable[[], object]) -> bool:
    """The answer; yes where torch has no such name, so that plain torch computes or the operator,
    which torch knows, is called."""
    try:
        return bool(question())
    except AttributeError:
        return True


def no_alias_compiler() -> Any | None:
    """Return Numba's compiler, told that no two arrays of a call overlap; None where Numba has no
    such flag. LLVM vectorises a loop over some ten arrays only then: seven times faster here."""
    try:
        from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags

        _ = Flags.noalias
    except (ImportError, AttributeError):
        return None
    builder: Any = DefaultPassBuilder  # Numba has no types

    class NoAlias(CompilerBase):
        """Numba's pipelines, with one flag."""

        def define_pipelines(self) -> list[Any]:
            self.state.flags.noalias = True
            return [builder.define_nopython_pipeline(self.state)]

    return NoAlias


def load_numba(kernels: Callable[[], object]) -> None:
    """Load Numba, the kernels, and what Numba loads at the first call of one, where it can be asked
    for; else the first call does.

    A thread that imports one of the unused modules meanwhile is told that there is none.

    Args:
        kernels: imports them.

    Raises:
        ImportError: Numba cannot be loaded.
    """
    hidden = [name for name in UNUSED_BY_NUMBA if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be found
    try:
        kernels()
        try:
            from numba.core.registry import cpu_target

            cpu_target.typing_context.refresh()
            cpu_target.target_context.refresh()
        except (ImportError, AttributeError):
            pass
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
