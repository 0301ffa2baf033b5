"""Uses of private parts of torch and Numba, each with a fallback.

If a release renames one of them, this costs speed but never changes a number. Importing this module
loads neither torch nor Numba.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# Numba imports these for BLAS and for line coverage, which no kernel uses. If they are installed,
# loading Numba and the kernels takes 0.35 s of processor time without them and 0.55 s with them
# (two cores of an EPYC with AVX-512, 2026-11).
UNUSED_BY_NUMBA = ("scipy.linalg", "coverage")


def is_functorch_active() -> bool:
    """Whether a transform of torch.func is active; true if torch does not tell."""
    import torch

    return _answer(lambda: torch._C._are_functorch_transforms_active())


def is_forward_ad_active() -> bool:
    """Whether forward-mode differentiation is active; true if torch does not tell."""
    from torch.autograd import forward_ad

    return _answer(lambda: forward_ad._current_level >= 0)


def is_jit_tracing() -> bool:
    """Whether torch.jit.trace records; true if torch does not tell."""
    import torch

    return _answer(lambda: torch._C._get_tracing_state() is not None)


def is_transformed() -> bool:
    """Return whether torch.func, forward-mode differentiation or torch.jit.trace is active.

    Values of tensors are unknown then, results cannot be written into a tensor from outside, and
    the operators have no rule.
    """
    import torch

    return not torch.compiler.is_compiling() and (
        is_functorch_active() or is_forward_ad_active() or is_jit_tracing()
    )


def is_dispatch_watched() -> bool:
    """Whether a TorchDispatchMode sees every operation; true if torch does not tell."""
    import torch

    return _answer(lambda: torch._C._len_torch_dispatch_stack() > 0)


def _answer(question: Callable[[], object]) -> bool:
    """Return the answer of torch; true if torch has no such name.

    With true, plain torch operations or the registered operator compute, which are always correct.
    """
    try:
        return bool(question())
    except AttributeError:
        return True


def compiler_of_parts(*, no_alias: bool) -> Any | None:
    """Return Numba's compiler for functions that become part of an entry.

    Numba optimizes each function, and writes machine code for it, before it does so again for each
    function that calls it. This compiler leaves both to the entry: compiling a forward pass takes
    5.2 s instead of 8.9 (one core of an EPYC with AVX-512, 2026-11).

    Args:
        no_alias: whether no two arrays of a call overlap. LLVM vectorises a loop over about ten
            arrays only if it knows: seven times faster here.

    Returns:
        the compiler; None if Numba has other names.
    """
    try:
        from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags

        _ = Flags.noalias
        library: Any = _library_of_parts()
    except (ImportError, AttributeError):
        return None
    builder: Any = DefaultPassBuilder  # Numba has no types

    class PartCompiler(CompilerBase):
        """Pipelines of Numba with the flag set, whose functions become part of others."""

        def define_pipelines(self) -> list[Any]:
            self.state.flags.noalias = no_alias
            name = self.state.func_id.func_qualname
            self.state.library = library(self.state.targetctx.codegen(), name)
            self.state.library.enable_object_caching()
            return [builder.define_nopython_pipeline(self.state)]

    return PartCompiler


def _library_of_parts() -> type:
    """Return a class for the code of a function that is linked into others, and has no address.

    Raises:
        ImportError, AttributeError: Numba has other names.
    """
    from numba.core.codegen import JITCodeLibrary

    _ = JITCodeLibrary._finalize_dynamic_globals, JITCodeLibrary._verify_declare_only_symbols

    class NoEnvironment:
        """Environment of functions that use no Python object."""

        def set_env(self, *_: object) -> None:
            pass

    class Part(JITCodeLibrary):
        """Code that is neither optimized nor made machine code by itself."""

        codegen = NoEnvironment()

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            own: Any = self  # Numba has no types
            own._finalize_dynamic_globals()
            own._verify_declare_only_symbols()
            own._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            own: Any = self
            own._ensure_finalized()
            return 0

    return Part


def log_compilation(logger: str, message: str) -> None:
    """Log a message each time that Numba compiles a function rather than loading it from its cache.

    Without these events in Numba, nothing is logged. Call it once for a process.
    """
    import logging

    try:
        from numba.core import event

        register: Any = event.register  # Numba has no types

        class Log(event.Listener):
            """Listener that logs the beginning of each compilation."""

            def on_start(self, _: Any) -> None:
                logging.getLogger(logger).info(message)

            def on_end(self, _: Any) -> None:
                pass

        register("numba:compile", Log())
    except (ImportError, AttributeError):
        return


def load_numba(kernels: Callable[[], object]) -> None:
    """Load Numba, the kernels, and the parts of Numba that the first call of a kernel loads.

    If this Numba cannot load these parts early, the first call still loads them. Meanwhile another
    thread that imports one of the unused modules gets an ImportError.

    Args:
        kernels: a function that imports the kernels.

    Raises:
        ImportError: Numba cannot be loaded.
    """
    hidden = [name for name in UNUSED_BY_NUMBA if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: import fails
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
