"""One pair scored on arrays, without torch, beside the same on tensors."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ssimtool.catalog import DEFINITIONS, METRICS, find_definition
from ssimtool.readers.samples import Pair
from ssimtool.scoring import pair as evaluate
from ssimtool.settings import CompareSettings

EVERY = CompareSettings(metrics=tuple(METRICS), scales=2, device="cpu", precision="double")


def _pair(dtype: str, channels: int = 3, data_range: float = 255, shape=(37, 50)) -> Pair:
    rng = np.random.default_rng(4)
    top = data_range if np.dtype(dtype).kind == "u" else 1
    x = rng.random((*shape, channels)) * top
    y = np.clip(x + rng.normal(0, top / 20, x.shape), 0, top)
    return Pair(
        reference_path="x",
        distorted_path="y",
        reference=x.astype(dtype),
        distorted=y.astype(dtype),
        data_range=data_range,
        sample_type=dtype,
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32", "float64"])
def test_arrays_give_the_numbers_of_tensors(dtype, channels):
    pair = _pair(dtype, channels, 255 if dtype == "uint8" else 65535 if "u" in dtype else 1)
    pair.reference.flags.writeable = False
    found = evaluate.compare(pair, EVERY)
    exact = evaluate.compare(pair, replace(EVERY, backend="torch"))
    assert (found.backend, exact.backend) == ("fused", "torch")
    for name in METRICS:  # both in float64, which sums in another order
        assert found.metrics[name] == pytest.approx(exact.metrics[name], rel=1e-11), name
    assert list(found.metrics) == list(exact.metrics)
    for name, values in exact.per_channel.items():
        assert found.per_channel[name] == pytest.approx(values, rel=1e-11)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition(name):
    how = replace(EVERY, definition=DEFINITIONS[name])
    one = evaluate.execution_of(how, threads=1)
    found = evaluate.compare(_pair("uint8"), how, execution=one).metrics["ssim_loss"]
    exact = evaluate.compare(_pair("uint8"), replace(how, backend="torch")).metrics["ssim_loss"]
    assert found == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_single_precision(backend):
    pair = _pair("uint8", shape=(150, 150))
    exact = evaluate.compare(pair, EVERY)
    found = evaluate.compare(pair, replace(EVERY, precision="single", backend=backend))
    # torch has no float32 that keeps the promise
    assert exact.precision == "float64"
    assert found.precision == ("float64" if backend == "torch" else "float32")
    difference = abs(found.metrics["ssim_loss"] / exact.metrics["ssim_loss"] - 1)
    assert difference < 1e-6  # docs/reliability.md
    assert difference < 1e-14 or found.precision == "float32"
    assert difference > 0 or found.precision == "float64"
    for name in ("mse", "mae", "psnr"):  # which are no matter of precision
        assert found.metrics[name] == pytest.approx(exact.metrics[name], rel=1e-14)
    wide = replace(EVERY, precision="single", backend=backend)
    assert evaluate.compare(_pair("float64", data_range=1), wide).precision == "float64"


def test_what_float32_cannot_hold_is_recorded_as_float64():
    ramp = np.linspace(0, 65535, 60 * 60).reshape(60, 60, 1)
    pair = replace(
        _pair("uint16", 1),
        reference=ramp.astype("uint16"),
        distorted=(ramp // 2).astype("uint16"),
        data_range=10,
    )
    how = replace(EVERY, precision="single")
    found, exact = (evaluate.compare(pair, s) for s in (how, EVERY))
    assert found.precision == "float64"
    assert found.metrics["ssim_loss"] == exact.metrics["ssim_loss"]


def test_columns_that_do_not_lie_side_by_side():
    wide = _pair("uint8", shape=(37, 100))
    pair = replace(wide, reference=wide.reference[:, ::2], distorted=wide.distorted[:, ::2])
    exact = evaluate.compare(pair, replace(EVERY, backend="torch")).metrics
    assert evaluate.compare(pair, EVERY).metrics == pytest.approx(exact, rel=1e-11)


def test_identical_images():
    pair = _pair("uint8")
    found = evaluate.compare(replace(pair, distorted=pair.reference), EVERY)
    assert found.identical
    assert found.metrics == {
        "ssim": 1, "ssim_loss": 0, "ms_ssim": 1, "ms_ssim_loss": 0, "mse": 0, "mae": 0,
        "psnr": math.inf,
    }  # fmt: skip


def test_other_samples_are_left_to_torch():
    pair = _pair("uint8")
    pair = replace(
        pair, reference=pair.reference.astype("int32"), distorted=pair.distorted.astype("int32")
    )
    assert evaluate.compare(pair, EVERY).backend == "torch"


def test_what_leaves_the_numbers_of_the_kernels_is_left_to_torch():
    pair, small = _pair("float64", data_range=1e90), _pair("float64", data_range=1)
    pair = replace(pair, reference=pair.reference * 1e90, distorted=pair.distorted * 1e90)
    found = evaluate.compare(pair, EVERY)  # the kernels divide by fourth powers: 1e360
    assert found.backend == "torch"
    assert found.metrics["ssim"] == pytest.approx(evaluate.compare(small, EVERY).metrics["ssim"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"backend": "fused"}, False),
        ({"backend": "torch"}, True),
        ({"definition": find_definition("wang2004", window_size=129)}, True),
        ({"definition": find_definition("wang2004", window_size=129), "backend": "fused"}, False),
    ],
)
def test_when_torch_is_needed(change, expected):
    assert evaluate.execution_of(replace(EVERY, **change)).loads_torch is expected


LOADING = """
import sys

from ssimtool.kernels.loading import load_kernels

load_kernels()
print(*(name in sys.modules for name in ("numba", "scipy.linalg", "torch")))
import scipy.linalg
"""


def test_the_kernels_are_loaded_without_what_they_do_not_use():
    command = [sys.executable, "-c", LOADING]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False False"


SCRIPT = """
import sys
import numpy as np
from ssimtool.scoring.pair import compare
from ssimtool.readers.samples import Pair
from ssimtool.settings import CompareSettings

x = np.arange(3 * 40 * 40, dtype=np.uint8).reshape(40, 40, 3)
pair = Pair(reference_path="x", distorted_path="y", reference=x, distorted=255 - x, data_range=255,
            sample_type="uint8")
how = CompareSettings(device="cpu", backend=sys.argv[1])
print(compare(pair, how).backend, "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("backend", "expected"), [("auto", "fused False"), ("torch", "torch True")]
)
def test_torch_is_loaded_where_it_computes(backend, expected):
    command = [sys.executable, "-c", SCRIPT, backend]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
