"""Windows and borders."""

from __future__ import annotations

import numpy as np
import plain
import pytest
import torch

from ssimtool import gaussian_window, uniform_window
from ssimtool.kernels.plain.windows import blur, extend


@pytest.mark.parametrize(("size", "sigma"), [(1, 1.0), (11, 1.5), (7, 0.5), (33, 5.0)])
def test_gaussian_equals_the_formula(size, sigma):
    window = gaussian_window(size, sigma)
    np.testing.assert_allclose(window.numpy(), plain.gaussian(size, sigma).sum(0), atol=1e-16)
    assert window.sum().item() == pytest.approx(1, abs=1e-15)


def test_dtype_and_uniform():
    assert gaussian_window(3, 1.0, dtype=torch.float32).dtype == torch.float32
    assert uniform_window(5).tolist() == [0.2] * 5


@pytest.mark.parametrize("size", [0, 2, -1])
def test_wrong_sizes(size):
    with pytest.raises(ValueError, match="odd number"):
        gaussian_window(size, 1.5)
    with pytest.raises(ValueError, match="odd number"):
        uniform_window(size)


@pytest.mark.parametrize("sigma", [0, -1, float("nan"), float("inf")])
def test_wrong_sigma(sigma):
    with pytest.raises(ValueError, match="sigma"):
        gaussian_window(11, sigma)


def test_blur_equals_a_loop():
    x = np.random.RandomState(0).rand(9, 8)
    weights = tuple(gaussian_window(3, 0.7).tolist())
    found = blur(torch.from_numpy(x)[None, None], weights)[0, 0].numpy()
    window = np.outer(weights, weights)
    for i in range(7):
        for j in range(6):
            assert found[i, j] == pytest.approx((x[i : i + 3, j : j + 3] * window).sum(), abs=1e-15)


@pytest.mark.parametrize(
    ("border", "mode"), [("zero", "constant"), ("mirror", "reflect"), ("symmetric", "symmetric")]
)
def test_extend_equals_numpy(border, mode):
    x = np.arange(20.0).reshape(4, 5)
    found = extend(torch.from_numpy(x)[None, None], border, sides=2, top=3, bottom=1)
    np.testing.assert_array_equal(found[0, 0].numpy(), np.pad(x, ((3, 1), (2, 2)), mode=mode))


def test_valid_adds_nothing():
    x = torch.zeros(1, 1, 4, 4)
    assert extend(x, "valid", sides=0, top=0, bottom=0) is x
