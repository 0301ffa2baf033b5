"""Split lines and the blurs in whole vectors, beside NumPy."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from llvmlite import binding
from numba import njit

from ssimtool import find_definition, ssim_loss
from ssimtool.kernels import precision
from ssimtool.kernels.arrays import image_pass
from ssimtool.kernels.compiled.adjoint import blur_positions, blur_two_up, blur_up
from ssimtool.kernels.compiled.instructions import LANES, LINE_BYTES
from ssimtool.kernels.compiled.layout import (
    add_samples,
    continue_lines,
    join,
    largest_sample,
    place,
    split,
)
from ssimtool.kernels.compiled.moments import moments_along
from ssimtool.kernels.compiled.vectors import SHARED, on_a_cache_line
from ssimtool.kernels.formula import Formula

KINDS = [np.float32, np.float64]


@njit
def _split(line, part, beyond):
    out = on_a_cache_line((part + beyond + 4) * LANES, line.dtype)
    split(line, 0, part, out, 0)
    continue_lines(out, 1, 0, part, beyond)
    back = on_a_cache_line((part + 4) * LANES, line.dtype)
    join(out, 0, part, back, 0)
    return out, back


@njit
def _sums(line, first, last, part, channels):
    sums = np.zeros(channels)
    add_samples(line, first, last, part, sums)
    return sums, largest_sample(line, first, last, part, line[0])


@njit
def _places(count, part):
    return np.array([place(p, part) for p in range(count)])


@njit
def _blur(lines, n, c, step, taps, weights):
    out = on_a_cache_line(len(lines), lines.dtype)
    blur_positions(lines, 0, n, c, step, taps, weights, out, 0)
    return out


@njit
def _up(lines, n, step, taps, upper, lower):
    equal = on_a_cache_line(SHARED * step, lines.dtype)
    two = on_a_cache_line(2 * step, lines.dtype)
    blur_up(lines, 0, n, step, taps, upper, equal, 0)
    blur_two_up(lines, 0, n, step, taps, upper, lower, two, 0)
    return equal, two, equal.ctypes.data


@njit
def _moments(lines, n, c, step, pitch, taps, weights):
    out = on_a_cache_line(4 * pitch, lines.dtype)
    moments_along(lines, 0, n, c, step, pitch, taps, weights, out, 0)
    return out


def _weights(taps, kind):
    half = np.random.default_rng(taps).random(taps // 2 + 1)
    weights = np.concatenate([half, half[:-1][::-1]])
    return (weights / weights.sum()).astype(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [1, 2, 3, 4, 5, 7, 8, 30])
def test_a_split_line(kind, part):
    n, beyond = part * LANES, 10
    line = np.arange(n + 8, dtype=kind)  # eight more, which may be read
    found, back = _split(line, part, beyond)
    assert (back[:n] == line[:n]).all()
    assert (found[_places(n, part)] == line[:n]).all()
    for position in range(part, part + beyond):  # each lane goes on as the next one begins
        for lane in range(LANES):
            sample = lane * part + position
            if sample < n:
                assert found[position * LANES + lane] == line[sample]


@pytest.mark.parametrize(("first", "last"), [(0, 61), (0, 128), (24, 32), (24, 29)])
def test_sums_of_a_split_line(first, last):
    line = np.random.default_rng(0).random(136)
    found, largest = _sums(_split(line, 8, 1)[0], first, last, 8, 3)
    own = line[first:last]
    assert found == pytest.approx([own[q::3].sum() for q in range(3)], rel=1e-14)
    assert largest == max(own.max(), line[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c", [1, 2, 3])
@pytest.mark.parametrize("taps", [1, 3, 7, 11, 33])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_blur_along_a_line(kind, c, taps, is_known):
    rng, weights, n = np.random.default_rng(taps), _weights(taps, kind), 4 * SHARED * c
    lines = rng.random((n + (taps + SHARED) * c) * LANES).astype(kind)
    step = (0,) * c if is_known else c * LANES
    found = _blur(lines, n, c, step, (0,) * taps, weights)[: n * LANES]
    exact = sum(
        np.float64(w) * lines[k * c * LANES :][: n * LANES].astype(float)
        for k, w in enumerate(weights)
    )
    # weights sum to 1; each term is rounded a few times
    assert np.abs(found - exact).max() <= 4 * np.finfo(kind).eps


@pytest.mark.parametrize("kind", KINDS)
def test_the_blur_of_rows(kind):
    step, n, taps = 4 * LANES, 3 * LANES, 11
    rng, weights = np.random.default_rng(1), _weights(taps, kind)
    lower = rng.random(taps).astype(kind)
    rows = rng.random((taps + SHARED, step)).astype(kind)
    equal, two, address = _up(rows.reshape(-1), n, step, (0,) * taps, weights, lower)
    assert address % LINE_BYTES == 0
    of_rows = np.lib.stride_tricks.sliding_window_view(rows.astype(float), taps, axis=0)
    for r in range(SHARED):
        exact = of_rows[r] @ weights
        assert np.abs(equal.reshape(SHARED, step)[r] - exact)[:n].max() <= 4 * np.finfo(kind).eps
    for r, own in enumerate((weights, lower)):
        exact = of_rows[r] @ own
        assert np.abs(two.reshape(2, step)[r] - exact)[:n].max() <= 40 * np.finfo(kind).eps


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("c", [1, 2, 3])
def test_moments_from_those_of_columns(kind, c):
    taps, n = 11, 2 * SHARED * c
    pitch = (n + (taps + SHARED) * c) * LANES
    rng, weights = np.random.default_rng(2), _weights(taps, kind)
    lines = rng.random(4 * pitch).astype(kind)
    lines[: 2 * pitch] += 1000  # means far from 0 cost no digits of a variance
    step = (0,) * c if c != 2 else c * LANES
    found = _moments(lines, n, c, step, pitch, (0,) * taps, weights).reshape(4, pitch)
    own = lines.reshape(4, pitch).astype(float)
    for q in range(2):
        for j in (0, 5, n * LANES - 1):
            means, variances = (v[j :: c * LANES][:taps] for v in (own[q], own[q + 2]))
            mean = weights @ means
            variance = weights @ (variances + (means - mean) ** 2)
            assert found[q, j] == pytest.approx(mean, rel=4 * float(np.finfo(kind).eps))
            assert found[q + 2, j] == pytest.approx(variance, rel=40 * float(np.finfo(kind).eps))


# --- planes that are computed together ----------------------------------------------------------


@pytest.mark.parametrize("border", ["valid", "zero", "mirror", "symmetric"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [16, 21])
def test_the_same_bits_in_a_batch_and_alone(border, channels, count):
    """16 narrow planes and more fill the lanes; one is cut into parts."""
    generator = torch.Generator().manual_seed(channels)
    shape = (count, channels, 37, 53)
    x = torch.rand(shape, generator=generator, requires_grad=True)
    y = torch.rand(shape, generator=generator)
    x.data[3] = x.data[3] * 40 - 20  # an image that float64 computes
    how = {"data_range": 1.0, "backend": "fused"}
    how["definition"] = find_definition("wang2004", border=border)
    losses = ssim_loss(x, y, **how)
    (gradient,) = torch.autograd.grad(losses.sum(), x)
    for i in (0, 3, 15, count - 1):
        own = x[i : i + 1].detach().requires_grad_()
        loss = ssim_loss(own, y[i : i + 1], **how)
        assert loss.item() == losses[i].item()
        (alone,) = torch.autograd.grad(loss.sum(), own)
        assert torch.equal(alone[0], gradient[i])


def test_the_same_bits_of_planes_and_interleaved_channels():
    rng = np.random.default_rng(3)
    x, y = (rng.integers(0, 256, (70, 131, 3)).astype(np.uint8) for _ in range(2))
    weights = tuple(_weights(11, np.float64).tolist())
    formula = Formula(weights, "valid", 255.0, 0.01, 0.03)
    flags = {"wide": False, "structure": True, "errors": False}
    together = image_pass(x, y, formula, **flags).structure[0]
    for q in range(3):
        alone = image_pass(x[..., q : q + 1], y[..., q : q + 1], formula, **flags).structure[0]
        assert alone[0] == together[q]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((0.2, 0.6, 0.2), True),  # shared samples would be outside some windows
        ((0.01, 0.1, 0.78, 0.1, 0.01), True),  # their weight is too small
        ((0.2,) * 5, False),
    ],
)
def test_windows_whose_shared_sample_weighs_too_little(weights, expected):
    assert SHARED // 2 == precision.FROM_MIDDLE
    formula = Formula(weights, "valid", 1.0, 0.01, 0.03)
    assert precision.needs_float64(formula, 64, 64) is expected
    rng = np.random.default_rng(4)
    x = rng.random((64, 64, 1)).astype(np.float32)
    y = np.clip(x + 0.1, 0, 1).astype(np.float32)
    flags = {"wide": False, "structure": True, "errors": False}
    assert image_pass(x, y, formula, **flags).wide.tolist() == [expected]


# --- other processors ---------------------------------------------------------------------------

SCRIPT = """
import torch
from ssimtool import ssim_loss
from ssimtool.kernels.compiled.instructions import VECTOR_BYTES
g = torch.Generator().manual_seed(0)
x = torch.rand(2, 3, 61, 90, generator=g)
y = (x + 0.2 * torch.rand(2, 3, 61, 90, generator=g)).clamp(0, 1)
x.requires_grad_()
loss = ssim_loss(x, y, data_range=1.0, backend="fused")
(own,) = torch.autograd.grad(loss.sum(), x)
x = x.detach().double().requires_grad_()
wide = ssim_loss(x, y.double(), data_range=1.0, backend="torch")
(exact,) = torch.autograd.grad(wide.sum(), x)
error = (own - exact).abs().max() / exact.abs().max()
print(VECTOR_BYTES, (loss - wide).abs().max().item(), error.item())
"""


@pytest.mark.parametrize(
    ("features", "size"), [("", "32"), ("+avx,+avx2,+fma", "32"), ("+avx512f", "64")]
)
def test_the_kernels_of_another_processor(tmp_path, features, size):
    """The vectors follow what Numba compiles for; the numbers stay within the promise."""
    host = binding.get_host_cpu_features()
    for feature in filter(None, features.split(",")):
        if not host.get(feature[1:]):
            pytest.skip(f"this processor has no {feature[1:]}")
    environment = dict(os.environ, NUMBA_CPU_FEATURES=features, NUMBA_CACHE_DIR=str(tmp_path))
    environment["NUMBA_CPU_NAME"] = "generic"
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert found[0] == size
    assert float(found[1]) <= 1e-7  # the promise
    assert float(found[2]) <= 1e-6  # of the largest entry; 1e-7 was measured
