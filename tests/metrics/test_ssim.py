"""SSIM, its loss and its map: published values, live peers, closed forms, precision, gradients."""

from __future__ import annotations

import io

import numpy as np
import plain
import pytest
import pytorch_msssim
import skimage.data
import skimage.filters
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import structural_similarity

from ssimtool import Definition, find_definition, ssim, ssim_loss, ssim_map
from ssimtool.kernels.plain import blocks

F64 = torch.float64


# --- published values -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "published", "tolerance"),
    [
        # scikit-image's own test suite, and a float64 recomputation: 10 decimals are given
        ("wang2004", 0.3579642362, 1e-9),
        # IPOL's imdiff, an independent program, agrees to 1e-5
        ("wang2004", 0.357959091663361, 1e-5),
        # float64 recomputation of the zero-padded definition: 8 decimals are given
        ("cvae", 0.37170302, 1e-8),
    ],
)
def test_published_values(camera, noisy_camera, batch, definition, published, tolerance):
    found = ssim(
        batch(camera), batch(noisy_camera), data_range=255, definition=definition, dtype=F64
    )
    assert found.item() == pytest.approx(published, abs=tolerance)


def test_float32_mean_is_right_to_1e_6(camera, noisy_camera, batch):
    # docs/definitions.md: float32 means agree to 1e-6
    found = ssim(batch(camera), batch(noisy_camera), data_range=255)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(0.3579642362, abs=1e-6)


# --- live peers -------------------------------------------------------------------------------

PHOTOS = ("camera", "astronaut", "chelsea")


def _distorted(image: np.ndarray, how: str) -> np.ndarray:
    if how == "noise":
        noise = np.random.RandomState(1).normal(0, 12, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)
    if how == "blur":
        channel_axis = 2 if image.ndim == 3 else None
        blurred = skimage.filters.gaussian(
            image, sigma=1.7, channel_axis=channel_axis, preserve_range=True
        )
        return np.rint(blurred).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=20)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("how", ["noise", "blur", "jpeg"])
@pytest.mark.parametrize("photo", PHOTOS)
def test_equals_scikit_image_and_pytorch_msssim(batch, photo, how):
    x = getattr(skimage.data, photo)()
    y = _distorted(x, how)
    found = ssim(batch(x), batch(y), data_range=255, dtype=F64).item()
    theirs = structural_similarity(
        x,
        y,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=2 if x.ndim == 3 else None,
    )
    # both in float64: what is left is the order of the sums
    assert found == pytest.approx(theirs, abs=1e-9)
    a, b = batch(x, F64), batch(y, F64)
    # pytorch-msssim's own window is float32 and moves its number by up to 6e-6
    line = torch.from_numpy(plain.gaussian(11, 1.5).sum(0)).reshape(1, 1, 1, 11)
    window = line.repeat(a.shape[1], 1, 1, 1)
    msssim = pytorch_msssim.ssim(a, b, data_range=255, win=window).item()
    assert found == pytest.approx(msssim, abs=1e-6)


# --- the plain computation --------------------------------------------------------------------

PADS = {"valid": None, "zero": "constant", "mirror": "reflect", "symmetric": "symmetric"}


@pytest.mark.parametrize("border", list(PADS))
@pytest.mark.parametrize(("height", "width"), [(11, 11), (12, 17), (40, 13), (150, 33)])
def test_map_equals_the_plain_computation(monkeypatch, border, height, width):
    monkeypatch.setattr(blocks, "CPU_BLOCK", 1000)  # so that small images take several blocks too
    rng = np.random.RandomState(height)
    x, y = rng.rand(2, 2, 3, height, width)
    definition = find_definition("wang2004", border=border)
    found = ssim_map(
        torch.from_numpy(x), torch.from_numpy(y), data_range=1, definition=definition
    ).numpy()
    for n in range(2):
        for c in range(3):
            expected = plain.ssim_map(x[n, c], y[n, c], 1, pad=PADS[border])
            # float64 both: 1e-13 is some hundred units in the last place of numbers below 1
            np.testing.assert_allclose(found[n, c], expected, atol=1e-13)


@pytest.mark.parametrize("border", list(PADS))
def test_mean_of_blocks_is_the_mean_of_the_map(border):
    x, y = torch.rand(2, 3, 2, 700, 401, dtype=F64, generator=torch.Generator().manual_seed(3))
    definition = find_definition("wang2004", border=border)
    whole = ssim_map(x.requires_grad_(), y, data_range=1, definition=definition)
    blockwise = ssim(x.detach(), y, data_range=1, definition=definition)
    torch.testing.assert_close(blockwise, whole.mean(dim=(1, 2, 3)).detach(), rtol=0, atol=1e-13)


def test_uniform_window_equals_scikit_image(camera, noisy_camera, batch):
    definition = Definition(name="uniform", window="uniform", window_size=7, sigma=None)
    found = ssim(
        batch(camera), batch(noisy_camera), data_range=255, definition=definition, dtype=F64
    )
    theirs = structural_similarity(
        camera, noisy_camera, data_range=255, win_size=7, use_sample_covariance=False
    )
    assert found.item() == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_window_size_and_sigma_and_constants_are_used(size):
    x, y = np.random.RandomState(7).rand(2, 20, 21)
    definition = find_definition("wang2004", window_size=size, sigma=0.8, k1=0.02, k2=0.05)
    found = ssim_map(
        torch.from_numpy(x)[None, None],
        torch.from_numpy(y)[None, None],
        data_range=1,
        definition=definition,
    )
    expected = plain.ssim_map(x, y, 1, size=size, sigma=0.8, k1=0.02, k2=0.05)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-13)


# --- closed forms -----------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (0.2, 0.7), (1.0, 0.5)])
def test_constant_images(a, b):
    x, y = (torch.full((1, 1, 16, 16), v, dtype=F64) for v in (a, b))
    c1 = 1e-4
    expected = (2 * a * b + c1) / (a**2 + b**2 + c1)
    assert ssim(x, y, data_range=1).item() == pytest.approx(expected, abs=1e-12)


def test_scaled_image_without_constants():
    x = torch.rand(1, 1, 32, 32, dtype=F64, generator=torch.Generator().manual_seed(0)) + 0.1
    definition = find_definition("wang2004", k1=1e-7, k2=1e-7)
    found = ssim(x, 0.75 * x, data_range=1, definition=definition).item()
    assert found == pytest.approx((2 * 0.75 / (1 + 0.75**2)) ** 2, abs=1e-9)  # 0.9216


def test_negated_ramp_is_minus_one():
    ramp = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(-1, 1, 11))[0]
    x = torch.from_numpy(ramp)[None, None]
    definition = find_definition("wang2004", k1=1e-5, k2=1e-5)
    # c1 and c2 leave about 1e-9
    assert ssim(x, -x, data_range=1, definition=definition).item() == pytest.approx(-1, abs=1e-8)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["noise", "flat", "saturated"])
@pytest.mark.parametrize("definition", ["wang2004", "cvae"])
def test_identical_images_are_exact(dtype, kind, definition):
    generator = torch.Generator().manual_seed(0)
    x = {
        "noise": torch.randint(0, 256, (2, 3, 30, 31), generator=generator),
        "flat": torch.full((2, 3, 30, 31), 200),
        "saturated": torch.full((2, 3, 30, 31), 255),
    }[kind].to(dtype)
    assert ssim(x, x, data_range=255, definition=definition).tolist() == [1, 1]
    assert ssim_loss(x, x, data_range=255, definition=definition).tolist() == [0, 0]
    assert (ssim_map(x, x, data_range=255, definition=definition) == 1).all()


def test_never_above_one():
    x = torch.full((1, 1, 64, 64), 0.6)
    y = x + 1e-7
    assert (x != y).all()
    assert ssim_map(x, y, data_range=1).max().item() <= 1
    assert ssim(x, y, data_range=1).item() <= 1


def test_flat_images_with_a_tiny_k2():
    """Where there is no variance its rounding must not show: c2 is 1e-12, and it once gave 2.9."""
    values = torch.linspace(0.01, 0.95, 60).reshape(60, 1, 1, 1)
    x, y = values.expand(60, 1, 16, 16), (values + 0.1).expand(60, 1, 16, 16)
    definition = find_definition("wang2004", k2=1e-6)
    found = ssim_map(x, y, data_range=1, definition=definition)
    exact = ssim_map(x.double(), y.double(), data_range=1, definition=definition)
    assert found.max().item() <= 1
    assert (found - exact).max().item() <= 1e-5  # the bound of the map in float32


def test_symmetric_grey_and_scale():
    x, y = torch.rand(2, 1, 1, 40, 40, dtype=F64, generator=torch.Generator().manual_seed(2))
    one = ssim(x, y, data_range=1).item()
    assert ssim(y, x, data_range=1).item() == pytest.approx(one, abs=1e-14)
    grey = ssim(x.repeat(1, 3, 1, 1), y.repeat(1, 3, 1, 1), data_range=1).item()
    assert grey == pytest.approx(one, abs=1e-14)
    assert ssim(255 * x, 255 * y, data_range=255).item() == pytest.approx(one, abs=1e-12)


# --- precision --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", list(plain.hard_cases()))
@pytest.mark.parametrize("border", ["valid", "zero"])
def test_float32_on_the_hard_cases(case, border):
    x, y = (torch.from_numpy(a)[None, None] for a in plain.hard_cases()[case])
    a, b = x.float(), y.float()
    # the same samples in both, so that only the computation differs
    x, y = a.double(), b.double()
    definition = find_definition("wang2004", border=border)
    exact = ssim_map(x, y, data_range=255, definition=definition)
    found = ssim_map(a, b, data_range=255, definition=definition)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max().item() <= 1e-5  # the bound; 2e-6 was measured
    loss = ssim_loss(x, y, data_range=255, definition=definition).item()
    assert ssim_loss(a, b, data_range=255, definition=definition).item() == pytest.approx(
        loss, rel=1e-4
    )


def test_loss_of_one_pixel_by_one_level():
    # 1.5409225e-09 of docs/mathematics.md is of another picture; the order of magnitude is not
    a, b = plain.hard_cases()["one pixel by one level"]
    x, y = (torch.from_numpy(image).float()[None, None] for image in (a, b))
    exact = 1 - plain.ssim_map(a, b, 255).mean()  # float64: 1e-16 of 1, some 1e-7 of the loss
    assert ssim_loss(x, y, data_range=255).item() == pytest.approx(exact, rel=1e-4)
    assert ssim(x, y, data_range=255).item() == 1  # as SSIM, float32 has lost it


# --- gradients --------------------------------------------------------------------------------


def _pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = torch.rand(2, *shape, dtype=F64, generator=torch.Generator().manual_seed(5))
    return x.requires_grad_(), y.requires_grad_()


@pytest.mark.parametrize("function", [ssim, ssim_loss, ssim_map])
@pytest.mark.parametrize("border", list(PADS))
def test_gradcheck(function, border):
    definition = find_definition("wang2004", border=border)
    # 12 x 13 with the real window of 11, both inputs, two channels
    assert torch.autograd.gradcheck(
        lambda x, y: function(x, y, data_range=1, definition=definition), _pair(1, 2, 12, 13)
    )


def test_second_derivative():
    assert torch.autograd.gradgradcheck(lambda x, y: ssim(x, y, data_range=1), _pair(1, 1, 12, 12))


def test_gradient_equals_autograd_of_the_textbook_formula():
    x, y = _pair(2, 3, 30, 25)
    ours = torch.autograd.grad(ssim_loss(x, y, data_range=1).mean(), (x, y))
    line = torch.from_numpy(plain.gaussian(11, 1.5)).expand(3, 1, 11, 11)

    def mean(t: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(t, line, groups=3)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 1e-4, 9e-4
    textbook = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    theirs = torch.autograd.grad(1 - textbook.mean(), (x, y))
    for g, h in zip(ours, theirs, strict=True):
        # entries are near 1e-5: only the relative norm says something. Both are float64
        assert (g - h).norm() / h.norm() < 1e-10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("definition", ["wang2004", "cvae"])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_gradient_of_identical_images_is_zero(dtype, definition, value):
    x = torch.full((1, 1, 20, 20), value, dtype=dtype, requires_grad=True)
    ssim_loss(x, x.detach().clone(), data_range=1, definition=definition).sum().backward()
    assert (x.grad == 0).all()


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
def test_gradient_of_flat_and_saturated_images_is_finite(a, b):
    x = torch.full((1, 2, 20, 20), a, requires_grad=True)
    y = torch.full((1, 2, 20, 20), b, requires_grad=True)
    ssim_loss(x, y, data_range=1).sum().backward()
    assert x.grad.isfinite().all()
    assert y.grad.isfinite().all()


# --- dtypes, memory, errors -------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 3),
    c=st.integers(1, 4),
    height=st.integers(11, 40),
    width=st.integers(11, 40),
    dtype=st.sampled_from(
        [torch.uint8, torch.int16, torch.uint16, torch.int32, torch.float16, torch.bfloat16]
    ),
    channels_last=st.booleans(),
)
def test_every_dtype_and_memory_format_is_computed_from_its_values(
    n, c, height, width, dtype, channels_last
):
    generator = torch.Generator().manual_seed(height * width)
    x, y = (
        torch.randint(0, 200, (n, c, height, width), generator=generator).to(dtype) for _ in "xy"
    )
    if channels_last and dtype not in (torch.uint16,):
        x, y = (t.to(memory_format=torch.channels_last) for t in (x, y))
    exact = ssim(x.double(), y.double(), data_range=255)
    found = ssim(x, y, data_range=255)
    assert found.dtype == (F64 if dtype == torch.int32 else torch.float32)
    # float32 means agree to 1e-6
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-6)


def test_mixed_dtypes_and_slices_of_larger_tensors():
    big = torch.rand(2, 3, 64, 64, dtype=F64, generator=torch.Generator().manual_seed(1))
    x, y = big[:1, :, ::2, 3:40], big[1:, :, 1::2, 3:40]
    expected = ssim(x.contiguous(), y.contiguous(), data_range=1)
    torch.testing.assert_close(ssim(x, y, data_range=1), expected, rtol=0, atol=1e-14)
    assert ssim(x.float(), y, data_range=1).dtype == F64


def _unchecked(function):
    """The function below jaxtyping's check, which would refuse the shapes first."""
    return getattr(function, "__wrapped__", function)


@pytest.mark.parametrize(
    ("x", "y", "arguments", "message"),
    [
        (torch.zeros(1, 16, 16), torch.zeros(1, 16, 16), {}, r"\(N, C, H, W\)"),
        (torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 17), {}, "one shape"),
        (torch.zeros(0, 1, 16, 16), torch.zeros(0, 1, 16, 16), {}, "at least one sample"),
        (torch.zeros(1, 1, 10, 16), torch.zeros(1, 1, 10, 16), {}, "at least 11x11"),
        (torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16), {"data_range": 0}, "data_range"),
        (
            torch.zeros(1, 1, 16, 16),
            torch.zeros(1, 1, 16, 16),
            {"data_range": float("nan")},
            "data_range",
        ),
        (
            torch.zeros(1, 1, 16, 16),
            torch.zeros(1, 1, 16, 16),
            {"definition": "wang"},
            "expected one of wang2004, cvae",
        ),
        (
            torch.zeros(1, 1, 16, 16),
            torch.zeros(1, 1, 16, 16),
            {"dtype": torch.float16},
            "float32 or torch.float64",
        ),
        (
            torch.zeros(1, 1, 16, 16, dtype=torch.complex64),
            torch.zeros(1, 1, 16, 16, dtype=torch.complex64),
            {},
            "real dtype",
        ),
        (
            torch.zeros(1, 1, 16, 16),
            torch.zeros(1, 1, 16, 16, device="meta"),
            {},
            "one device",
        ),
    ],
)
def test_wrong_arguments(x, y, arguments, message):
    with pytest.raises(ValueError, match=message):
        _unchecked(ssim_loss)(x, y, **{"data_range": 1, **arguments})


def test_too_small_for_a_mirrored_border():
    x = torch.zeros(1, 1, 5, 20)
    with pytest.raises(ValueError, match="at least 6x6"):
        ssim(x, x, data_range=1, definition=find_definition("wang2004", border="mirror"))
    assert ssim(x, x, data_range=1, definition="cvae").item() == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu():
    x, y = torch.rand(2, 2, 3, 300, 200, generator=torch.Generator().manual_seed(4))
    for dtype, tolerance in ((torch.float32, 1e-6), (F64, 1e-13)):
        there = ssim(x.cuda(), y.cuda(), data_range=1, dtype=dtype).cpu()
        torch.testing.assert_close(
            there, ssim(x, y, data_range=1, dtype=dtype), rtol=0, atol=tolerance
        )
