"""Gradients that the forward pass computes at once: they are those of the backward pass."""

from __future__ import annotations

import pytest
import torch

from ssimtool import MSE_SSIM_KL_Loss, SSIMLoss, ms_ssim_loss, ssim_loss
from ssimtool.definitions import DEFINITIONS
from ssimtool.kernels import gradients, operators
from ssimtool.kernels.formula import formula_of
from ssimtool.kernels.training import Expected, factors_of, slopes_of

SHAPES = [(2, 3, 64, 70), (33, 1, 40, 45), (1, 2, 300, 1500), (3, 3, 129, 700)]


def pair(shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape))
    x = torch.rand(shape, generator=generator, dtype=dtype)
    return (0.9 * x + 0.1 * torch.rand(shape, generator=generator, dtype=dtype)), x


@pytest.fixture
def passes(monkeypatch):
    """The calls of the backward pass, by the names of the functions that make them."""
    called = []
    for name in ("gradients", "measure_and_differentiate"):
        function = getattr(gradients, name)

        def counted(*args, name=name, function=function, **options):
            called.append(name)
            return function(*args, **options)

        monkeypatch.setattr(gradients, name, counted)
    return called


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["wang2004", "cvae", "skimage", "torchmetrics"])
@pytest.mark.parametrize("interleaved", [False, True])
def test_one_pass_measures_and_differentiates(shape, dtype, name, interleaved):
    x, y = pair(shape, dtype)
    if interleaved:
        x, y = (t.contiguous(memory_format=torch.channels_last) for t in (x, y))
    formula = formula_of(DEFINITIONS[name], 1)
    slopes = slopes_of(Expected(0.7, 1.0), x)
    flags = {"wide": False, "structure": True, "errors": True}
    means, errors, of_wide = operators.measured(x, y, formula, **flags)
    found = gradients.measure_and_differentiate(
        x, y, formula, *slopes, wide=False, sides=(True, True)
    )
    # sums in another order: of float32 by lane, and of float64
    bound = 2e-7 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(found.means, means, rtol=bound, atol=0)
    torch.testing.assert_close(found.errors, errors, rtol=1e-13, atol=0)
    assert found.of_wide.tolist() == of_wide.tolist()
    expected = gradients.gradients(x, y, formula, *slopes, of_wide, sides=(True, True))
    for own, other in zip(found.gradients, expected, strict=True):
        assert torch.equal(own, other)  # the same computation


def whole(x, y):
    return ssim_loss(x, y, data_range=1).mean()


def summed(x, y):
    return ssim_loss(x, y, data_range=1).sum()


def weighted(x, y):
    return (ssim_loss(x, y, data_range=1) * torch.arange(len(x))).sum()


def module(x, y):
    return 0.37 * SSIMLoss()(x, y)


def vae(x, y):
    return MSE_SSIM_KL_Loss(alpha=0.3, beta=0)(x, y).loss / 3


def squared(x, y):
    return MSE_SSIM_KL_Loss(beta=0)(x, y).mse


def scales(x, y):
    return ms_ssim_loss(x, y, data_range=1, scales=2).mean()


@pytest.mark.parametrize(
    ("loss", "made"),
    [
        (whole, ["measure_and_differentiate"]),
        (summed, ["measure_and_differentiate"]),
        (weighted, ["measure_and_differentiate"]),
        (module, ["measure_and_differentiate"]),
        (vae, ["measure_and_differentiate"]),
        (squared, ["measure_and_differentiate", "gradients"]),  # no slope by SSIM
        (scales, ["gradients", "gradients"]),  # each scale has slopes that are not known before
    ],
)
@pytest.mark.parametrize("n", [3, 4])
def test_the_slopes_of_a_loss(passes, loss, made, n):
    x, y = pair((n, 2, 64, 66))
    x.requires_grad_()
    loss(x, y).backward()
    assert passes == made
    a, b = x.detach().double().requires_grad_(), y.double()
    with torch.no_grad():
        value = loss(x, y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssimtool.metrics.ssim.is_fused", lambda *args, **options: False)
        patch.setattr("ssimtool.metrics.losses.is_fused", lambda *args, **options: False)
        patch.setattr("ssimtool.metrics.ms_ssim.is_fused", lambda *args, **options: False)
        exact = loss(a, b)
    exact.backward()
    assert value.item() == pytest.approx(exact.item(), rel=1e-6)
    bound = 1e-5 * a.grad.abs().max()  # as in test_promise
    assert (x.grad.double() - a.grad).abs().max() <= bound


def test_both_images_and_a_second_backward_pass():
    x, y = (t.requires_grad_() for t in pair((2, 1, 70, 70)))
    loss = ssim_loss(x, y, data_range=1).mean()
    first = torch.autograd.grad(loss, (x, y), retain_graph=True)
    second = torch.autograd.grad(3 * loss, (x, y))
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(3 * a, b)
    assert whole(x, y.detach()).backward() is None


def test_a_gradient_that_is_changed_changes_no_other():
    x, y = pair((2, 1, 70, 70))
    x.requires_grad_()
    loss = whole(x, y)
    loss.backward(retain_graph=True)
    first = x.grad.clone()
    x.grad.zero_()
    loss.backward(retain_graph=True)
    assert torch.equal(x.grad, first)
    (own,) = torch.autograd.grad(loss, x, retain_graph=True)
    own += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_image_that_is_written_to_is_noticed():
    x, y = pair((1, 1, 70, 70))
    leaf = x.requires_grad_()
    own = leaf * 1
    loss = whole(own, y)
    with torch.no_grad():
        own += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("value", [1e4, float("nan")])
def test_what_float32_does_not_hold_takes_the_backward_pass(passes, value):
    x, y = pair((2, 1, 70, 70))
    x[1, 0, 40:] = value
    x.requires_grad_()
    whole(x, y).backward()
    assert passes == ["measure_and_differentiate", "gradients"]
    assert bool(x.grad[0].isfinite().all())


def test_factors_of_slopes():
    x = torch.zeros(2, 3, 4, 4)
    expected = Expected(0.25, 1.0)
    by_structure, by_errors = slopes_of(expected, x)
    assert factors_of(by_structure, by_errors, expected, x).tolist() == []
    two = torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    assert factors_of(two * by_structure, two * by_errors, expected, x).tolist() == [2, 3]
    zero = torch.zeros(2, 1, dtype=torch.float64)
    assert factors_of(zero * by_structure, zero * by_errors, expected, x).tolist() == [0, 0]
    assert factors_of(by_structure, two * by_errors, expected, x) is None
    absolute = by_errors.clone()
    absolute[0, 1] = 1e-3
    assert factors_of(by_structure, absolute, expected, x) is None
    by_structure[0, 2] *= 1.001
    assert factors_of(by_structure, by_errors, expected, x) is None


def test_without_gradients_none_is_computed(passes):
    x, y = pair((1, 1, 70, 70))
    x.requires_grad_()
    with torch.no_grad():
        whole(x, y)
    assert passes == []
