"""SSIM by NumPy: the numbers of plain torch in float64, on every definition, dtype and size."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from ssimtool.definitions import DEFINITIONS
from ssimtool.kernels import arrays, small
from ssimtool.kernels.formula import formula_of
from ssimtool.kernels.plain.ssim import mean_losses

TOPS = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0, "float64": 1.0}


def pair(dtype, *shape):
    rng = np.random.default_rng(sum(shape))
    x = rng.random(shape).cumsum(0) % 1
    y = np.clip(x + rng.normal(0, 0.1, shape), 0, 1)
    return tuple((image * TOPS[dtype]).astype(dtype) for image in (x, y))


def batch(image):
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("dtype", TOPS)
# one window, a part of a block, whole blocks, and a block and one window more
@pytest.mark.parametrize("shape", [(11, 11, 1), (40, 23, 3), (42, 74, 2), (43, 75, 1)])
def test_every_definition(name, dtype, shape):
    x, y = pair(dtype, *shape)
    formula = formula_of(replace(DEFINITIONS[name], downsample=1), TOPS[dtype])
    found = small.image_pass(x, y, formula, structure=True, errors=True)
    expected = mean_losses(batch(x), batch(y), formula)
    # float64 on both sides, of other sums
    np.testing.assert_allclose(found.structure, expected.numpy(), rtol=1e-11)
    d = x.astype(float) - y
    np.testing.assert_allclose(found.errors[0], ((d**2).mean(), np.abs(d).mean()), rtol=1e-14)
    assert found.wide.tolist() == [True]
    losses = small.loss_map(x, y, formula)
    np.testing.assert_allclose(losses, arrays.loss_map(x, y, formula), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("shape", [(33, 35, 1), (48, 66, 3)])
def test_downsampling(factor, shape):
    x, y = pair("uint8", *shape)
    formula = formula_of(replace(DEFINITIONS["piq"], downsample=factor), 255)
    found = small.image_pass(x, y, formula, structure=True, errors=False)
    expected = arrays.image_pass(x, y, formula, wide=True, structure=True, errors=False)
    np.testing.assert_allclose(found.structure, expected.structure, rtol=1e-11)
    assert found.errors.tolist() == [[0, 0]]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_identical_images_have_a_loss_of_exactly_0(name):
    x, _ = pair("uint8", 50, 61, 3)
    formula = formula_of(replace(DEFINITIONS[name], downsample=1), 255)
    found = small.image_pass(x, x, formula, structure=True, errors=True)
    assert found.structure.tolist() == [[0, 0, 0]]
    assert found.errors.tolist() == [[0, 0]]


def test_a_sample_that_is_not_finite_shows(recwarn):
    x, y = pair("float32", 20, 20, 1)
    x[3, 4] = np.inf
    formula = formula_of(DEFINITIONS["wang2004"], 1)
    assert not np.isfinite(small.image_pass(x, y, formula, structure=True, errors=False).structure)
    assert small.loss_map(x, y, formula) is None
    assert not recwarn.list


@pytest.mark.parametrize(
    ("dtype", "value", "data_range", "expected"),
    [
        ("uint8", 255, 255, True),
        ("uint8", 255, 0.2, True),
        ("uint8", 255, 0.1, False),
        ("uint16", 100, 1, True),  # no sample is far
        ("uint16", 65535, 1, False),
        ("float32", -1500, 1, True),
        ("float32", -1501, 1, False),
        ("float64", np.nan, 1, False),
    ],
)
def test_where_float64_is_precise(dtype, value, data_range, expected):
    x = np.zeros((2, 2, 1), dtype)
    y = np.full_like(x, value)
    assert small.is_precise(x, y, data_range) is expected
    assert small.is_precise(y, x, data_range) is expected


BITS = """
import numpy as np
from ssimtool.definitions import DEFINITIONS
from ssimtool.kernels.formula import formula_of
from ssimtool.kernels.small import image_pass
x, y = np.random.default_rng(0).integers(0, 256, (2, 300, 400, 3)).astype(np.uint8)
formula = formula_of(DEFINITIONS["wang2004"], 255)
print(image_pass(x, y, formula, structure=True, errors=True).structure.tobytes().hex())
"""


def test_any_number_of_threads_gives_the_same_bits():
    found = set()
    for threads in ("1", "2", "8"):
        names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", BITS],
            env=dict.fromkeys(names, threads),
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
