"""MS-SSIM: a plain computation, live peers, closed forms, precision, gradients."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import plain
import pytest
import pytorch_msssim
import skimage.data
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from ssimtool import MSSSIMLoss, find_definition, ms_ssim, ms_ssim_loss, ssim, ssim_loss
from ssimtool.catalog import DEFINITIONS
from ssimtool.kernels import arrays
from ssimtool.kernels.formula import contrast_structure_of, formula_of, smallest_side_of_scales
from ssimtool.kernels.plain import blocks
from ssimtool.kernels.pyramid import ms_ssim_pass
from ssimtool.metrics import halving
from ssimtool.metrics import ms_ssim as module
from ssimtool.scoring.arrays import by_numpy

F64 = torch.float64
# Wang, Simoncelli, Bovik 2003, section 3.2
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
BACKENDS = ("torch", "fused")
FUSED = {"image_pass": arrays.image_pass, "reduced_image": arrays.reduced_image}
NUMPY = {"image_pass": by_numpy().image_pass, "reduced_image": by_numpy().reduced_image}
PADS = {"valid": None, "zero": "constant", "mirror": "reflect", "symmetric": "symmetric"}


def _pair(n: int, c: int, h: int, w: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth noise, and the same with noise: MS-SSIM is around 0.8."""
    rng = np.random.RandomState(seed)
    x = rng.rand(n, c, h, w).cumsum(2).cumsum(3) % 7 / 7
    y = np.clip(x + 0.15 * rng.randn(n, c, h, w), 0, 1)
    return torch.from_numpy(x), torch.from_numpy(y)


# --- the plain computation --------------------------------------------------------------------


def _halved(image: np.ndarray) -> np.ndarray:
    h, w = image.shape
    padded = np.pad(image, ((0, h % 2), (0, w % 2)), mode="edge")
    return padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).mean(axis=(1, 3))


def _of_plane(
    x: np.ndarray,
    y: np.ndarray,
    data_range: float,
    scales: int,
    *,
    size: int = 11,
    sigma: float = 1.5,
    border: str = "valid",
    k1: float = 0.01,
    k2: float = 0.03,
) -> float:
    """Equation 7 of the paper of two planes (H, W), from the moments."""
    weights = np.array(WEIGHTS[:scales])
    weights = weights / weights.sum() if scales < 5 else weights
    window, c2 = plain.gaussian(size, sigma), (k2 * data_range) ** 2
    product = 1.0
    for scale in range(scales):
        if scale:
            x, y = _halved(x), _halved(y)
        if scale == scales - 1:
            kept = {"size": size, "sigma": sigma, "pad": PADS[border], "k1": k1, "k2": k2}
            found = plain.ssim_map(x, y, data_range, **kept).mean()
        else:
            a, b = x - data_range / 2, y - data_range / 2
            if border != "valid":  # beyond the edges lie zeros of the samples
                a, b = (np.pad(i, size // 2, mode=PADS[border]) for i in (x, y))
            mu_a, mu_b = plain.filtered(a, window), plain.filtered(b, window)
            var_a = plain.filtered(a * a, window) - mu_a**2
            var_b = plain.filtered(b * b, window) - mu_b**2
            covariance = plain.filtered(a * b, window) - mu_a * mu_b
            found = ((2 * covariance + c2) / (var_a + var_b + c2)).mean()
        product *= max(found, 0) ** weights[scale]
    return product


def _plain(x: torch.Tensor, y: torch.Tensor, data_range: float, scales: int, **how) -> np.ndarray:
    planes = [
        [_of_plane(p, q, data_range, scales, **how) for p, q in zip(a, b, strict=True)]
        for a, b in zip(x.numpy(), y.numpy(), strict=True)
    ]
    return np.mean(planes, axis=1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("height", "width", "scales"),
    [
        (176, 192, 5),  # even at each scale
        (161, 175, 5),  # odd, the smallest height
        (177, 162, 5),  # 177, 89, 45, 23, 12 and 162, 81, 41, 21, 11: odd and even by turns
        (81, 90, 4),
        (50, 43, 3),
        (21, 40, 2),
        (30, 31, 1),
    ],
)
def test_equals_the_plain_computation(monkeypatch, backend, channels, height, width, scales):
    monkeypatch.setattr(halving, "CPU_BLOCK", 1000)  # so that small images take several blocks too
    x, y = _pair(2, channels, height, width)
    expected = _plain(x, y, 1, scales)
    given = {"data_range": 1, "scales": scales, "backend": backend}
    # float64 both
    np.testing.assert_allclose(ms_ssim(x, y, **given).numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(ms_ssim_loss(x, y, **given).numpy(), 1 - expected, atol=1e-12)
    interleaved = [t.contiguous(memory_format=torch.channels_last) for t in (x, y)]
    np.testing.assert_allclose(ms_ssim(*interleaved, **given).numpy(), expected, atol=1e-12)
    # float32: its rounding is some 1e-7
    found = ms_ssim(x.float(), y.float(), **given)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("border", list(PADS))
def test_the_parts_of_the_definition_are_used_at_each_scale(backend, border):
    x, y = _pair(1, 2, 45, 52)
    how = {"size": 7, "sigma": 1.1, "k1": 0.02, "k2": 0.05, "border": border}
    definition = find_definition(
        "wang2004", window_size=7, **{k: v for k, v in how.items() if k != "size"}
    )
    found = ms_ssim(x, y, data_range=1, definition=definition, scales=3, backend=backend)
    np.testing.assert_allclose(found.numpy(), _plain(x, y, 1, 3, **how), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("backend", BACKENDS)
def test_integers(dtype, backend):
    top = torch.iinfo(dtype).max
    x, y = ((top * t).round() for t in _pair(1, 3, 167, 181))
    expected = ms_ssim_loss(x, y, data_range=top).item()
    a, b = x.to(dtype), y.to(dtype)
    found = ms_ssim_loss(a, b, data_range=top, dtype=F64, backend=backend).item()
    # the same numbers: the means of the scales are exact in float32
    assert found == pytest.approx(expected, rel=1e-12)
    # float32, of a loss of about 0.2
    found = ms_ssim_loss(a, b, data_range=top, backend=backend).item()
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("wide", [True, False])
def test_arrays_give_the_numbers_of_tensors(dtype, wide):
    top = 255.0 if dtype == "uint8" else 65535.0 if dtype == "uint16" else 1.0
    x, y = ((top * t[0]).numpy().transpose(1, 2, 0).astype(dtype) for t in _pair(1, 3, 163, 174))
    formula = formula_of(DEFINITIONS["wang2004"], top)
    found, _ = ms_ssim_pass(x, y, formula, WEIGHTS, wide=wide, **FUSED)
    a, b = (torch.from_numpy(i).permute(2, 0, 1)[None] for i in (x, y))
    kind = F64 if wide else torch.float32
    exact = module.ms_ssim_losses(a, b, formula, WEIGHTS, kind, fused=False)[0]
    # as the two kernels agree: float64, and some 1e-7 in float32
    np.testing.assert_allclose(found, exact.numpy(), rtol=1e-11 if wide else 1e-6)
    if wide:
        found, _ = ms_ssim_pass(x, y, formula, WEIGHTS, wide=True, **NUMPY)
        np.testing.assert_allclose(found, exact.numpy(), rtol=1e-11)


def test_negative_means_of_arrays_count_as_zero_without_a_warning(recwarn):
    x = np.random.RandomState(0).rand(45, 52, 2).astype(np.float32)
    y = np.concatenate((x[:, :, :1], 1 - x[:, :, 1:]), axis=2)
    formula = formula_of(DEFINITIONS["wang2004"], 1)
    for engine in (FUSED, NUMPY):
        found, _ = ms_ssim_pass(x, y, formula, (0.2, 0.3, 0.5), wide=True, **engine)
        assert found.tolist() == [0, 1]
        assert not np.signbit(found).any()
    assert not recwarn.list


# --- live peers -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("photo", ["camera", "astronaut"])
@pytest.mark.parametrize("noise", [3, 25])
def test_equals_pytorch_msssim_on_even_sizes(batch, photo, noise, backend):
    image = getattr(skimage.data, photo)()[:352, :400]  # 352, 176, 88, 44, 22; 400 to 25
    distorted = image + np.random.RandomState(3).normal(0, noise, image.shape)
    x, y = batch(image, F64), batch(np.clip(distorted, 0, 255), F64)
    found = ms_ssim(x, y, data_range=255, backend=backend).item()
    # its own window is float32 and moves its number
    line = torch.from_numpy(plain.gaussian(11, 1.5).sum(0)).reshape(1, 1, 1, 11)
    window = line.repeat(x.shape[1], 1, 1, 1)
    theirs = pytorch_msssim.ms_ssim(x, y, data_range=255, win=window).item()
    assert found == pytest.approx(theirs, abs=1e-12)  # float64 both; 1e-6 is asked for


def test_equals_torchmetrics_but_for_the_border_of_the_last_scale(batch):
    """It averages the channels before the product, and takes SSIM at the last scale with a mirrored
    border: of one channel, and with that put right, the two agree on even sizes."""
    image = skimage.data.camera()
    distorted = np.clip(image + np.random.RandomState(3).normal(0, 20, image.shape), 0, 255)
    x, y = batch(image, F64), batch(distorted, F64)
    theirs = multiscale_structural_similarity_index_measure(x, y, data_range=255.0).item()
    a, b = x, y
    for _ in range(4):
        a, b = (torch.nn.functional.avg_pool2d(t, 2) for t in (a, b))
    last = ssim(a, b, data_range=255).item()
    mirrored = find_definition("wang2004", border="mirror")
    put_right = (ssim(a, b, data_range=255, definition=mirrored).item() / last) ** WEIGHTS[-1]
    found = ms_ssim(x, y, data_range=255).item()
    assert found * put_right == pytest.approx(theirs, abs=1e-6)
    assert abs(found - theirs) > 1e-6


# --- closed forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, F64])
@pytest.mark.parametrize("kind", ["noise", "flat", "saturated"])
def test_identical_images_are_exact(backend, dtype, kind):
    generator = torch.Generator().manual_seed(0)
    x = {
        "noise": torch.randint(0, 256, (2, 3, 45, 51), generator=generator),
        "flat": torch.full((2, 3, 45, 51), 200),
        "saturated": torch.full((2, 3, 45, 51), 255),
    }[kind].to(dtype)
    given = {"data_range": 255, "scales": 3, "backend": backend}
    loss = ms_ssim_loss(x, x, **given)
    assert ms_ssim(x, x, **given).tolist() == [1, 1]
    assert loss.tolist() == [0, 0]
    formula = formula_of(DEFINITIONS["wang2004"], 255)
    kind = F64 if dtype == F64 else torch.float32
    each = module.ms_ssim_losses(x, x, formula, (0.4, 0.6), kind, fused=False)
    assert not each.any()
    assert not each.signbit().any()  # no −0, which would stand in a record


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (0.2, 0.7)])
def test_constant_images_have_the_luminance_of_the_last_scale(backend, a, b):
    x, y = (torch.full((1, 1, 161, 161), v, dtype=F64) for v in (a, b))
    luminance = (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4)
    found = ms_ssim(x, y, data_range=1, backend=backend).item()
    assert found == pytest.approx(luminance**0.1333, rel=1e-12)
    # in float32 the rounding of 1 − ssim, 6e-8, is 6e-4 of a luminance of 1e-4
    found = ms_ssim(x.float(), y.float(), data_range=1, backend=backend).item()
    assert found == pytest.approx(luminance**0.1333, rel=1e-4)


def test_one_scale_is_ssim():
    x, y = _pair(2, 3, 40, 41)
    found = ms_ssim_loss(x, y, data_range=1, scales=1)
    expected = ssim_loss(x, y, data_range=1)
    # per channel through log1p and expm1, in float64
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def test_symmetric_grey_and_scale():
    x, y = _pair(1, 1, 165, 170)
    one = ms_ssim(x, y, data_range=1).item()
    assert ms_ssim(y, x, data_range=1).item() == pytest.approx(one, abs=1e-14)
    grey = ms_ssim(x.repeat(1, 3, 1, 1), y.repeat(1, 3, 1, 1), data_range=1).item()
    assert grey == pytest.approx(one, abs=1e-14)
    assert ms_ssim(255 * x, 255 * y, data_range=255).item() == pytest.approx(one, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_negative_mean_of_one_channel_counts_as_zero(backend):
    x, y = _pair(1, 2, 45, 52)
    y = torch.cat((y[:, :1], 1 - x[:, 1:]), dim=1)
    other = ms_ssim(x[:, :1], y[:, :1], data_range=1, scales=3).item()
    found = ms_ssim(x, y, data_range=1, scales=3, backend=backend).item()
    assert found == pytest.approx(other / 2, rel=1e-12)


# --- precision --------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("step", [1e-2, 1e-4, 1e-6])
def test_float32_keeps_its_digits_near_one(backend, step):
    x, _ = _pair(1, 3, 176, 180)
    noise = torch.randn(x.shape, dtype=F64, generator=torch.Generator().manual_seed(1))
    a, b = x.float(), (x + step * noise).float()
    exact = _exact_losses(a, b)
    found = ms_ssim_loss(a, b, data_range=1, backend=backend).item()
    # as SSIM in float32, although the losses are 5e-4, 5e-8 and 5e-12
    assert found == pytest.approx(exact.mean(), rel=1e-6)
    x, y = (t[0].permute(1, 2, 0).contiguous().numpy() for t in (a, b))
    formula = formula_of(DEFINITIONS["wang2004"], 1)
    on_arrays, _ = ms_ssim_pass(x, y, formula, WEIGHTS, wide=False, **FUSED)
    np.testing.assert_allclose(on_arrays, exact, rtol=1e-6)
    on_arrays, _ = ms_ssim_pass(x, y, formula, WEIGHTS, wide=True, **NUMPY)
    np.testing.assert_allclose(on_arrays, exact, rtol=1e-6)


def _exact_losses(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """1 − MS-SSIM of each channel of one pair, its scales made by NumPy in float64."""
    formula = formula_of(DEFINITIONS["wang2004"], 1)
    planes = [t[0].double().numpy() for t in (x, y)]
    total = np.zeros(len(planes[0]))
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            planes = [np.stack([_halved(p) for p in image]) for image in planes]
        of_scale = formula if scale == 4 else contrast_structure_of(formula, wide=True)
        a, b = (torch.from_numpy(image)[None] for image in planes)
        total += weight * np.log1p(-module.mean_losses(a, b, of_scale)[0].numpy())
    return -np.expm1(total)


@pytest.mark.parametrize("wide", [True, False])
def test_contrast_structure_has_no_luminance_left(wide):
    """A shift alone: 1 − contrast_structure is 0, what is left of the luminance is below the last
    digit of what the last scale says of it. (A window of one sample: its variance is exactly 0.)"""
    x = torch.full((1, 1, 32, 32), 100, dtype=F64 if wide else torch.float32)
    definition = find_definition("wang2004", window_size=1)
    formula = contrast_structure_of(formula_of(definition, 255), wide=wide)
    left = module.mean_losses(x, x + 50, formula).item()
    assert 0 <= left < (1e-25 if wide else 1e-13)
    assert ssim_loss(x, x + 50, data_range=255).item() > 0.05


@pytest.mark.parametrize("data_range", [1e-6, 65535, 1e6, 1e8])
def test_ranges_that_float32_holds(data_range):
    x, y = _pair(1, 1, 45, 52)
    expected = ms_ssim(x, y, data_range=1, scales=3).item()
    a, b = (data_range * x).float(), (data_range * y).float()
    for backend in BACKENDS:
        found = ms_ssim(a, b, data_range=data_range, scales=3, backend=backend).item()
        assert found == pytest.approx(expected, abs=1e-6)


# --- gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("height", "width", "scales"), [(23, 22, 2), (12, 13, 1)])
def test_gradcheck(backend, height, width, scales):
    x, y = (t.requires_grad_() for t in _pair(1, 1, height, width))

    def score(a, b):
        return ms_ssim(a, b, data_range=1, scales=scales, backend=backend)

    assert torch.autograd.gradcheck(score, (x, y))


def test_gradcheck_of_three_scales_and_gradgradcheck():
    x, y = (t.requires_grad_() for t in _pair(1, 1, 11, 12))
    definition = find_definition("wang2004", window_size=3)

    def score(a, b):
        return ms_ssim(a, b, data_range=1, definition=definition, scales=3, backend="torch")

    assert torch.autograd.gradcheck(score, (x, y))
    assert torch.autograd.gradgradcheck(score, (x, y))


@pytest.mark.parametrize("size", [(8, 10), (9, 7), (1, 1), (1, 4)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_halving_and_its_adjoints(size, memory):
    x = torch.randn(2, 3, *size, dtype=F64, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=memory).requires_grad_()
    found = halving.halved(x, F64)
    expected = np.stack([[_halved(p) for p in image] for image in x.detach().numpy()])
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-15)
    if min(size) > 1:  # of one row or column, the two are the same
        assert found.is_contiguous(memory_format=memory)
    assert torch.autograd.gradcheck(halving.halved, (x, F64))
    assert torch.autograd.gradgradcheck(halving.halved, (x, F64))


def _gradients(x, y, **given) -> list[torch.Tensor]:
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    ms_ssim_loss(x, y, data_range=1, **given).sum().backward()
    return [x.grad, y.grad]


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_both_kernels_have_the_same_gradients(dtype):
    x, y = (t.to(dtype) for t in _pair(2, 3, 163, 170))
    pairs = zip(*(_gradients(x, y, backend=backend) for backend in BACKENDS), strict=True)
    for one, other in pairs:
        assert one.dtype == other.dtype == dtype
        # docs/definitions.md: by the norm; float32 has some 1e-7 a sample
        bound = 1e-5 if dtype == torch.float32 else 1e-11
        assert (one - other).norm() < bound * other.norm()


def _hard_inputs() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(5)
    noise = torch.rand(1, 2, 165, 171, dtype=F64, generator=generator)
    flat, black, white = (torch.full_like(noise, v) for v in (0.5, 0, 1))
    checks = (torch.arange(165)[:, None] + torch.arange(171)) % 2
    checks = checks.to(F64).expand_as(noise)
    return {
        "identical": (noise, noise),
        "identical, flat": (flat, flat),
        "flat": (flat, flat + 0.1),
        "flat beside noise": (flat, noise),
        "black and white": (black, white),
        "black": (black, black),
        "saturated": (white, (noise + 0.9).clamp(max=1)),
        "negated": (noise, 1 - noise),
        "checks, negated": (checks, 1 - checks),  # flat from the second scale on
        "independent": (noise, noise.flip(3)),
        "one sample": (flat, flat.index_fill(3, torch.tensor([0]), 1)),
    }


@pytest.mark.parametrize("case", list(_hard_inputs()))
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, F64, torch.float16])
def test_values_and_gradients_are_finite(case, backend, dtype):
    x, y = (t.to(dtype) for t in _hard_inputs()[case])
    loss = ms_ssim_loss(x, y, data_range=1, backend=backend)
    assert loss.isfinite().all()
    assert 0 <= loss.item() <= 1
    for gradient in _gradients(x, y, backend=backend):
        assert gradient.isfinite().all()
        if case.startswith("identical") or case == "black":
            assert (gradient == 0).all()
    if case == "negated":
        assert loss.item() == 1
        assert all((g == 0).all() for g in _gradients(x, y, backend=backend))


def test_the_slope_of_a_mean_near_zero_is_bounded():
    """What the rounding does not tell from 0 counts as 0; the next number above has a slope that a
    gradient holds, and where the mean is 1 the slope is its weight."""
    for dtype in (torch.float32, F64):
        eps = torch.finfo(dtype).eps
        means = torch.tensor([-0.5, 0, eps / 2, 2 * eps, 0.3, 1], dtype=F64)
        losses = (1 - means).reshape(1, -1, 1).expand(2, -1, 1).clone().requires_grad_()
        total = module._combined(losses, (0.05, 0.95), eps)
        total.sum().backward()
        slopes = losses.grad[:, :, 0]
        assert (total[:3] == 1).all()
        assert (slopes[:, :3] == 0).all()
        assert total[3].item() == pytest.approx(1 - means[3].item(), rel=1e-12)
        assert slopes[0, 3:].tolist() == pytest.approx([0.05] * 3, rel=1e-6)
        assert slopes[1, 3:].tolist() == pytest.approx([0.95] * 3, rel=1e-6)


# --- arguments --------------------------------------------------------------------------------


@pytest.mark.parametrize("scales", [1, 2, 3, 4, 5])
def test_the_smallest_size(scales):
    """Found by halving, rounded up, until the window fits no more; five scales need 161."""
    for name, window in (("wang2004", 11), ("cvae", 1)):
        side = smallest_side_of_scales(DEFINITIONS[name], scales)
        for pixels in range(1, 200):
            last = pixels
            for _ in range(scales - 1):
                last = (last + 1) // 2
            assert (last >= window) == (pixels >= side)
    side = smallest_side_of_scales(DEFINITIONS["wang2004"], scales)
    x, y = _pair(1, 1, side, side)
    assert ms_ssim(x, y, data_range=1, scales=scales).isfinite().all()
    with pytest.raises(ValueError, match=f"at least {side}x{side} for {scales} scales"):
        ms_ssim(x[:, :, 1:], y[:, :, 1:], data_range=1, scales=scales)


def test_wrong_arguments():
    x, y = _pair(1, 1, 40, 40)
    for scales in (0, 6):
        with pytest.raises(ValueError, match="expected 1 to 5"):
            ms_ssim(x, y, data_range=1, scales=scales)
        with pytest.raises(ValueError, match="expected 1 to 5"):
            MSSSIMLoss(scales=scales)
    with pytest.raises(ValueError, match="data_range"):
        ms_ssim(x, y, data_range=0)
    with pytest.raises(ValueError, match="data_range"):
        MSSSIMLoss(data_range=-1)
    with pytest.raises(ValueError, match="unknown definition"):
        MSSSIMLoss(definition="nonsense")
    with pytest.raises(ValueError, match="161x161"):
        MSSSIMLoss()(x, y)


def test_blocks_are_those_of_ssim(monkeypatch):
    x, y = _pair(2, 2, 170, 163)
    whole = ms_ssim(x, y, data_range=1, backend="torch")
    monkeypatch.setattr(blocks, "CPU_BLOCK", 1000)
    found = ms_ssim(x, y, data_range=1, backend="torch")
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-13)


# --- the module -------------------------------------------------------------------------------


def test_the_loss_module():
    x, y = _pair(3, 2, 45, 50)
    module = MSSSIMLoss(data_range=2, definition="cvae", scales=3)
    expected = 1 - ms_ssim(x, y, data_range=2, definition="cvae", scales=3).mean()
    assert module(x, y).shape == ()
    assert module(x, y).item() == pytest.approx(expected.item(), abs=1e-14)
    assert repr(module) == "MSSSIMLoss(data_range=2, definition='cvae', scales=3)"
    assert list(module.parameters()) == list(module.buffers()) == []
    assert module.state_dict() == {}
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), module.half()):
        assert torch.equal(twin(x, y), module(x, y))


def test_it_trains():
    """Gradient steps on the loss lead to the picture."""
    y = torch.from_numpy(skimage.data.camera()[::3, ::3].copy()).to(F64)[None, None] / 255
    noise = torch.rand(y.shape, dtype=F64, generator=torch.Generator().manual_seed(0))
    x = ((y + 2 * noise) / 3).requires_grad_()  # of noise alone a mean is negative: no gradient
    optimiser, criterion = torch.optim.Adam([x], lr=0.05), MSSSIMLoss()
    before = criterion(x, y).item()
    for _ in range(40):
        optimiser.zero_grad()
        criterion(x, y).backward()
        optimiser.step()
    assert x.isfinite().all()
    assert criterion(x, y).item() < 0.2 * before


COMPILED = """
import torch
from ssimtool import MSSSIMLoss

generator = torch.Generator().manual_seed(0)
for size in ((45, 51), (165, 170)):  # by plain torch, and by the fused kernels
    x, y = torch.rand(2, 2, 1, *size, dtype=torch.float64, generator=generator)
    y = (x + 0.3 * y).requires_grad_()
    module = MSSSIMLoss(scales=3)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    (one,), (other,) = (torch.autograd.grad(f(x, y), [y]) for f in (module, compiled))
    print(((one - other).norm() / one.norm()).item())
"""


def test_fullgraph_compile():
    # a process of its own: jaxtyping's checks are not in it
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=True
    )
    assert all(float(line) < 1e-12 for line in done.stdout.split())  # float64 both
