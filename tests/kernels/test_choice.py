"""Which computation runs, and that there is one without Numba."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jaxtyping
import pytest
import torch
from torch.autograd import forward_ad

from ssimtool import MSE_SSIM_KL_Loss, SSIMLoss, devices, mse, ssim_loss
from ssimtool.kernels import choice


@pytest.mark.parametrize(
    ("dtypes", "side", "fused"),
    [
        ((torch.uint8, torch.uint8), 128, True),
        ((torch.uint16, torch.uint16), 128, True),
        ((torch.float32, torch.float32), 128, True),
        ((torch.float64, torch.float64), 128, True),
        ((torch.float16, torch.float16), 128, True),
        ((torch.bfloat16, torch.float32), 128, True),
        ((torch.uint8, torch.uint8), 63, False),  # too small
        ((torch.int16, torch.int16), 128, False),  # not read as it lies
        ((torch.uint8, torch.float32), 128, False),
        ((torch.float32, torch.float64), 128, False),
    ],
)
def test_auto_goes_by_dtype_and_size(dtypes, side, fused):
    x, y = (torch.zeros(1, 1, side, side, dtype=dtype) for dtype in dtypes)
    assert choice.is_fused(x, y, "auto") is fused
    assert choice.is_fused(x, y, "fused")
    assert not choice.is_fused(x, y, "torch")


def test_one_comparison_alone_pays_for_no_compiler():
    x = torch.zeros(1, 1, 1, devices.FUSED_ONCE_FROM, dtype=torch.uint8)
    once = {"fused_from": devices.FUSED_ONCE_FROM}
    assert choice.is_fused(x, x, "auto", **once)
    assert not choice.is_fused(x[..., 1:], x[..., 1:], "auto", **once)
    assert choice.is_fused(x[..., 1:], x[..., 1:], "auto")


def test_windows_that_hold_too_many_rows_are_left_to_torch():
    x = torch.zeros(1, 1, 1, choice.FUSED_FROM)
    assert choice.is_fused(x, x, "auto", window_size=devices.FUSED_WINDOW)
    assert not choice.is_fused(x, x, "auto", window_size=devices.FUSED_WINDOW + 2)
    assert choice.is_fused(x, x, "fused", window_size=devices.FUSED_WINDOW + 2)


def test_the_documents_say_from_where_on():
    page = (Path(__file__).parents[2] / "docs/python.md").read_text("utf-8")
    assert f"{choice.FUSED_FROM:,} samples and more" in page


def test_other_devices_are_left_to_torch():
    x = torch.zeros(1, 1, 200, 200, device="meta")
    assert not choice.is_fused(x, x, "auto")
    with pytest.raises(ValueError, match="on meta: expected the CPU"):
        choice.is_fused(x, x, "fused")


def test_transforms_of_functions_are_left_to_torch():
    x, y = torch.rand(2, 1, 1, 200, 200, generator=torch.Generator().manual_seed(0))

    def loss(a):
        return ssim_loss(a, y, data_range=1).sum()

    a = x.clone().requires_grad_()
    loss(a).backward()
    # the bound of gradients in float32
    assert (torch.func.grad(loss)(x) - a.grad).norm() / a.grad.norm() < 1e-5


def test_forward_mode_is_left_to_torch():
    x, y = torch.rand(2, 1, 1, 200, 200, generator=torch.Generator().manual_seed(0))
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(
            mse(forward_ad.make_dual(x, torch.ones_like(x)), y)
        ).tangent
        with pytest.raises(ValueError, match="expected the backend 'auto' or 'torch'"):
            ssim_loss(x, y, data_range=1, backend="fused")
    assert tangent.item() == pytest.approx(2 * (x - y).mean().item(), rel=1e-4)  # float32


TRACED = """
import torch, warnings
from torch.fx.experimental.proxy_tensor import make_fx
from ssimtool import ssim_loss

torch.manual_seed(0)
x, y, z = torch.rand(3, 1, 1, 200, 200)

def loss(a, b):
    return ssim_loss(a, b, data_range=1)

warnings.simplefilter("ignore")  # what the tracer says of shapes
traced = torch.jit.trace(loss, (x, y), check_trace=False)
for found in (make_fx(loss)(x, y)(x, z), traced(x, z)):
    assert abs(found - loss(x, z)).item() < 1e-6, found  # of float32 means
"""


def test_tracers_see_what_is_computed():
    # in a process of its own: the checks of shapes and types under pytest cannot be traced
    done = subprocess.run(
        [sys.executable, "-c", TRACED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_unknown_backends_are_refused(monkeypatch):
    # as for users, without the checks of types that run under pytest
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    x = torch.zeros(1, 1, 16, 16)
    with pytest.raises(ValueError, match="expected auto, fused or torch"):
        ssim_loss(x, x, data_range=1, backend="cuda")


def test_without_numba(monkeypatch):
    monkeypatch.setattr(devices, "numba_loads", lambda: False)
    x = torch.rand(1, 1, 200, 200)
    assert not choice.is_fused(x, x, "auto")
    with pytest.raises(ValueError, match="Numba cannot be imported"):
        choice.is_fused(x, x, "fused")


WITHOUT = """
import sys
sys.modules["numba"] = None  # as where it is not installed
import torch
from ssimtool import MSE_SSIM_KL_Loss, ssim
x = torch.rand(2, 3, 100, 100, requires_grad=True)
loss = MSE_SSIM_KL_Loss(beta=0)(x, x.detach().flip(3)).loss
loss.backward()
print(ssim(x, x, data_range=1).tolist(), bool(x.grad.isfinite().all()))
"""


def test_a_process_without_numba_computes():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[1.0, 1.0] True"


def counted(monkeypatch):
    """The calls of the operator that the kernels are behind."""
    calls = []
    from ssimtool.kernels import operators as ops

    real = ops.measured
    monkeypatch.setattr(ops, "measured", lambda *a, **b: calls.append(b) or real(*a, **b))
    return calls


def test_the_modules_use_the_kernels_by_themselves(monkeypatch):
    x, y = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    calls = counted(monkeypatch)
    mu = torch.zeros(2, 4)
    criteria = (lambda a: SSIMLoss()(a, y), lambda a: MSE_SSIM_KL_Loss()(a, y, mu, mu).loss)
    for number, criterion in enumerate(criteria, start=1):
        a = x.detach().clone().requires_grad_()
        fused = criterion(a)
        fused.backward()
        assert len(calls) == number
        with monkeypatch.context() as patch:
            patch.setattr(choice, "FUSED_FROM", 1 << 40)
            b = x.detach().clone().requires_grad_()
            plain = criterion(b)
            plain.backward()
        assert len(calls) == number
        assert fused.item() == pytest.approx(plain.item(), abs=1e-6)  # of float32 means
        assert (a.grad - b.grad).norm() / b.grad.norm() < 1e-5  # the bound of gradients


def test_errors_alone_ask_for_no_window(monkeypatch):
    x = torch.rand(1, 1, 200, 200)
    calls = counted(monkeypatch)
    assert mse(x, x + 1).item() == pytest.approx(1, rel=1e-6)
    (call,) = calls
    assert call["structure"] is False


FULL = """
import numba.core.caching as caching, torch
def full(*arguments):
    raise OSError(28, "No space left on device")
caching.IndexDataCacheFile.save = full
from ssimtool import mse
print(mse(torch.zeros(1, 1, 200, 200), torch.ones(1, 1, 200, 200)).item())
"""


def test_a_full_disk_keeps_nothing_and_stops_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1.0"
