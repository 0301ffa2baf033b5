"""MSE, MAE and PSNR against integers that a person can check, and against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from ssimtool import mae, mse, psnr
from ssimtool.kernels.plain import blocks

F64 = torch.float64


def test_equal_scikit_image(camera, noisy_camera, batch):
    x, y = batch(camera), batch(noisy_camera)
    # integers: the sums are exact in float64
    assert mse(x, y, dtype=F64).item() == mean_squared_error(camera, noisy_camera)
    theirs = peak_signal_noise_ratio(camera, noisy_camera, data_range=255)
    assert psnr(x, y, data_range=255, dtype=F64).item() == pytest.approx(theirs, abs=1e-12)
    by_hand = np.abs(camera.astype(int) - noisy_camera.astype(int)).mean()
    assert mae(x, y, dtype=F64).item() == by_hand


def test_sixteen_bits_are_exact_where_float32_is_not():
    x = torch.full((1, 1, 50, 41), 65535, dtype=torch.uint16)
    y = torch.zeros_like(x)
    y[0, 0, 0, 0] = 1
    count = 50 * 41
    expected = ((count - 1) * 65535**2 + 65534**2) / count
    assert mse(x, y, dtype=F64).item() == expected


def test_each_image_alone_and_in_blocks(monkeypatch):
    x, y = torch.rand(2, 5, 2, 30, 20, dtype=F64, generator=torch.Generator().manual_seed(0))
    whole = mse(x, y)
    monkeypatch.setattr(blocks, "CPU_BLOCK", 300)
    torch.testing.assert_close(mse(x, y), whole, rtol=1e-14, atol=0)
    torch.testing.assert_close(whole, ((x - y) ** 2).mean(dim=(1, 2, 3)), rtol=1e-14, atol=0)
    assert mae(x, y).shape == (5,)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64])
def test_psnr_of_identical_images_is_infinite(dtype):
    x = torch.ones(2, 1, 4, 4, dtype=dtype)
    assert psnr(x, x, data_range=255).tolist() == [math.inf, math.inf]
    assert mse(x, x).tolist() == [0, 0]


def test_gradcheck():
    generator = torch.Generator().manual_seed(1)
    x, y = torch.rand(2, 2, 1, 4, 5, dtype=F64, generator=generator)
    x.requires_grad_(), y.requires_grad_()
    assert torch.autograd.gradcheck(mse, (x, y))
    assert torch.autograd.gradcheck(mae, (x, y))
    assert torch.autograd.gradcheck(lambda a, b: psnr(a, b, data_range=1), (x, y))


def test_float32_gradient_is_float32():
    x = torch.rand(1, 1, 4, 4, requires_grad=True)
    mse(x, torch.zeros(1, 1, 4, 4)).sum().backward()
    assert x.grad.dtype == torch.float32
    torch.testing.assert_close(x.grad, x.detach() * 2 / 16)


@pytest.mark.parametrize("data_range", [0, -1, math.inf, math.nan])
def test_wrong_data_range(data_range):
    x = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match="data_range"):
        psnr(x, x, data_range=data_range)


def test_wrong_dtype():
    x = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"float32 or torch\.float64"):
        mse(x, x, dtype=torch.int32)
