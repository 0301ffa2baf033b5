"""What is computed on MPS, by a made-up device that refuses float64 and uint16 as MPS does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.testing as npt
import pytest
import torch
from mps import MPS, OnMps, made_up

import ssimtool
from ssimtool.batch.stack import compare_stack
from ssimtool.catalog import METRICS, find_definition
from ssimtool.readers.arrays.vae import open_arrays
from ssimtool.readers.samples import Pair
from ssimtool.scoring.pair import compare, execution_of, map_of
from ssimtool.settings import CompareSettings, LossSettings
from ssimtool.vae.loss import evaluate_loss

RNG = np.random.RandomState(0)
SHAPE = (162, 165, 2)  # MS-SSIM needs 161
X = RNG.randint(0, 256, SHAPE)
Y = np.clip(X + RNG.randint(-9, 10, SHAPE), 0, 255)


@pytest.fixture
def device():
    """The made-up device."""
    with made_up() as there:
        yield there


def test_the_device_refuses_what_mps_lacks(device):
    assert torch.zeros(3, device=device).device == MPS
    for dtype in (torch.float64, torch.uint16):
        for make in (
            lambda d: torch.zeros(3, dtype=d, device=device),
            lambda d: torch.zeros(3, dtype=d).to(device),
            lambda d: torch.zeros(3, device=device).to(d),
            lambda d: torch.zeros(3, device=device).sum(dtype=d),
        ):
            with pytest.raises(TypeError, match="MPS has no"):
                make(dtype)
    assert torch.ones(3, device=device).cpu().double().tolist() == [1, 1, 1]


def _pair(kind: str, weight: np.ndarray | None = None) -> Pair:
    ranges = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1, "uint32": 2**32 - 1}
    scale = ranges[kind] / 255
    x, y = ((image * scale).astype(kind) for image in (X, Y))
    return Pair(
        reference_path="x", distorted_path="y", reference=x, distorted=y,
        data_range=ranges[kind], sample_type=kind, weight=weight,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("uint8", "wang2004"),
        ("uint16", "skimage"),
        ("uint32", "piq"),
        ("float32", "torchmetrics"),
        ("float64", "cvae"),
    ],
)
def test_compare(device, kind, name):
    pair, metrics = _pair(kind), tuple(METRICS)
    how = CompareSettings(metrics=metrics, definition=find_definition(name), device="cpu")
    expected, record = compare(pair, how), compare(pair, replace(how, device="mps"))
    assert (record.device, record.precision) == ("mps:0", "float32")
    for metric, value in expected.metrics.items():
        npt.assert_allclose(record.metrics[metric], value, rtol=2e-4, err_msg=metric)


@pytest.mark.parametrize(
    ("kind", "weight", "name"),
    [
        ("uint16", None, "wang2004"),
        ("float64", None, "piq"),
        ("uint16", np.bool_, "wang2004"),
        ("float64", np.float64, "skimage"),
        ("uint8", np.float32, "piq"),
    ],
)
def test_a_mask_and_a_map(device, kind, weight, name):
    mask = None
    if weight is not None:
        mask = (RNG.rand(*SHAPE[:2]) * 2).astype(weight)
        mask[:40] = 0
    pair = _pair(kind, mask)
    how = [
        CompareSettings(metrics=("ssim", "mse"), definition=find_definition(name), device=d)
        for d in ("cpu", "mps")
    ]
    expected, record = (compare(pair, h).metrics for h in how)
    for metric, value in expected.items():
        npt.assert_allclose(record[metric], value, rtol=2e-4)
    npt.assert_allclose(map_of(pair, how[1]), map_of(pair, how[0]), atol=2e-4)


def _batches(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (torch.from_numpy(i).permute(2, 0, 1)[None].float() / 255 for i in (X, Y))
    return x.to(dtype), y.to(dtype)


@pytest.mark.parametrize(
    "function", ["ssim", "ssim_loss", "ms_ssim", "ms_ssim_loss", "mse", "mae", "psnr", "ssim_map"]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_functions(device, function, dtype):
    x, y = _batches(dtype)
    options = {} if function in ("mse", "mae") else {"data_range": 1}
    of = getattr(ssimtool, function)
    found = of(x.to(device), y.to(device), **options)
    assert isinstance(found, OnMps)
    npt.assert_allclose(found.cpu().numpy(), of(x, y, **options).numpy(), atol=2e-5, rtol=2e-4)
    with pytest.raises(ValueError, match="float64 on MPS"):
        of(x.to(device), y.to(device), dtype=torch.float64, **options)


def test_losses_and_their_gradients(device):
    x, y = _batches(torch.float32)
    mu, logvar = torch.randn(1, 8), torch.randn(1, 8)
    losses = {
        "ssim": lambda a, b, m, v: ssimtool.SSIMLoss()(a, b),
        "ms_ssim": lambda a, b, m, v: ssimtool.MSSSIMLoss()(a, b),
        "vae": lambda a, b, m, v: ssimtool.MSE_SSIM_KL_Loss(free_bits=0.1)(a, b, m, v).loss,
        "kl": lambda a, b, m, v: ssimtool.kl_divergence(m, v).mean() + a.sum() * 0,
    }
    for name, loss in losses.items():
        here, there = x.clone().requires_grad_(), x.to(device).requires_grad_()
        expected = loss(here, y, mu, logvar)
        found = loss(there, y.to(device), mu.to(device), logvar.to(device))
        expected.backward()
        found.backward()
        npt.assert_allclose(found.item(), expected.item(), rtol=1e-4, err_msg=name)
        assert isinstance(there.grad, OnMps)
        npt.assert_allclose(there.grad.cpu(), here.grad, atol=1e-7, rtol=1e-3, err_msg=name)


def test_windows_are_of_the_widest_dtype(device):
    for window in (
        ssimtool.gaussian_window(11, 1.5, device="mps"),
        ssimtool.uniform_window(11, device="mps"),
    ):
        assert window.dtype == torch.float32
    assert ssimtool.gaussian_window(11, 1.5).dtype == torch.float64


def test_active_units(device):
    mu = torch.randn(16, 5)
    assert ssimtool.active_units(mu.to(device)).item() == 5


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float64"])
def test_pairs_computed_together(device, kind):
    pair = _pair(kind)
    how = CompareSettings(metrics=("ssim", "psnr"), device="mps")
    alone = compare(pair, how)
    for record in compare_stack([pair, pair], how, execution_of(how)):
        assert record.device == "mps:0"
        for name, value in alone.metrics.items():
            npt.assert_allclose(record.metrics[name], value, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "uint16"])
def test_the_loss_of_saved_arrays(device, tmp_path, dtype):
    rng, scale = np.random.RandomState(1), 1 if dtype == "float64" else 65535
    images = [(rng.rand(3, 1, 24, 24) * scale).astype(dtype) for _ in range(2)]
    names = tuple(str(tmp_path / f"{name}.npy") for name in ("recon", "raw", "mu", "logvar"))
    for name, array in zip(names, [*images, *rng.randn(2, 3, 5)], strict=True):
        np.save(name, array)
    arrays = open_arrays(names, latents=True, layout="nchw")
    found = {
        where: evaluate_loss(arrays, names, LossSettings(device=where), on_scores=lambda _: None)
        for where in ("cpu", "mps")
    }
    for name in ("loss", "mse", "ssim_loss", "kl"):
        values = [getattr(found[where], name) for where in ("mps", "cpu")]
        npt.assert_allclose(*values, rtol=1e-4, err_msg=name)
