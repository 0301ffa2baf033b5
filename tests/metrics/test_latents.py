"""The KL term and what collapses, in torch, against NumPy formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ssimtool import MSE_SSIM_KL_Loss, active_units, kl_divergence, kl_loss, kl_per_dimension
from ssimtool.metrics.latents import REDUCTIONS, check_kl_options

F64 = torch.float64


def _posterior(n: int = 7, shape: tuple[int, ...] = (2, 3)) -> tuple[np.ndarray, np.ndarray]:
    """Dimensions from nearly collapsed to far from the prior."""
    rng = np.random.RandomState(0)
    scale = np.linspace(0.05, 2, math.prod(shape)).reshape(shape)
    return scale * rng.randn(n, *shape), -scale * rng.rand(n, *shape)


def _kl(mu: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    return (-0.5 * (1 + logvar - mu**2 - np.exp(logvar))).reshape(len(mu), -1)


def _expected(mu: np.ndarray, logvar: np.ndarray, reduction: str, free_bits: float) -> float:
    """The formula of the docstring, written out."""
    each = _kl(mu, logvar)
    n, d = each.shape
    total = sum(max(free_bits, each[:, i].sum() / n) for i in range(d))
    return {"sum-mean": total, "mean": total / d, "sum": total * n}[reduction]


def test_kl_per_dimension():
    mu, logvar = _posterior()
    found = kl_per_dimension(torch.from_numpy(mu), torch.from_numpy(logvar))
    np.testing.assert_allclose(found.numpy(), _kl(mu, logvar).mean(axis=0), rtol=1e-12)
    total = kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar)).mean()
    assert found.sum().item() == pytest.approx(total.item(), rel=1e-14)
    assert kl_per_dimension(torch.zeros(3, 4), torch.zeros(3, 4)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("ddof", [0, 1])
def test_active_units(ddof):
    mu, _ = _posterior(50)
    spread = mu.reshape(50, -1).var(axis=0, ddof=ddof)
    for threshold in (0.0, 0.01, float(np.sort(spread)[2]), 1.0):
        found = active_units(torch.from_numpy(mu), threshold=threshold, ddof=ddof)
        assert found.item() == (spread > threshold).sum()  # the one that equals it is not active
    assert active_units(torch.ones(3, 5)).item() == 0
    # variance 0.0102 of a mean of 1000: float32 keeps it, and E[x²] − E[x]² would not
    far = torch.tensor([[1000.0], [1000.1428]])
    assert active_units(far).item() == 1
    assert active_units(far - 1000, threshold=0.0103).item() == 0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("free_bits", [0, 0.2, 100])
def test_kl_loss(reduction, free_bits):
    arrays = _posterior()
    mu, logvar = map(torch.from_numpy, arrays)
    found = kl_loss(mu, logvar, reduction=reduction, free_bits=free_bits)
    assert found.shape == ()
    assert found.item() == pytest.approx(_expected(*arrays, reduction, free_bits), rel=1e-12)
    single = kl_loss(mu.float(), logvar.float(), reduction=reduction, free_bits=free_bits)
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(found.item(), rel=1e-6)  # float32 of the result


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("free_bits", [0, 0.2])
def test_gradients(reduction, free_bits):
    mu, logvar = (torch.from_numpy(a).requires_grad_() for a in _posterior())

    def term(m, v):
        return kl_loss(m, v, reduction=reduction, free_bits=free_bits)

    assert torch.autograd.gradcheck(term, (mu, logvar))
    gradient, _ = torch.autograd.grad(term(mu, logvar), (mu, logvar))
    below = kl_per_dimension(mu, logvar).view(2, 3) < free_bits
    assert (gradient[:, below] == 0).all()
    assert (gradient[:, ~below] != 0).all()
    assert below.any() == bool(free_bits)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("free_bits", [0, 0.3])
def test_the_module(reduction, free_bits):
    mu, logvar = (torch.from_numpy(a).requires_grad_() for a in _posterior(2))
    x = torch.rand(2, 1, 12, 12, dtype=F64)
    module = MSE_SSIM_KL_Loss(0, 0.1, free_bits=free_bits, kl_reduction=reduction)
    loss, error, _, kl = module(x, 0.5 * x, mu, logvar)
    expected = _expected(*_posterior(2), reduction, free_bits)
    assert kl.item() == pytest.approx(expected, rel=1e-12)
    assert loss.item() == pytest.approx(error.item() + 0.1 * expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda m, v: module(x, x, m, v).kl, (mu, logvar))
    assert repr(MSE_SSIM_KL_Loss()).splitlines()[1] == "  alpha=1, beta=1"
    assert ("free_bits=0.3" in repr(module)) == bool(free_bits)
    assert ("kl_reduction=" in repr(module)) == (reduction != "sum-mean")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MSE_SSIM_KL_Loss(free_bits=-1), "free_bits is -1"),
        (lambda: MSE_SSIM_KL_Loss(free_bits=math.nan), "free_bits"),
        (lambda: check_kl_options("max", 0), "sum-mean, mean, sum"),
        (lambda: active_units(torch.zeros(1, 3)), "more samples than ddof"),
        (lambda: active_units(torch.zeros(3, 3), threshold=-1.0), "threshold is -1"),
        (lambda: kl_per_dimension(torch.zeros(0, 3), torch.zeros(0, 3)), "no sample"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
