"""SSIM, MSE, MAE and PSNR over what counts, against loops over windows in float64 NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plain
import pytest
import torch
from numpy.typing import NDArray

from ssimtool import (
    DEFINITIONS,
    Definition,
    MSE_SSIM_KL_Loss,
    SSIMLoss,
    mae,
    mse,
    psnr,
    ssim,
    ssim_loss,
    ssim_map,
)
from ssimtool.kernels.plain import blocks
from ssimtool.metrics import weighted

F32, F64 = torch.float32, torch.float64
Array = NDArray[np.float64]
BACKENDS = ("torch", "fused")
PADS = {"valid": None, "zero": "constant", "mirror": "reflect", "symmetric": "symmetric"}
# The six, and what they leave out: a border with the sample covariance, reductions with the rest.
TESTED = {
    **{n: d for n, d in DEFINITIONS.items() if n != "piq"},
    "piq by 2": replace(DEFINITIONS["piq"], downsample=2),
    "piq by 3, symmetric": replace(DEFINITIONS["piq"], downsample=3, border="symmetric"),
    "skimage, zero": replace(DEFINITIONS["skimage"], border="zero"),
    "cvae by 2": replace(DEFINITIONS["cvae"], downsample=2),
    "gaussian, sample, mirror by 2": Definition(
        name="mine", covariance="sample", border="mirror", downsample=2, window_size=7
    ),
}
SIZE = (41, 38)


# --- the loop ---------------------------------------------------------------------------------


def _by_loop(x: Array, y: Array, m: Array, definition: Definition, data_range: float) -> Array:
    """The SSIM of each window and the weight of its centre, (2, H', W'): each window on its own,
    reweighted, its moments as the paper has them."""
    m = m / m.max()
    f, size = definition.downsample or 1, definition.window_size
    weights = plain.reduced(m, f)
    there = np.where(weights > 0, weights, 1)
    x, y = (np.where(weights > 0, plain.reduced(m * i, f) / there, 0) for i in (x, y))
    pad, r = PADS[definition.border], size // 2
    centres = weights
    if pad is None:
        centres = weights[r : weights.shape[0] - r, r : weights.shape[1] - r]
    else:
        x, y = (np.pad(image, r, mode=pad) for image in (x, y))
        given = {"constant_values": 1} if pad == "constant" else {}  # the zeros count
        weights = np.pad(weights, r, mode=pad, **given)
    window = plain.gaussian(size, definition.sigma or 1)
    if definition.window == "uniform":
        window = np.full((size, size), 1 / size**2)
    found = np.array(
        [
            [
                _one(*(a[i : i + size, j : j + size] for a in (x, y, weights)), window, definition)
                for j in range(centres.shape[1])
            ]
            for i in range(centres.shape[0])
        ]
    )
    c1, c2 = (definition.k1 * data_range) ** 2, (definition.k2 * data_range) ** 2
    mu_x, mu_y, var_x, var_y, cov = np.moveaxis(found, 2, 0)
    ssims = ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / (
        (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    )
    return np.stack([ssims, centres])


def _one(x: Array, y: Array, m: Array, window: Array, definition: Definition) -> tuple[float, ...]:
    """The moments under one window."""
    if not m.any():
        return (0.0,) * 5
    v = window * m / (window * m).sum()
    mu_x, mu_y = (v * x).sum(), (v * y).sum()
    var_x, var_y = (v * (x - mu_x) ** 2).sum(), (v * (y - mu_y) ** 2).sum()
    cov = (v * (x - mu_x) * (y - mu_y)).sum()
    if definition.covariance == "sample":
        n = window.size * (window * m).sum() ** 2 / (window * m**2).sum()
        factor = 0 if n <= 1 + 1e-7 else n / (n - 1)
        var_x, var_y, cov = factor * var_x, factor * var_y, factor * cov
    return mu_x, mu_y, var_x, var_y, cov


def _mean(found: Array) -> float:
    ssims, centres = found
    return float((ssims * centres).sum() / centres.sum())


# --- what counts ------------------------------------------------------------------------------


def _pictures(seed: int = 0, shape: tuple[int, ...] = SIZE) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 255, shape)
    x = np.cumsum(x - 127.5, axis=-1) * 0.15 + x / 2 + 60  # neither flat nor white noise
    return x, x + rng.normal(0, 20, shape)


def _masks() -> dict[str, Array]:
    """Each with a pixel that counts further than a window from the edges."""
    rng = np.random.default_rng(7)
    h, w = SIZE
    some = (rng.uniform(size=SIZE) < 0.5).astype(float)
    sparse = (rng.uniform(size=SIZE) < 0.02).astype(float)
    thin, single, regions = np.zeros(SIZE), np.zeros(SIZE), np.zeros(SIZE)
    thin[:, 17] = thin[20] = 1  # a cross of one pixel
    single[19, 18] = 1
    regions[3:15, 4:20] = regions[10:30, 15:33] = regions[33:41, 0:9] = 1
    disc = ((np.mgrid[:h, :w] - [[[20]], [[17]]]) ** 2).sum(0) < 200
    fractions = rng.uniform(size=SIZE) ** 3 * (rng.uniform(size=SIZE) < 0.7)
    return {
        "random": some,
        "sparse": sparse,
        "thin": thin,
        "single": single,
        "regions": regions,
        "disc": disc.astype(float),
        "fractions": fractions,
    }


def _tensors(*arrays: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(np.atleast_3d(a).transpose(2, 0, 1)[None].copy()) for a in arrays]


# --- SSIM -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", _masks())
@pytest.mark.parametrize("name", TESTED)
def test_against_a_loop_over_windows(name, mask):
    (x, y), m, definition = _pictures(), _masks()[mask], TESTED[name]
    expected = _by_loop(x, y, m, definition, 255)
    options = {"data_range": 255, "definition": definition, "weight": _tensors(m)[0]}
    # float64; one pixel alone under a window leaves E[x^2] - E[x]^2 a rounding of 1e-12 beside c2
    found = ssim(*_tensors(x, y), **options).item()
    assert found == pytest.approx(_mean(expected), abs=1e-11)
    maps = ssim_map(*_tensors(x, y), **options)[0, 0].numpy()
    np.testing.assert_allclose(maps, expected[0], rtol=0, atol=1e-10)
    single = ssim(*_tensors(x, y), **options, dtype=F32).item()
    assert single == pytest.approx(_mean(expected), abs=2e-5)  # float32, as in `reference`


@pytest.mark.parametrize("name", ["wang2004", "cvae", "skimage", "piq by 2"])
def test_shortcuts_give_other_numbers(name):
    """Zeroed inputs and the masked mean of the plain map are what this is not."""
    (x, y), m, definition = _pictures(), _masks()["disc"], TESTED[name]
    y = np.where(m > 0, y, 255 - x)  # what does not count is very different
    options = {"data_range": 255, "definition": definition}
    found = ssim(*_tensors(x, y), **options, weight=_tensors(m)[0]).item()
    zeroed = ssim(*_tensors(x * m, y * m), **options).item()
    everywhere = _by_loop(x, y, np.ones(SIZE), definition, 255)
    centres = _by_loop(x, y, m, definition, 255)[1]
    of_map = _mean(np.stack([everywhere[0], centres]))
    assert abs(found - zeroed) > 0.005
    assert abs(found - of_map) > 0.01


def test_channels_and_images_each_alone(monkeypatch):
    x, y = _pictures(1, (*SIZE, 3))
    masks = [_masks()[n] for n in ("random", "disc", "fractions")]
    near, far = (_tensors(i)[0].expand(3, 3, *SIZE).clone() for i in (x, y))
    far[1] += 3
    weight = torch.cat(_tensors(*masks))
    found = ssim(near, far, data_range=255, weight=weight)
    for i, m in enumerate(masks):
        each = [
            _mean(_by_loop(x[..., c], far[i, c].numpy(), m, DEFINITIONS["wang2004"], 255))
            for c in range(3)
        ]
        assert found[i].item() == pytest.approx(np.mean(each), abs=1e-11)
    one = ssim(near, far, data_range=255, weight=weight[1:2])  # of all
    assert one[1].item() == pytest.approx(found[1].item(), abs=1e-14)
    monkeypatch.setattr(blocks, "CPU_BLOCK", 3000)
    monkeypatch.setattr(weighted, "CPU_BLOCK", 700)
    for definition in TESTED.values():
        options = {"data_range": 255, "definition": definition, "weight": weight}
        pieces = ssim_loss(near, far, **options), ssim_map(near, far, **options)
        with monkeypatch.context() as patch:
            patch.setattr(blocks, "CPU_BLOCK", 1 << 30)
            patch.setattr(weighted, "CPU_BLOCK", 1 << 30)
            whole = ssim_loss(near, far, **options), ssim_map(near, far, **options)
        torch.testing.assert_close(pieces, whole, rtol=1e-12, atol=1e-12)
    pieces = mse(near, far, weight=weight)
    torch.testing.assert_close(pieces[0].item(), _mse(x, far[0].numpy(), masks[0]))


def _mse(x: Array, y: Array, m: Array) -> float:
    return _average((x - np.moveaxis(y, 0, 2)) ** 2, m)


def _average(values: Array, m: Array) -> float:
    """The weighted mean of each channel, then their mean; NumPy 1 wants weights of one shape."""
    weights = np.broadcast_to(m[:, :, None], values.shape)
    return float(np.average(values, axis=(0, 1), weights=weights).mean())


@pytest.mark.parametrize("scale", [1e-30, 0.3, 7.0, 1e30])
@pytest.mark.parametrize("name", ["wang2004", "cvae", "skimage, zero", "piq by 2", "cvae by 2"])
def test_the_scale_of_the_weights_changes_nothing(name, scale):
    (x, y), (m,) = _pictures(), _tensors(_masks()["fractions"])
    options = {"data_range": 255, "definition": TESTED[name]}
    found = ssim(*_tensors(x, y), **options, weight=m * scale)
    torch.testing.assert_close(
        found, ssim(*_tensors(x, y), **options, weight=m), rtol=1e-12, atol=0
    )
    single = {**options, "dtype": F32}
    torch.testing.assert_close(
        ssim(*_tensors(x, y), **single, weight=m * scale),
        ssim(*_tensors(x, y), **single, weight=m),
        rtol=1e-5,
        atol=0,
    )


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.float16, F32])
def test_types_of_weights(dtype):
    (x, y), (m,) = _pictures(), _tensors(_masks()["disc"])
    found = ssim(*_tensors(x, y), data_range=255, weight=m.to(dtype))
    assert found.item() == ssim(*_tensors(x, y), data_range=255, weight=m).item()
    assert mse(*_tensors(x, y), weight=m.to(dtype)).item() == mse(*_tensors(x, y), weight=m).item()


# --- all white --------------------------------------------------------------------------------

UNIFORM = {
    "ones": torch.ones(1, 1, 160, 170),
    "halves": torch.full((1, 1, 160, 170), 0.3, dtype=F64),
    "true": torch.ones(1, 1, 160, 170, dtype=torch.bool),
}


@pytest.mark.parametrize("uniform", UNIFORM)
@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
def test_all_white_is_the_plain_number_to_the_last_digit(backend, uniform):
    x, y = (i.repeat(1, 3, 1, 1) for i in _tensors(*_pictures(3, (160, 170))))
    weight, given = UNIFORM[uniform], {"backend": backend}
    for dtype in (F32, F64):
        a, b = x.to(dtype), y.to(dtype)
        for metric in (mse, mae):
            assert torch.equal(metric(a, b, weight=weight, **given), metric(a, b, **given))
        for metric in (ssim, ssim_loss, ssim_map):
            for definition in (*DEFINITIONS, *TESTED.values()):
                options = {"data_range": 255, "definition": definition, **given}
                found, expected = metric(a, b, weight=weight, **options), metric(a, b, **options)
                assert torch.equal(found, expected), (metric, definition)
        found = psnr(a, b, data_range=255, weight=weight, **given)
        assert torch.equal(found, psnr(a, b, data_range=255, **given))


@pytest.mark.parametrize("name", TESTED)
def test_the_computation_with_weights_agrees_where_they_are_the_same(name):
    """It is not taken then, but for a gradient by the weight."""
    x, y = _tensors(*_pictures(3))
    weight = torch.ones(1, 1, *SIZE, dtype=F64, requires_grad=True)
    options = {"data_range": 255, "definition": TESTED[name]}
    for metric in (ssim_loss, ssim_map):
        found, expected = metric(x, y, weight=weight, **options), metric(x, y, **options)
        torch.testing.assert_close(found.detach(), expected, rtol=1e-12, atol=1e-12)
        single = metric(x.float(), y.float(), weight=weight.float(), **options).detach()
        torch.testing.assert_close(single, expected.float(), rtol=1e-5, atol=1e-5)
    assert mse(x, y, weight=weight).item() == pytest.approx(mse(x, y).item(), rel=1e-14)


# --- hard cases -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TESTED)
@pytest.mark.parametrize("mask", _masks())
def test_identical_images_give_exactly_1(name, mask):
    (x, _), (m,) = _pictures(), _tensors(_masks()[mask])
    options = {"data_range": 255, "definition": TESTED[name], "weight": m}
    for dtype in (F32, F64):
        (a,) = (i.to(dtype) for i in _tensors(x))
        assert ssim(a, a, **options).item() == 1
        assert ssim_loss(a, a, **options).item() == 0
        assert (ssim_map(a, a, **options) == 1).all()
    assert psnr(a, a, data_range=255, weight=m).item() == float("inf")


@pytest.mark.parametrize("name", TESTED)
def test_what_does_not_count_may_be_anything(name):
    (x, y), m = _pictures(), _masks()["disc"]
    options = {"data_range": 255, "weight": _tensors(m)[0]}
    for garbage in (1e6, np.nan, np.inf):
        a, b = np.where(m > 0, x, garbage), np.where(m > 0, y, -garbage)
        for metric in (ssim, ssim_map):
            given = {**options, "definition": TESTED[name]}
            assert torch.equal(metric(*_tensors(a, b), **given), metric(*_tensors(x, y), **given))
        assert torch.equal(psnr(*_tensors(a, b), **options), psnr(*_tensors(x, y), **options))


def test_small_differences_keep_their_digits():
    """One pixel off by one level: float32 is right to some 1e-6 of the loss, as without weights."""
    x, y = plain.hard_cases()["one pixel by one level"]
    disc = ((np.mgrid[:256, :256] - 128) ** 2).sum(0) < 90**2
    (m,) = _tensors(disc.astype(float))
    wide = ssim_loss(*_tensors(x, y), data_range=255, weight=m)
    single = ssim_loss(*_tensors(x, y), data_range=255, weight=m, dtype=F32)
    assert 0 < wide.item() < 1e-8
    assert single.item() == pytest.approx(wide.item(), rel=3e-6)


# --- MSE, MAE, PSNR ---------------------------------------------------------------------------


@pytest.mark.parametrize("mask", _masks())
def test_errors_against_numpy(mask):
    (x, y), m = _pictures(2, (*SIZE, 3)), _masks()[mask]
    (weight,) = _tensors(m)
    a, b = _tensors(x, y)
    # float64 sums of some thousand terms
    square, absolute = _average((x - y) ** 2, m), _average(abs(x - y), m)
    assert mse(a, b, weight=weight).item() == pytest.approx(square, rel=1e-13)
    assert mae(a, b, weight=weight).item() == pytest.approx(absolute, rel=1e-13)
    decibels = 10 * np.log10(255**2 / square)
    assert psnr(a, b, data_range=255, weight=weight).item() == pytest.approx(decibels, rel=1e-13)


def test_errors_by_hand():
    x = torch.zeros(1, 1, 2, 2)
    y, m = torch.tensor([[[[1.0, 3.0], [9.0, 0.0]]]]), torch.tensor([[[[1.0, 0.5], [0.0, 0.5]]]])
    assert mse(x, y, weight=m).item() == 2.75  # (1·1 + 0.5·9 + 0.5·0)/2
    assert mae(x, y, weight=m).item() == 1.25


# --- gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TESTED)
def test_gradcheck(name):
    definition = replace(TESTED[name], window_size=3)
    shape = (10, 9) if (definition.downsample or 1) > 1 else (6, 5)
    x, y = (i.requires_grad_() for i in _tensors(*_pictures(4, shape)))
    rng = np.random.default_rng(0)
    (m,) = _tensors(rng.uniform(0.1, 1, shape))
    m.requires_grad_()

    def loss(a: torch.Tensor, b: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return ssim_loss(a, b, data_range=255, definition=definition, weight=w)

    def mapped(a: torch.Tensor, b: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return ssim_map(a, b, data_range=255, definition=definition, weight=w)

    assert torch.autograd.gradcheck(loss, (x, y, m))
    assert torch.autograd.gradcheck(mapped, (x, y, m))
    cut = m.detach() * torch.from_numpy(rng.uniform(size=shape) < 0.7)
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, cut), (x, y))


@pytest.mark.parametrize("name", TESTED)
def test_the_gradient_by_the_weight_alone_in_pieces(monkeypatch, name):
    x, y = _tensors(*_pictures(6))
    options = {"data_range": 255, "definition": TESTED[name]}
    found = []
    for size in (1 << 30, 700):
        for module in (blocks, weighted):
            monkeypatch.setattr(module, "CPU_BLOCK", size)
        (m,) = (t.requires_grad_() for t in _tensors(_masks()["fractions"]))
        (ssim_loss(x, y, weight=m, **options) + 1e-3 * mse(x, y, weight=m)).sum().backward()
        found.append(m.grad)
    assert found[0].abs().max() > 1e-4
    torch.testing.assert_close(found[1], found[0], rtol=1e-10, atol=1e-14)


def test_gradcheck_of_errors():
    x, y, m = (i.requires_grad_() for i in _tensors(*_pictures(4, (4, 5)), np.ones((4, 5)) / 3))
    for metric in (mse, mae):
        assert torch.autograd.gradcheck(lambda a, b, w, of=metric: of(a, b, weight=w), (x, y, m))
    assert torch.autograd.gradcheck(lambda a, b, w: psnr(a, b, data_range=255, weight=w), (x, y, m))


@pytest.mark.parametrize("mask", _masks())
@pytest.mark.parametrize("name", TESTED)
def test_gradients_are_finite_on_flat_and_identical_images(name, mask):
    flat, (x, _) = np.full(SIZE, 250.0), _pictures()
    for near, far in ((flat, flat), (x, x), (flat, 0 * flat), (0 * flat, 0 * flat), (x, 255 - x)):
        for dtype in (F32, F64):
            a, b, m = (t.to(dtype).requires_grad_() for t in _tensors(near, far, _masks()[mask]))
            loss = ssim_loss(a, b, data_range=255, definition=TESTED[name], weight=m)
            (loss.sum() + mse(a, b, weight=m).sum()).backward()
            for t in (a, b, m):
                assert torch.isfinite(t.grad).all()
            a2, b2 = a.detach().requires_grad_(), b.detach().requires_grad_()
            given = {"data_range": 255, "definition": TESTED[name], "weight": m.detach()}
            ssim_loss(a2, b2, **given).sum().backward()
            torch.testing.assert_close(a2.grad, _without(a, b, m, TESTED[name]))
            assert (a2.grad[m.detach() == 0] == 0).all()


def _without(a: torch.Tensor, b: torch.Tensor, m: torch.Tensor, definition: Definition):
    """The gradient by a where one by the weight is asked for as well: another way through."""
    a = a.detach().requires_grad_()
    ssim_loss(a, b.detach(), data_range=255, definition=definition, weight=m).sum().backward()
    return a.grad


# --- the modules ------------------------------------------------------------------------------


def test_losses():
    x, y = (i / 255 for i in _tensors(*_pictures(5)))
    (m,) = _tensors(_masks()["disc"])
    expected = ssim_loss(x, y, data_range=1, definition="cvae", weight=m).item()
    assert SSIMLoss()(x, y, weight=m).item() == expected
    assert SSIMLoss()(x, y, as_loss=False, weight=m).shape == (1, 1, *SIZE)
    loss, error, structure, _ = MSE_SSIM_KL_Loss(alpha=2, beta=0)(x, y, weight=m)
    assert error.item() == mse(x, y, weight=m).item()
    assert structure.item() == pytest.approx(expected, rel=1e-14)
    assert loss.item() == pytest.approx(error.item() + 2 * expected, rel=1e-14)


# --- errors -----------------------------------------------------------------------------------


def _below(metric):
    """The function below jaxtyping's check, which would refuse the shapes first."""
    return metric.__wrapped__


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.zeros(1, 1, 20, 20), "weight is 0 everywhere"),
        (torch.cat([torch.ones(1, 1, 20, 20), torch.zeros(1, 1, 20, 20)]), "0 everywhere"),
        (torch.ones(1, 1, 20, 20).index_fill(3, torch.tensor(3), -0.5), "weight holds -0.5"),
        (torch.ones(1, 1, 20, 20).index_fill(3, torch.tensor(3), torch.nan), "NaN"),
        (torch.ones(1, 1, 20, 20).index_fill(3, torch.tensor(3), torch.inf), "infinity"),
        (torch.ones(1, 1, 20, 21), r"weight has shape \(1, 1, 20, 21\): expected \(2, 1, 20, 20\)"),
        (torch.ones(3, 1, 20, 20), r"or \(1, 1, 20, 20\)"),
        (torch.ones(1, 2, 20, 20), "weight has shape"),
        (torch.ones(20, 20), "weight has shape"),
        (torch.ones(1, 1, 20, 20, dtype=torch.complex64), "complex64"),
        (torch.ones(1, 1, 20, 20, device="meta"), "weight on meta"),
    ],
)
def test_wrong_weights(weight, words):
    x = torch.rand(2, 1, 20, 20)
    for metric in (ssim_loss, ssim_map):
        with pytest.raises(ValueError, match=words):
            _below(metric)(x, x, data_range=1, weight=weight)
    for metric in (mse, mae):
        with pytest.raises(ValueError, match=words):
            _below(metric)(x, x, weight=weight)


def test_no_window_around_what_counts():
    x, m = torch.rand(1, 1, 20, 20), torch.zeros(1, 1, 20, 20)
    m[..., :5, :] = 1  # the margin of a window of 11
    with pytest.raises(ValueError, match="no window of 11 pixels with the border 'valid'"):
        ssim(x, x, data_range=1, weight=m)
    assert ssim(x, x, data_range=1, definition="cvae", weight=m).item() == 1
    assert mse(x, x, weight=m).item() == 0
    m[..., 5, 5] = 1
    assert ssim(x, x, data_range=1, weight=m).item() == 1


def test_the_fused_kernels_have_no_weights():
    x, m = torch.rand(1, 1, 200, 200), torch.ones(1, 1, 200, 200)
    m[..., 0] = 0
    for metric in (ssim, ssim_loss, ssim_map):
        with pytest.raises(ValueError, match="backend is 'fused' and the weight is not uniform"):
            metric(x, x, data_range=1, weight=m, backend="fused")
    with pytest.raises(ValueError, match="backend is 'fused'"):
        mse(x, x, weight=m, backend="fused")
