"""The transforms of torch.func of every function and module: vmap, jvp, jacrev, hessian, and
gradients of each sample."""

from __future__ import annotations

import pytest
import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

import ssimtool as s

F64 = torch.float64
SIZE = (2, 13, 12)  # one image; a hessian has the square of its samples
GENERATOR = torch.Generator().manual_seed(3)
WEIGHT = torch.rand(1, 1, *SIZE[1:], dtype=F64, generator=GENERATOR) + 0.1
# Each takes one image x and one y, (C, H, W), and returns a number.
FUNCTIONS = {
    "ssim": lambda x, y: s.ssim(x[None], y[None], data_range=1)[0],
    "cvae": lambda x, y: s.ssim(x[None], y[None], data_range=1, definition="cvae")[0],
    "mirror": lambda x, y: s.ssim(x[None], y[None], data_range=1, definition="torchmetrics")[0],
    "ssim_loss": lambda x, y: s.ssim_loss(x[None], y[None], data_range=1)[0],
    "ssim_map": lambda x, y: s.ssim_map(x[None], y[None], data_range=1).square().sum(),
    "range of each": lambda x, y: s.ssim(x[None], y[None], data_range=torch.tensor([2.0]))[0],
    "ms_ssim": lambda x, y: s.ms_ssim(x[None], y[None], data_range=1, scales=1)[0],
    "mse": lambda x, y: s.mse(x[None], y[None])[0],
    "mae": lambda x, y: s.mae(x[None], y[None])[0],
    "psnr": lambda x, y: s.psnr(x[None], y[None], data_range=1)[0],
    "weighted ssim": lambda x, y: s.ssim(x[None], y[None], data_range=1, weight=WEIGHT)[0],
    "weighted map": lambda x, y: (
        s.ssim_map(x[None], y[None], data_range=1, weight=WEIGHT).square().sum()
    ),
    "weighted mse": lambda x, y: s.mse(x[None], y[None], weight=WEIGHT)[0],
    "SSIMLoss": lambda x, y: s.SSIMLoss()(x[None], y[None]),
    "MSSSIMLoss": lambda x, y: s.MSSSIMLoss(scales=1)(x[None], y[None]),
    "MSE_SSIM_KL_Loss": lambda x, y: (
        s.MSE_SSIM_KL_Loss()(x[None], y[None], x[None, 0, 0], y[None, 0, 0]).loss
    ),
    "kl_divergence": lambda x, y: s.kl_divergence(x[None], y[None])[0],
    "kl_per_dimension": lambda x, y: s.kl_per_dimension(x[None], y[None]).square().sum(),
}
# Both sides compute in float64 and differ in the order of additions alone.
CLOSE = {"rtol": 1e-9, "atol": 1e-13}


@pytest.fixture
def pairs():
    return torch.rand(2, 3, *SIZE, dtype=F64, generator=torch.Generator().manual_seed(4))


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


def _gradients(function, xs, ys):
    """The gradients by autograd, one image after the other."""
    found = []
    for x, y in zip(xs, ys, strict=True):
        x = x.clone().requires_grad_()
        found += torch.autograd.grad(function(x, y), x)
    return torch.stack(found)


def test_vmap_is_the_loop(function, pairs):
    expected = torch.stack([function(x, y) for x, y in zip(*pairs, strict=True)])
    torch.testing.assert_close(vmap(function)(*pairs), expected, **CLOSE)
    last = vmap(function, in_dims=(3, 0))(pairs[0].movedim(0, 3), pairs[1])
    torch.testing.assert_close(last, expected, **CLOSE)


def test_gradients_of_each_sample(function, pairs):
    found = vmap(grad(function))(*pairs)
    torch.testing.assert_close(found, _gradients(function, *pairs), **CLOSE)


def test_forward_mode(function, pairs):
    (x, *_), (y, *_) = pairs
    tangent = torch.rand_like(x)
    value, found = jvp(lambda image: function(image, y), (x,), (tangent,))
    gradient = _gradients(function, x[None], y[None])[0]
    torch.testing.assert_close(value, function(x, y), **CLOSE)
    torch.testing.assert_close(found, (gradient * tangent).sum(), **CLOSE)


def test_jacobians(function, pairs):
    (x, *_), (y, *_) = pairs
    gradient = _gradients(function, x[None], y[None])[0]
    torch.testing.assert_close(jacrev(function)(x, y), gradient, **CLOSE)
    torch.testing.assert_close(jacfwd(function)(x, y), gradient, **CLOSE)


def test_the_hessian(function, pairs):
    (x, *_), (y, *_) = pairs
    expected = torch.autograd.functional.hessian(lambda image: function(image, y), x)
    torch.testing.assert_close(hessian(function)(x, y), expected, **CLOSE)


def test_the_scales_of_ms_ssim():
    def function(x, y):
        return s.ms_ssim(x[None], y[None], data_range=1, scales=3)[0]

    pairs = torch.rand(2, 2, 1, 45, 44, dtype=F64, generator=torch.Generator().manual_seed(5))
    expected = torch.stack([function(x, y) for x, y in zip(*pairs, strict=True)])
    torch.testing.assert_close(vmap(function)(*pairs), expected, **CLOSE)
    gradients = _gradients(function, *pairs)
    torch.testing.assert_close(vmap(grad(function))(*pairs), gradients, **CLOSE)
    (x, *_), (y, *_) = pairs
    _, found = jvp(lambda image: function(image, y), (x,), (y,))
    torch.testing.assert_close(found, (gradients[0] * y).sum(), **CLOSE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_other_dtypes_far_from_their_range(dtype):
    """The dtype alone decides the precision under a transform, so the promise holds."""
    x, y = torch.rand(2, 2, 1, 24, 24, generator=torch.Generator().manual_seed(6)) + 200
    x, y = x.to(dtype), y.to(dtype)
    found = vmap(lambda a, b: s.ssim_loss(a[None], b[None], data_range=1)[0])(x, y)
    expected = s.ssim_loss(x.double(), y.double(), data_range=1)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-7)


def test_the_message_of_the_fused_backend_is_true(pairs):
    def function(backend):
        return lambda x, y: s.ssim(x[None], y[None], data_range=1, backend=backend)

    torch.testing.assert_close(vmap(function("torch"))(*pairs), vmap(function("auto"))(*pairs))
    with pytest.raises(ValueError, match="expected the backend 'auto' or 'torch'"):
        vmap(function("fused"))(*pairs)


def test_active_units_under_vmap():
    mu = torch.randn(3, 10, 4, generator=torch.Generator().manual_seed(7))
    expected = torch.stack([s.active_units(one) for one in mu])
    torch.testing.assert_close(vmap(s.active_units)(mu), expected)
