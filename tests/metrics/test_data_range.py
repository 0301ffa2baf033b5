"""The data range of tensors, and what is no image: each is one clear error, or the right number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import ssimtool as s

METRICS = {
    "ssim": s.ssim,
    "ssim_loss": s.ssim_loss,
    "ssim_map": s.ssim_map,
    "ms_ssim": lambda x, y, **options: s.ms_ssim(x, y, scales=2, **options),
    "psnr": s.psnr,
}


@pytest.fixture(params=METRICS)
def metric(request):
    return METRICS[request.param]


def _pair(dtype, *, top=256):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, top, (2, 3, 2, 32, 30), generator=generator).to(dtype)


@pytest.mark.parametrize("data_range", [np.float32(200), np.float64(200), np.int64(200)])
def test_a_number_of_numpy_is_a_number(metric, data_range):
    x, y = _pair(torch.float32)
    assert torch.equal(metric(x, y, data_range=data_range), metric(x, y, data_range=200))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_a_range_of_each_image(metric, dtype):
    x, y = _pair(dtype)
    ranges = torch.tensor([255.0, 100.0, 1000.0])
    each = [
        metric(a[None], b[None], data_range=r)
        for a, b, r in zip(x, y, ranges.tolist(), strict=True)
    ]
    found = metric(x, y, data_range=ranges)
    assert found.dtype == each[0].dtype
    # the promise of single precision: float32 on one side, float64 on the other
    torch.testing.assert_close(found, torch.cat(each), rtol=1e-6, atol=1e-6)
    one = metric(x, y, data_range=torch.tensor(255.0))
    torch.testing.assert_close(one[0], each[0][0], rtol=1e-6, atol=1e-6)


def test_nearly_identical_images_keep_their_digits_with_a_range_of_each():
    x = torch.full((2, 1, 16, 16), 250, dtype=torch.uint8)
    y = x.clone()
    y[:, 0, 8, 8] = 251
    each = s.ssim_loss(x.double(), y.double(), data_range=255)
    found = s.ssim_loss(x, y, data_range=torch.tensor([255, 255]))
    torch.testing.assert_close(found.double(), each, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        (torch.ones(2), r"shape \(2,\): expected real numbers, \(\) or \(3,\)"),
        (torch.ones(3, 1), r"shape \(3, 1\)"),
        (torch.tensor([1.0, 0.0, 1.0]), "holds 0"),
        (torch.tensor([1.0, -1.0, 1.0]), "holds -1"),
        (torch.tensor([1.0, float("nan"), 1.0]), "holds nan"),
    ],
)
def test_a_tensor_that_is_no_range(metric, ranges, words):
    x, y = _pair(torch.float32)
    with pytest.raises(ValueError, match=words):
        metric(x, y, data_range=ranges)


@pytest.mark.parametrize(("dtype", "top"), [(torch.uint8, 255), (torch.uint16, 65535)])
def test_the_default_is_the_range_of_the_type(metric, dtype, top):
    x, y = _pair(dtype)
    assert torch.equal(metric(x, y), metric(x, y, data_range=top))


@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.int64])
def test_other_types_need_one(metric, dtype):
    x, y = _pair(dtype)
    with pytest.raises(TypeError, match="data_range is missing and the images are torch"):
        metric(x, y)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int64])
def test_integers_are_not_in_zero_to_one(metric, dtype):
    x, y = _pair(dtype)
    with pytest.raises(ValueError, match="data_range is 1 and x is torch"):
        metric(x, y, data_range=1)
    for module in (s.SSIMLoss(), s.MSSSIMLoss(scales=2), s.MSE_SSIM_KL_Loss(beta=0)):
        with pytest.raises(ValueError, match="data_range is 1 and x is torch"):
            module(x, y)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int64])
def test_integers_beside_floats(dtype, swapped):
    pair = _pair(dtype)[0], _pair(torch.float32)[1]
    x, y = pair[::-1] if swapped else pair
    for metric in METRICS.values():
        with pytest.raises(ValueError, match="expected both floats or both integers"):
            metric(x, y, data_range=255)
    for metric in (s.mse, s.mae, s.SSIMLoss(data_range=255), s.MSE_SSIM_KL_Loss(beta=0)):
        with pytest.raises(ValueError, match="expected both floats or both integers"):
            metric(x, y)


def test_half_beside_float():
    x, y = _pair(torch.float32, top=2)
    assert torch.equal(s.ssim(x.half(), y, data_range=1), s.ssim(x, y, data_range=1))


# In a process without the type checks of the tests, as users have it.
WRONG = """
import numpy as np, torch
from PIL import Image
import ssimtool as s
x = torch.rand(1, 1, 20, 20)
array = x.numpy()
picture = Image.new("L", (20, 20))
cases = [("x", lambda f, image=image: f(image, x, data_range=1)) for image in
         (array, array.tolist(), picture, "a.png", None)]
cases += [("y", lambda f: f(x, array, data_range=1))]
cases += [("data_range", lambda f, r=r: f(x, x, data_range=r)) for r in
          (None, (0, 1), "1", [1.0], np.ones(1))]
functions = [s.ssim, s.ssim_loss, s.ssim_map, s.ms_ssim_loss, s.psnr]
for name, call in cases:
    for function in functions:
        try:
            call(function)
        except TypeError as error:
            print(name, "|", error)
for image in (array, picture, None):
    for module in (s.mse, s.mae, s.SSIMLoss(), s.MSSSIMLoss(scales=1), s.MSE_SSIM_KL_Loss(beta=0)):
        try:
            module(image, image)
        except TypeError as error:
            print("x", "|", error)
for module in (s.SSIMLoss, s.MSSSIMLoss):
    try:
        module(data_range="1")
    except TypeError as error:
        print("data_range", "|", error)
"""


def test_what_is_no_tensor_and_no_range_is_a_type_error():
    command = [sys.executable, "-c", WRONG]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split(" | ") for line in done.stdout.splitlines()]
    assert len(lines) == 11 * 5 + 3 * 5 + 2
    for name, message in lines:
        assert (
            message.startswith((f"{name} is ", "recon_x is ", "x is ")) or "is missing" in message
        )
        assert "expected" in message
        assert name == "data_range" or "ssimtool.compare takes arrays" in message
