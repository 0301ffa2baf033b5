"""The fused kernels held against the torch path, in every way in which they could differ."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import hard_cases

from ssimtool import Definition, find_definition, mae, ms_ssim, mse, psnr, ssim, ssim_loss, ssim_map
from ssimtool.kernels import layout, plans
from ssimtool.kernels.formula import formula_of

F64 = torch.float64
BORDERS = ("valid", "zero", "mirror", "symmetric")
RANGE = {torch.uint8: 255, torch.uint16: 65535, torch.float32: 1.0, F64: 1.0}
# Windows of one weight, of one round (7 is uniform), and of three rounds with zeros behind.
WINDOWS = {
    "1": find_definition("wang2004", window_size=1),
    "11": find_definition("wang2004"),
    "uniform 7": Definition(name="uniform 7", window="uniform", window_size=7, sigma=None),
    "23": find_definition("wang2004", window_size=23, sigma=4.0),
}


def images(shape, dtype, *, seed=0):
    """Two images that differ a little, over the whole range of their type."""
    rng = np.random.default_rng(seed)
    x = rng.random(shape)
    y = np.clip(x + rng.normal(0, 0.1, shape), 0, 1)
    whole = RANGE[dtype]
    rounded = (np.rint(whole * a) if whole > 1 else a for a in (x, y))
    kind = {torch.uint8: np.uint8, torch.uint16: np.uint16}.get(dtype, np.float64)
    return tuple(torch.from_numpy(a.astype(kind)).to(dtype) for a in rounded)


def laid_out(x, how):
    """The same image in another place: channels last, every second row of a larger one …"""
    n, c, h, w = x.shape
    if how == "channels last":
        pixels = np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())
        return torch.from_numpy(pixels).permute(0, 3, 1, 2)
    if how == "contiguous":
        return x.clone()
    if how == "rows apart":
        big = torch.zeros((n, c, 2 * h, w + 5), dtype=x.dtype)
        view = big[:, :, ::2, 3 : 3 + w]
    elif how == "rows of pixels apart":
        big = torch.zeros((n, h + 3, w + 4, c), dtype=x.dtype)
        view = big[:, 1 : 1 + h, 2 : 2 + w].permute(0, 3, 1, 2)
    else:  # columns apart: lies in no rows, and is copied
        big = torch.zeros((n, c, h, 2 * w), dtype=x.dtype)
        view = big[:, :, :, ::2]
    view.copy_(x)
    return view


LAYOUTS = ("contiguous", "channels last", "rows apart", "rows of pixels apart", "columns apart")


@pytest.mark.parametrize(
    ("window", "dtype"),
    # every window and every dtype, but not each with each: each pair is compiled for itself
    [*((w, torch.float32) for w in WINDOWS), *(("11", d) for d in RANGE), ("23", torch.uint8)],
    ids=str,
)
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("how", LAYOUTS[:2])
def test_fused_equals_torch(window, dtype, border, how):
    """The one test that holds the two together: means, map and errors."""
    definition = find_definition(WINDOWS[window], border=border)
    x, y = (laid_out(a, how) for a in images((2, 3, 41, 58), dtype))
    options = {"data_range": RANGE[dtype]}
    options["definition"] = definition
    # of float64 only the order of the sums is left; docs/python.md promises 1e-6 in float32
    near = 1e-13 if dtype == F64 else 1e-6
    for function in (ssim, ssim_loss):
        fused, plain = (
            function(x, y, backend=backend, **options) for backend in ("fused", "torch")
        )
        assert fused.dtype == plain.dtype
        torch.testing.assert_close(fused, plain, rtol=0, atol=near)
    fused = ssim_map(x, y, backend="fused", **options)
    exact = ssim_map(x, y, dtype=F64, backend="torch", **options)
    assert fused.dtype == (F64 if dtype == F64 else torch.float32)
    # and 1e-5 of the map, from the exact one: the torch path is off by as much to another side
    torch.testing.assert_close(fused.double(), exact, rtol=0, atol=1e-12 if dtype == F64 else 1e-5)


@pytest.mark.parametrize("dtype", list(RANGE), ids=str)
@pytest.mark.parametrize("how", LAYOUTS)
def test_errors_equal_those_of_numpy(dtype, how):
    x, y = images((2, 3, 37, 50), dtype)
    d = x.numpy().astype(np.float64) - y.numpy().astype(np.float64)
    x, y = laid_out(x, how), laid_out(y, how)
    found = mse(x, y, dtype=F64, backend="fused"), mae(x, y, dtype=F64, backend="fused")
    # float64 sums in another order; those of integers are exact
    np.testing.assert_allclose(found[0], (d**2).mean(axis=(1, 2, 3)), rtol=1e-13)
    np.testing.assert_allclose(found[1], np.abs(d).mean(axis=(1, 2, 3)), rtol=1e-13)
    expected = 10 * np.log10(RANGE[dtype] ** 2 / (d**2).mean(axis=(1, 2, 3)))
    decibels = psnr(x, y, data_range=RANGE[dtype], dtype=F64, backend="fused")
    np.testing.assert_allclose(decibels, expected, rtol=1e-13)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_shape_dtype_stride_and_definition(data):
    window = data.draw(st.sampled_from(("11", "23")))
    border = data.draw(st.sampled_from(BORDERS))
    definition = find_definition(
        WINDOWS[window], border=border, k1=data.draw(st.sampled_from((0.01, 0.1, 1e-6)))
    )
    size = definition.window_size
    least = {"valid": size, "zero": 1, "mirror": size // 2 + 1, "symmetric": max(1, size // 2)}
    side = st.integers(least[border], least[border] + 45)
    shape = (
        data.draw(st.integers(1, 3)),
        data.draw(st.integers(1, 4)),
        data.draw(side),
        data.draw(side),
    )
    dtype = data.draw(st.sampled_from(list(RANGE)))
    x, y = images(shape, dtype, seed=data.draw(st.integers(0, 99)))
    x, y = (laid_out(a, data.draw(st.sampled_from(LAYOUTS))) for a in (x, y))
    for function in (ssim_loss, ssim_map):
        fused, plain = (
            function(
                x, y, data_range=RANGE[dtype], definition=definition, dtype=F64, backend=backend
            )
            for backend in ("fused", "torch")
        )
        # both in float64: some hundred units in the last place
        torch.testing.assert_close(fused, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [15, 16, 17, 31, 33, 500, 1441, 1900])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_widths_around_the_vectors_and_the_tiles(width, channels):
    x, y = (laid_out(a, "channels last") for a in images((1, channels, 13, width), torch.uint8))
    for border in BORDERS:
        definition = find_definition("wang2004", border=border)
        fused, plain = (
            ssim_map(x, y, data_range=255, definition=definition, dtype=F64, backend=backend)
            for backend in ("fused", "torch")
        )
        torch.testing.assert_close(fused, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, F64])
@pytest.mark.parametrize("kind", ["noise", "flat", "saturated"])
@pytest.mark.parametrize("border", BORDERS)
def test_identical_images_are_exact(dtype, kind, border):
    generator = torch.Generator().manual_seed(0)
    x = {
        "noise": torch.randint(0, 256, (2, 3, 30, 31), generator=generator),
        "flat": torch.full((2, 3, 30, 31), 200),
        "saturated": torch.full((2, 3, 30, 31), 255),
    }[kind].to(dtype)
    options = {
        "data_range": 255,
        "definition": find_definition("wang2004", border=border),
        "backend": "fused",
    }
    assert ssim(x, x, **options).tolist() == [1, 1]
    assert ssim_loss(x, x, **options).tolist() == [0, 0]
    assert (ssim_map(x, x, **options) == 1).all()
    assert mse(x, x, backend="fused").tolist() == [0, 0]
    if dtype.is_floating_point:
        a = x.clone().requires_grad_()
        ssim_loss(a, x, **options).sum().backward()
        assert (a.grad == 0).all()


def test_flat_images_with_a_tiny_k2():
    values = torch.linspace(0.01, 0.95, 60).reshape(60, 1, 1, 1)
    x, y = values.expand(60, 1, 16, 16), (values + 0.1).expand(60, 1, 16, 16)
    definition = find_definition("wang2004", k2=1e-6)
    found = ssim_map(x, y, data_range=1, definition=definition, backend="fused")
    exact = ssim_map(x.double(), y.double(), data_range=1, definition=definition, backend="torch")
    assert found.max().item() <= 1
    assert (found - exact).max().item() <= 1e-5  # the bound of the map in float32


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("data_range", [1e-30, 1e22, 1e30])
def test_data_ranges_whose_squares_are_beyond_float32(data_range):
    x, y = images((1, 1, 40, 40), torch.float32)
    for function in (ssim_loss, ssim_map, partial(ms_ssim, scales=2)):
        found = function(x * data_range, y * data_range, data_range=data_range, backend="fused")
        expected = function(x, y, data_range=1, backend="fused")
        torch.testing.assert_close(found, expected, rtol=3e-6, atol=1e-7)  # its roundings
    for found, expected in zip(
        gradients(x * data_range, y * data_range, "fused", data_range=data_range),
        gradients(x, y, "fused", data_range=1),
        strict=True,
    ):
        assert (found * data_range - expected).norm() / expected.norm() < 1e-5


@pytest.mark.parametrize("data_range", [1e-10, 1e-15])
def test_samples_far_beyond_the_data_range(data_range):
    x, y = images((1, 1, 20, 20), torch.float32)
    for function in (ssim_loss, ssim_map):
        fused, plain = (
            function(x, y, data_range=data_range, backend=backend) for backend in ("fused", "torch")
        )
        assert plain.isfinite().all()
        torch.testing.assert_close(fused, plain, rtol=1e-6, atol=0)
    fused, plain = (gradients(x, y, k, data_range=data_range) for k in ("fused", "torch"))
    for found, expected in zip(fused, plain, strict=True):
        assert (found - expected).norm() / expected.norm() < 1e-4  # float32, all of it cancels


def test_nan_stays_nan():
    x = torch.rand(1, 1, 20, 20)
    y = x.clone()
    y[0, 0, 10, 10] = float("nan")
    assert ssim(x, y, data_range=1, backend="fused").isnan().all()
    assert mse(x, y, backend="fused").isnan().all()


# --- precision --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", list(hard_cases()))
@pytest.mark.parametrize("border", BORDERS)
def test_float32_on_the_hard_cases(case, border):
    x, y = (torch.from_numpy(a)[None, None].float() for a in hard_cases()[case])
    definition = find_definition("wang2004", border=border)
    options = {"data_range": 255, "definition": definition}
    exact = ssim_map(x.double(), y.double(), backend="torch", **options)
    found = ssim_map(x, y, backend="fused", **options)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max().item() <= 1e-5  # the bound; 1e-6 was measured
    loss = ssim_loss(x.double(), y.double(), backend="torch", **options).item()
    assert ssim_loss(x, y, backend="fused", **options).item() == pytest.approx(loss, rel=1e-4)


# --- gradients --------------------------------------------------------------------------------


def gradients(x, y, backend, **options):
    """By both images, of a sum that weighs the images of the batch differently."""
    a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
    weights = torch.arange(1, len(x) + 1, dtype=x.dtype)
    (weights * ssim_loss(a, b, backend=backend, **options)).sum().backward()
    return a.grad, b.grad


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("window", ["11", "23"])
@pytest.mark.parametrize("shape", [(3, 3, 64, 50), (2, 1, 25, 140)])
def test_gradients_in_float64(border, window, shape):
    x, y = images(shape, F64)
    for how in ("contiguous", "channels last"):
        a, b = laid_out(x, how), laid_out(y, how)
        options = {"data_range": 1, "definition": find_definition(WINDOWS[window], border=border)}
        pairs = zip(
            gradients(a, b, "fused", **options), gradients(a, b, "torch", **options), strict=True
        )
        for fused, plain in pairs:
            # entries are near 1e-6: only the relative norm says something. Both are float64
            assert (fused - plain).norm() / plain.norm() < 1e-13


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_in_float32(border, channels):
    x, y = images((2, channels, 150, 131), torch.float32)
    options = {"data_range": 1, "definition": find_definition("wang2004", border=border)}
    exact = gradients(x.double(), y.double(), "torch", **options)
    found = gradients(x, y, "fused", **options)
    for fused, plain in zip(found, exact, strict=True):
        assert fused.dtype == torch.float32
        assert (fused - plain).norm() / plain.norm() < 1e-5  # the bound; 1e-6 was measured


@pytest.mark.parametrize("width", [1100, 2500])
def test_gradients_across_tiles_and_bands(width):
    """Wider than one tile of the way back, higher than one band."""
    assert width > plans.BACKWARD_TILE
    x, y = images((1, 1, plans.BACKWARD_BAND + 7, width), F64)
    for border in BORDERS:
        options = {"data_range": 1, "definition": find_definition("wang2004", border=border)}
        pairs = zip(
            gradients(x, y, "fused", **options), gradients(x, y, "torch", **options), strict=True
        )
        for fused, plain in pairs:
            assert (fused - plain).norm() / plain.norm() < 1e-13


@pytest.mark.parametrize("side", [0, 1])
def test_the_gradient_by_one_image_alone(side):
    x, y = images((2, 3, 40, 33), F64)
    both = gradients(x, y, "fused", data_range=1, definition="cvae")
    pair = [x.clone(), y.clone()]
    pair[side].requires_grad_()
    weights = torch.arange(1, 3, dtype=F64)
    loss = ssim_loss(*pair, data_range=1, definition="cvae", backend="fused")
    (weights * loss).sum().backward()
    assert pair[1 - side].grad is None
    # the same sums, put together in another order
    assert (pair[side].grad - both[side]).norm() / both[side].norm() < 1e-14


@pytest.mark.parametrize("border", BORDERS)
def test_gradcheck(border):
    x, y = (a.requires_grad_() for a in images((1, 2, 12, 13), F64))
    definition = find_definition("wang2004", border=border)
    assert torch.autograd.gradcheck(
        lambda a, b: ssim(a, b, data_range=1, definition=definition, backend="fused"), (x, y)
    )


def test_second_derivative():
    x, y = (a.requires_grad_() for a in images((1, 1, 12, 12), F64))
    assert torch.autograd.gradgradcheck(
        lambda a, b: ssim(a, b, data_range=1, backend="fused"), (x, y)
    )


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
def test_gradient_of_flat_and_saturated_images_is_finite(a, b):
    x = torch.full((1, 2, 20, 20), a, requires_grad=True)
    y = torch.full((1, 2, 20, 20), b, requires_grad=True)
    ssim_loss(x, y, data_range=1, backend="fused").sum().backward()
    assert x.grad.isfinite().all()
    assert y.grad.isfinite().all()


# --- torch ------------------------------------------------------------------------------------

NUMBERS = ([0.25, 0.5, 0.25], "mirror", 1.0, 0.01, 0.03)


@pytest.mark.parametrize("how", ["contiguous", "channels last"])
def test_the_operators_pass_the_checks_of_torch(how):
    x, y = (laid_out(a, how) for a in images((2, 3, 9, 8), F64))
    operators = torch.ops.ssimtool
    by = torch.ones(2, 3, dtype=F64), torch.ones(2, 2, dtype=F64)
    of_wide = torch.tensor([True, True])
    for wanted in (x, x.clone().requires_grad_()):
        torch.library.opcheck(operators.measure.default, (wanted, y, *NUMBERS, True, True, True))
    torch.library.opcheck(operators.ssim_map.default, (x, y, *NUMBERS, True))
    torch.library.opcheck(
        operators.measure_backward.default, (x, y, *by, of_wide, *NUMBERS, True, False)
    )


COMPILED = """
import torch
from ssimtool import ssim_loss

torch.manual_seed(0)
x, y = torch.rand(2, 2, 3, 40, 33)

def step(a, b):
    return ssim_loss(a, b, data_range=1, backend="fused").mean()

found = []
for function in (step, torch.compile(step, backend="aot_eager", fullgraph=True)):
    a = x.clone().requires_grad_()
    loss = function(a, y)
    loss.backward()
    found.append((loss.detach(), a.grad))
assert torch.equal(found[0][0], found[1][0]), found
assert torch.equal(found[0][1], found[1][1]), found
"""


def test_compiled_in_one_graph():
    # in a process of its own: the checks of shapes and types under pytest cannot be traced
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_half_precision_is_computed_in_float32():
    x, y = images((1, 1, 30, 30), torch.float32)
    for a, b in ((x.half(), y.half()), (x.bfloat16(), y), (x, y.half())):
        a.requires_grad_()
        loss = ssim_loss(a, b, data_range=1, backend="fused")
        assert loss.dtype == torch.float32
        exact = ssim_loss(a.double(), b.double(), data_range=1, backend="torch")
        assert loss.item() == pytest.approx(exact.item(), abs=1e-6)  # as of float32 means
        loss.sum().backward()
        assert a.grad.dtype == a.dtype


def test_memory_layouts_are_told_apart():
    x = torch.zeros(2, 3, 5, 4)
    last = x.to(memory_format=torch.channels_last)
    assert not layout.is_interleaved(x)
    assert layout.is_interleaved(last)
    assert layout.in_rows(last, interleaved=True) is last
    assert layout.in_rows(x[:, :, ::2, 1:3], interleaved=False).stride() == (60, 20, 8, 1)
    assert layout.in_rows(x[:, :, :, ::2], interleaved=False).is_contiguous()
    found = layout.planes(x[:, 1:, 1:], interleaved=False)
    assert found.starts.tolist() == [0, 20, 60, 80]
    assert found.step == 4


@pytest.mark.parametrize("rows", [1, 63, 64, 200, 383, 384, 502, 1014, 1070, 2150, 4310, 100_000])
def test_bands_are_equal_shares_of_the_rows(rows):
    formula = formula_of(find_definition("wang2004"), 1.0)
    plan = plans.plan_of((1, 1, rows + 10, 64), formula, interleaved=False)
    assert plan.rows == rows
    assert (plan.bands - 1) * plan.band < rows <= plan.bands * plan.band
    assert plan.bands % 8 == 0 or plan.bands <= 6 or plan.bands > 64  # many are shared anyway
    assert plan.band <= 2 * plans.BAND
