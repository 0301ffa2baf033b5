"""The KL divergence against closed forms, mpmath-free high precision and torch.distributions."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import pytest
import torch
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from ssimtool import kl_divergence

F64 = torch.float64


def test_prior_is_exactly_zero():
    zeros = torch.zeros(3, 7)
    assert kl_divergence(zeros, zeros).tolist() == [0, 0, 0]


def test_closed_forms():
    d = 9
    ones, zeros = torch.ones(1, d, dtype=F64), torch.zeros(1, d, dtype=F64)
    assert kl_divergence(ones, zeros).item() == d / 2
    wide = torch.full((1, d), math.log(4), dtype=F64)
    expected = d * (4 - 1 - math.log(4)) / 2
    assert kl_divergence(zeros, wide).item() == pytest.approx(expected, rel=1e-15)


def test_equals_torch_distributions():
    generator = torch.Generator().manual_seed(0)
    mu, logvar = torch.randn(2, 4, 3, 5, dtype=F64, generator=generator)
    theirs = torch_kl(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=(1, 2))
    torch.testing.assert_close(kl_divergence(mu, logvar), theirs, rtol=1e-12, atol=0)


@pytest.mark.parametrize("value", [1e-3, 1e-5])
def test_keeps_its_digits_near_the_prior(value):
    getcontext().prec = 50
    v = Decimal(torch.tensor(value).item())  # the float32 that is really there
    exact = float((v.exp() - 1 - v) / 2)
    found = kl_divergence(torch.zeros(1, 1), torch.full((1, 1), value)).item()
    # float64 inside: 1e-16/value relative; float32 alone would leave 6e-8/value, that is 6e-3
    assert found == pytest.approx(exact, rel=1e-6)


def test_half_is_computed_wider():
    mu, logvar = torch.full((1, 64), 3.0).half(), torch.full((1, 64), 5.0).half()
    expected = 64 * (math.expm1(5) - 5 + 9) / 2  # 4880: the squares alone sum past half's digits
    found = kl_divergence(mu, logvar)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_gradcheck():
    generator = torch.Generator().manual_seed(0)
    mu, logvar = torch.randn(2, 3, 4, dtype=F64, generator=generator)
    assert torch.autograd.gradcheck(kl_divergence, (mu.requires_grad_(), logvar.requires_grad_()))


def test_wrong_shapes():
    check = kl_divergence.__wrapped__  # below jaxtyping's check
    with pytest.raises(ValueError, match="expected one shape"):
        check(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="expected one shape"):
        check(torch.zeros(()), torch.zeros(()))
