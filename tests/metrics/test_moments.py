"""Sums over a data set, piece by piece, against NumPy over the whole of it."""

from __future__ import annotations

from dataclasses import fields
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
import torch

from ssimtool import kl_per_dimension
from ssimtool.metrics import moments as m


def _posterior(n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(n + d)
    mixing = np.eye(d) + 0.3 * rng.randn(d, d)
    mu = rng.randn(n, d) @ mixing + np.linspace(-3, 3, d)
    return mu.astype(np.float32), (rng.randn(n, d) - 1).astype(np.float32)


def _plain(mu: np.ndarray, logvar: np.ndarray) -> dict[str, object]:
    """Over the whole in float64."""
    mu, logvar = mu.astype(np.float64), logvar.astype(np.float64)
    n, d = mu.shape
    return {
        "count": n,
        "mean": mu.mean(axis=0),
        "squares": n * mu.var(axis=0),
        "products": (n - 1) * np.cov(mu, rowvar=False).reshape(d, d) if n > 1 else np.zeros((d, d)),
        "low": mu.min(axis=0),
        "high": mu.max(axis=0),
        "kl": (-0.5 * (1 + logvar - mu**2 - np.exp(logvar))).sum(axis=0),
        "variance": np.exp(logvar).sum(axis=0),
        "logvar": logvar.sum(axis=0),
        "logvar_squares": (logvar**2).sum(axis=0),
        "logvar_low": logvar.min(axis=0),
        "logvar_high": logvar.max(axis=0),
        "at_low": (logvar == logvar.min()).sum(),
        "at_high": (logvar == logvar.max()).sum(),
        "beyond_float32": 0,
        "beyond_float64": 0,
    }


@pytest.mark.parametrize(("n", "d"), [(1, 1), (2, 3), (63, 64), (1000, 7), (130, 900), (700, 300)])
@pytest.mark.parametrize("block", [1, 1 << 12, 1 << 16])
def test_equal_numpy(monkeypatch, n, d, block):
    monkeypatch.setattr(m, "BLOCK", block)
    mu, logvar = _posterior(n, d)
    expected = _plain(mu, logvar)
    found = m.moments(mu, logvar, correlated=True)
    for field in fields(m.Moments):
        # float64 sums of a thousand numbers of the order of 1; products cancel to near 0
        np.testing.assert_allclose(
            getattr(found, field.name), expected[field.name], rtol=1e-11, atol=1e-10,
            err_msg=field.name,
        )  # fmt: skip
    alone = m.moments(mu, logvar)
    assert alone.products is None
    np.testing.assert_allclose(alone.squares, found.squares, rtol=1e-12, atol=1e-13)
    each = kl_per_dimension(torch.from_numpy(mu).double(), torch.from_numpy(logvar).double())
    np.testing.assert_allclose(found.kl / n, each.numpy(), rtol=1e-12)


def test_pieces_are_the_whole():
    mu, logvar = _posterior(1000, 5)
    logvar = np.clip(logvar, -2, 0.5)
    whole = m.moments(mu, logvar, correlated=True)
    cuts = (0, 1, 17, 500, 999, 1000)
    parts = [m.moments(mu[a:b], logvar[a:b], correlated=True) for a, b in pairwise(cuts)]
    found = reduce(m.merged, parts)
    for field in fields(m.Moments):
        np.testing.assert_allclose(
            getattr(found, field.name), getattr(whole, field.name), rtol=1e-12, atol=1e-11
        )
    assert found.at_low > 100
    assert found.at_low == (logvar == -2).sum()
    assert found.at_high == (logvar == 0.5).sum()


def test_a_large_mean_costs_no_digits():
    # E[x²] − E[x]² would be off by 1e16 · 1e-16, that is by all of the variance
    rng = np.random.RandomState(0)
    spread = rng.randn(5000, 3)
    found = m.moments(1e8 + spread, np.zeros((5000, 3)))
    exact = ((1e8 + spread) - 1e8).var(axis=0)  # of what float64 holds of them
    np.testing.assert_allclose(found.squares / 5000, exact, rtol=1e-9)


def test_equal_numbers_have_no_variance():
    # 0.1 has no exact float: a mean by a sum would miss it in the last digit
    found = m.moments(np.full((100_000, 1), 0.1), np.zeros((100_000, 1)))
    assert found.squares.tolist() == [0]
    assert found.mean.tolist() == [0.1]


def test_keeps_its_digits_near_the_prior():
    mu, logvar = np.zeros((1000, 2)), np.full((1000, 2), 1e-6)
    found = m.moments(mu, logvar).kl / 1000
    # x²/4 + x³/12; expm1 has 1e-16 of 1e-6, against 5e-13: 2e-10
    np.testing.assert_allclose(found, 1e-12 / 4, rtol=1e-6)


def test_overflow_is_counted_and_not_warned_of(recwarn):
    logvar = np.array([[88.0, 89.0], [709.0, 710.0]])
    found = m.moments(np.zeros((2, 2)), logvar)
    assert (found.beyond_float32, found.beyond_float64) == (3, 1)
    assert np.isinf(found.kl).tolist() == [False, True]
    with np.errstate(over="ignore"):
        assert np.isfinite(np.exp(np.float32(m.FLOAT32_EXP_LIMIT)))
        assert not np.isfinite(np.exp(np.float32(m.FLOAT32_EXP_LIMIT + 0.01)))
        assert np.isfinite(np.exp(m.FLOAT64_EXP_LIMIT))
        assert not np.isfinite(np.exp(m.FLOAT64_EXP_LIMIT + 0.01))
    assert not list(recwarn)


def test_effective_dimensions():
    assert m.effective_dimensions(np.full(7, 0.3)) == pytest.approx(7, rel=1e-15)
    assert m.effective_dimensions(np.array([0.0, 5, 0])) == 1
    assert m.effective_dimensions(np.zeros(3)) == 0
    shares = np.array([0.5, 0.25, 0.25])
    expected = 2**1.5  # entropy 1.5 bits
    assert m.effective_dimensions(9 * shares) == pytest.approx(expected, rel=1e-15)
    assert m.effective_dimensions(np.array([1e-320, 1.0])) == pytest.approx(1)


def test_total_correlation():
    rng = np.random.RandomState(0)
    mu = rng.randn(400, 6) @ (np.eye(6) + 0.4 * rng.randn(6, 6)) * np.geomspace(1e-6, 1e6, 6)
    expected = -0.5 * np.linalg.slogdet(np.corrcoef(mu, rowvar=False))[1]
    assert expected > 0.5
    products = m.moments(mu, mu * 0, correlated=True).products
    assert m.total_correlation(products) == pytest.approx(expected, rel=1e-11)
    assert m.total_correlation(products[:1, :1]) == 0
    assert m.total_correlation(np.diag([1.0, 2, 3])) == 0
    # float32 of 1.7 times a column: the rest is its rounding, 1e-15 of the variance
    for other in (mu[:, :1], np.float32(1.7) * mu[:, :1].astype(np.float32), mu.sum(1)[:, None]):
        copied = np.hstack([mu, other])
        products = m.moments(copied, copied * 0, correlated=True).products
        assert m.total_correlation(products) == np.inf
