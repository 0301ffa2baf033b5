"""What is used of torch and Numba beyond their public interfaces is there, or is done without."""

from __future__ import annotations

import subprocess
import sys

import numba.core.codegen
import numba.core.compiler
import numba.core.event
import numba.core.registry
import pytest
import torch
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from ssimtool import ssim
from ssimtool.kernels import choice, internals


def test_each_name_is_there_with_the_versions_that_are_tested():
    """A failure here names what a release of torch or Numba took away."""
    for name in ("_are_functorch_transforms_active", "_get_tracing_state"):
        assert callable(getattr(torch._C, name))
    assert callable(torch._C._len_torch_dispatch_stack)
    assert isinstance(forward_ad._current_level, int)
    assert numba.core.compiler.Flags.noalias is not None
    for name in ("_optimize_final_module", "_finalize_final_module", "_ensure_finalized"):
        assert callable(getattr(numba.core.codegen.JITCodeLibrary, name))
    assert callable(numba.core.compiler.DefaultPassBuilder.define_nopython_pipeline)
    assert callable(numba.core.event.register)
    assert issubclass(numba.core.event.Listener, object)
    for context in ("typing_context", "target_context"):
        assert callable(getattr(numba.core.registry.cpu_target, context).refresh)


class Watching(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def test_the_answers():
    found = []
    x = torch.zeros(2)
    assert not internals.is_functorch_active()
    torch.vmap(lambda a: found.append(internals.is_functorch_active()) or a)(x)
    assert not internals.is_forward_ad_active()
    with forward_ad.dual_level():
        found.append(internals.is_forward_ad_active())
    assert not internals.is_jit_tracing()
    torch.jit.trace(lambda a: found.append(internals.is_jit_tracing()) or a + 1, x)
    assert not internals.is_dispatch_watched()
    with Watching():
        found.append(internals.is_dispatch_watched())
    assert found[:2] == [True, True]
    assert True in found[2:-1]  # traced once, and run once more to check
    assert found[-1] is True


@pytest.mark.parametrize(
    ("owner", "name", "question"),
    [
        (torch._C, "_are_functorch_transforms_active", internals.is_functorch_active),
        (forward_ad, "_current_level", internals.is_forward_ad_active),
        (torch._C, "_get_tracing_state", internals.is_jit_tracing),
        (torch._C, "_len_torch_dispatch_stack", internals.is_dispatch_watched),
    ],
)
def test_a_name_that_is_gone_is_answered(monkeypatch, owner, name, question):
    assert question() is False
    with monkeypatch.context() as patch:
        patch.delattr(owner, name)
        found = question()
    assert found is True


def test_names_that_are_gone_cost_speed_and_no_number(monkeypatch):
    x = torch.rand(1, 1, 128, 128, generator=torch.Generator().manual_seed(0))
    y = x.flip(3)
    before = ssim(x, y, data_range=1)
    assert choice.is_fused(x, y, "auto")
    monkeypatch.setattr(internals, "_answer", lambda question: True)  # as where no name is there
    assert not choice.is_fused(x, y, "auto")  # unknown: plain torch
    # the bound of float32 between the two backends
    assert ssim(x, y, data_range=1).item() == pytest.approx(before.item(), abs=1e-6)


WITHOUT = """
import numba.core.compiler as compiler, numba.core.registry as registry
del compiler.Flags.noalias
del registry.cpu_target
from ssimtool.kernels import internals
assert internals.compiler_of_parts(no_alias=True) is None
from ssimtool.kernels.compiling import NO_ALIAS, PART
assert NO_ALIAS == PART == {}
internals.load_numba(lambda: None)
print("loaded")
"""


def test_numba_without_its_private_names():
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "loaded"
