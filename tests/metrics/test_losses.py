"""The modules that training code imports."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import plain
import pytest
import torch

from ssimtool import MSE_SSIM_KL_Loss, SSIMLoss
from ssimtool.metrics import losses

F64 = torch.float64


def _maps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The zero-padded map of each plane of two batches."""
    n, c, h, w = x.shape
    planes = zip(x.reshape(-1, h, w), y.reshape(-1, h, w), strict=True)
    maps = [plain.ssim_map(p, q, 1, pad="constant") for p, q in planes]
    return np.stack(maps).reshape(n, c, h, w)


def _arrays(n: int = 2, c: int = 3, h: int = 20, w: int = 17, d: int = 6) -> tuple:
    rng = np.random.RandomState(0)
    x, y = rng.rand(2, n, c, h, w)
    mu, logvar = rng.randn(2, n, d) * 0.3
    return x, y, mu, logvar


def _tensors(dtype: torch.dtype = F64, **shape: int) -> list[torch.Tensor]:
    return [torch.from_numpy(a).to(dtype) for a in _arrays(**shape)]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_ssim_loss_equals_the_zero_padded_computation(channels):
    x, y, *_ = _arrays(c=channels)
    maps = _maps(x, y)
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    module = SSIMLoss()
    # float64 both
    assert module(a, b).item() == pytest.approx(1 - maps.mean(), abs=1e-12)
    assert module(a, b).shape == ()
    np.testing.assert_allclose(module(a, b, as_loss=False).numpy(), maps, atol=1e-12)
    # float32 means agree to 1e-6
    assert module(a.float(), b.float()).item() == pytest.approx(1 - maps.mean(), abs=1e-6)


def test_kernel_size_and_sigma_and_data_range():
    x, y, *_ = _arrays(c=1, n=1)
    expected = plain.ssim_map(255 * x[0, 0], 255 * y[0, 0], 255, size=7, sigma=1.0, pad="constant")
    module = SSIMLoss(kernel_size=7, sigma=1.0, data_range=255)
    a, b = torch.from_numpy(255 * x), torch.from_numpy(255 * y)
    assert module(a, b).item() == pytest.approx(1 - expected.mean(), abs=1e-12)
    assert repr(module) == "SSIMLoss(kernel_size=7, sigma=1.0, data_range=255, definition='custom')"
    with pytest.raises(ValueError, match="odd"):
        SSIMLoss(kernel_size=8)
    with pytest.raises(ValueError, match="data_range"):
        SSIMLoss(data_range=0)


@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (0.3, 2.5), (0, 1), (1, 0), (0, 0)])
def test_parts_equal_numpy(alpha, beta):
    x, y, mu, logvar = _arrays()
    error, structure = ((x - y) ** 2).mean(), 1 - _maps(x, y).mean()
    kl = (-0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1)).mean()
    found = MSE_SSIM_KL_Loss(alpha, beta)(*_tensors())
    loss, *parts = found
    expected = (error, structure if alpha else 0, kl if beta else 0)
    for part, value in zip(parts, expected, strict=True):
        assert part.item() == pytest.approx(value, rel=1e-12)
    total = error + alpha * expected[1] + beta * expected[2]
    assert loss.item() == pytest.approx(total, rel=1e-12)
    assert found._fields == ("loss", "mse", "ssim_loss", "kl")


def test_the_check_of_the_design():
    # docs/mathematics.md: x ~ N(0,1) of (5,1,128,128), y = 0.8 x, latents ~ 0.01 N(0,1) of (5,256)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 1, 128, 128, generator=generator)
    mu, logvar = 0.01 * torch.randn(2, 5, 256, generator=generator)
    loss, error, structure, kl = MSE_SSIM_KL_Loss()(0.8 * x, x, mu, logvar)
    assert error.item() == pytest.approx(0.04, abs=0.001)
    assert structure.item() == pytest.approx(0.047, abs=0.001)
    # its mean is 256 (1e-4 + 0.5e-4)/2 = 0.0192, with a standard deviation of 0.0005
    assert 0.0175 < kl.item() < 0.021
    assert loss.item() == pytest.approx(0.106, abs=0.003)


def test_a_term_of_weight_zero_is_not_computed(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("computed")

    x, y, *_ = _tensors()
    monkeypatch.setattr(losses, "ssim_loss", refuse)
    monkeypatch.setattr(losses, "kl_loss", refuse)
    nan = torch.full((2, 6), float("nan"))
    loss, error, structure, kl = MSE_SSIM_KL_Loss(alpha=0, beta=0)(x, y, nan, nan)
    assert loss == error
    assert structure == kl == 0
    MSE_SSIM_KL_Loss(alpha=0, beta=0)(x, y)
    with pytest.raises(AssertionError, match="computed"):
        MSE_SSIM_KL_Loss(alpha=0, beta=1)(x, y, nan, nan)


@pytest.mark.parametrize("as_loss", [True, False])
def test_gradcheck_of_ssim_loss(as_loss):
    x, y, *_ = _tensors(n=1, c=2, h=12, w=13)
    x.requires_grad_(), y.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: SSIMLoss()(a, b, as_loss=as_loss), (x, y))


def test_gradcheck_of_the_whole_loss():
    tensors = [t.requires_grad_() for t in _tensors(n=2, c=1, h=12, w=13)]
    assert torch.autograd.gradcheck(lambda *t: MSE_SSIM_KL_Loss(0.7, 0.2)(*t), tensors)


@pytest.mark.parametrize(
    "module",
    [
        SSIMLoss(),
        MSE_SSIM_KL_Loss(0.5, 0.1),
        MSE_SSIM_KL_Loss(0, 0.1, free_bits=1, kl_reduction="sum"),
    ],
)
def test_modules_survive(module):
    assert list(module.parameters()) == []  # DistributedDataParallel: nothing unused
    assert list(module.buffers()) == []  # … and nothing to keep in step
    assert module.state_dict() == {}
    module.load_state_dict({})
    arguments = _tensors()[: 2 if isinstance(module, SSIMLoss) else 4]
    expected = torch.stack(list(torch.atleast_1d(*_flat(module(*arguments)))))
    for twin in (
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
        module.to("cpu").to(torch.float64).half().float(),
    ):
        found = torch.stack(list(torch.atleast_1d(*_flat(twin(*arguments)))))
        assert torch.equal(found, expected)


def _flat(result) -> tuple[torch.Tensor, ...]:
    # two at least, so that atleast_1d gives a tuple
    return tuple(result) if isinstance(result, tuple) else (result, result)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_and_half(dtype):
    tensors = _tensors(torch.float32)
    exact = MSE_SSIM_KL_Loss()(*(t.to(dtype).double() for t in tensors))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = MSE_SSIM_KL_Loss()(*(t.to(dtype) for t in tensors))
    for part, value in zip(found, exact, strict=True):
        assert part.dtype == torch.float32
        # float32 of the same half values
        assert part.item() == pytest.approx(value.item(), rel=1e-5)


def test_half_gradients_come_back_as_half():
    x, y, *_ = (t.half() for t in _tensors())
    x.requires_grad_()
    SSIMLoss()(x, y).backward()
    assert x.grad.dtype == torch.float16
    assert x.grad.isfinite().all()


COMPILED = """
import torch
from ssimtool import MSE_SSIM_KL_Loss

generator = torch.Generator().manual_seed(0)
x, y = torch.rand(2, 2, 3, 20, 17, dtype=torch.float64, generator=generator)
mu, logvar = torch.randn(2, 2, 6, dtype=torch.float64, generator=generator)
tensors = [t.requires_grad_() for t in (x, y, mu, logvar)]
module = MSE_SSIM_KL_Loss(0.5, 0.1, OPTIONS)
compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
gradients = torch.autograd.grad(module(*tensors).loss, tensors)
again = torch.autograd.grad(compiled(*tensors).loss, tensors)
print(max(((g - h).norm() / g.norm()).item() for g, h in zip(gradients, again)))
"""


@pytest.mark.parametrize("options", ["", 'free_bits=0.5, kl_reduction="mean"'])
def test_fullgraph_compile(options):
    # A process of its own: jaxtyping's checks are not in it. aot_eager traces forward and backward
    # as inductor does, without half a minute of C++.
    code = COMPILED.replace("OPTIONS", options)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1e-12  # float64 both


@pytest.mark.parametrize("weights", [(-1, 1), (1, -0.5), (float("nan"), 1), (1, float("inf"))])
def test_wrong_weights(weights):
    with pytest.raises(ValueError, match="0 or more"):
        MSE_SSIM_KL_Loss(*weights)


def test_wrong_latents():
    x, y, mu, logvar = _tensors()
    forward = MSE_SSIM_KL_Loss.forward.__wrapped__  # below jaxtyping's check
    with pytest.raises(ValueError, match="expected mu and logvar"):
        forward(MSE_SSIM_KL_Loss(), x, y)
    with pytest.raises(ValueError, match="expected 2 samples"):
        forward(MSE_SSIM_KL_Loss(), x, y, mu[:1], logvar[:1])
    assert repr(MSE_SSIM_KL_Loss(0.5, 2)).startswith("MSE_SSIM_KL_Loss(\n  alpha=0.5, beta=2")
