"""`ssimtool loss` against a float64 NumPy computation, in every shape and format."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import plain
import pytest
from windows import linux

import ssimtool as library


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    """The check of docs/mathematics.md: paths and float64 arrays."""
    folder = tmp_path_factory.mktemp("design")
    rng = np.random.RandomState(1)
    raw = rng.randn(5, 1, 128, 128).astype(np.float32)
    arrays = {
        "recon": (0.8 * raw).astype(np.float32),
        "raw": raw,
        "mu": (0.01 * rng.randn(5, 256)).astype(np.float32),
        "logvar": (0.01 * rng.randn(5, 256)).astype(np.float32),
    }
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array)
    np.savez(folder / "dump.npz", **arrays)
    return folder, {key: array.astype(np.float64) for key, array in arrays.items()}


def _paths(folder):
    return [folder / f"{key}.npy" for key in ("recon", "raw", "mu", "logvar")]


def _expected(arrays, data_range=1.0):
    x, y = arrays["raw"], arrays["recon"]
    mu, logvar = arrays["mu"], arrays["logvar"]
    ssim = [
        np.mean(
            [plain.ssim_map(p, q, data_range, pad="constant") for p, q in zip(a, b, strict=True)]
        )
        for a, b in zip(x, y, strict=True)
    ]
    kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).reshape(len(mu), -1).sum(axis=1)
    return {
        "mse": ((x - y) ** 2).reshape(len(x), -1).mean(axis=1),
        "ssim_loss": 1 - np.array(ssim),
        "kl": kl,
    }


def test_the_check_of_the_design(ssimtool, design):
    folder, arrays = design
    done = ssimtool("loss", "--alpha", 1, "--beta", 1, *_paths(folder), "-f", "json")
    record = done.record
    assert done.code == 0
    assert record["mse"] == pytest.approx(0.040, abs=0.0005)
    assert record["ssim_loss"] == pytest.approx(0.047, abs=0.0005)
    # docs/mathematics.md says about 0.019; the expectation is 256 (1e-4 + 0.5e-4)/2 = 0.0192
    assert 0.018 <= record["kl"] <= 0.0205
    assert record["loss"] == pytest.approx(0.1055, abs=0.0015)
    expected = {name: values.mean() for name, values in _expected(arrays).items()}
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-6)  # the bound
        assert record["contributions"][name] == record[name]
    assert record["ssim"] == 1 - record["ssim_loss"]
    assert record["loss"] == pytest.approx(sum(expected.values()), rel=1e-6)


def test_fields_of_the_record(ssimtool, design):
    folder, _ = design
    record = ssimtool("loss", *_paths(folder), "--alpha", 0.5, "--beta", 2, "-f", "json").record
    assert list(record) == [
        "schema", "status", "recon", "raw", "mu", "logvar", "samples", "shape", "latent_shape",
        "alpha", "beta", "loss", "mse", "ssim", "ssim_loss", "kl", "contributions", "data_range",
        "definition", "kl_reduction", "free_bits", "latents", "steps", "thresholds", "device",
        "backend", "version", "warnings", "error",
    ]  # fmt: skip
    assert record["schema"] == "ssimtool.loss/1"
    assert (record["samples"], record["shape"]) == (5, [5, 1, 128, 128])
    assert record["latent_shape"] == [5, 256]
    assert record["kl_reduction"] == "sum over latent dimensions, mean over batch"
    assert record["definition"]["name"] == "cvae"
    parts = record["contributions"]
    assert parts["ssim_loss"] == 0.5 * record["ssim_loss"]
    assert parts["kl"] == 2 * record["kl"]
    assert record["loss"] == pytest.approx(sum(parts.values()), rel=1e-15)


def test_formats_and_npz_agree(ssimtool, design):
    folder, _ = design
    record = ssimtool("loss", *_paths(folder), "-f", "json").record
    dump = ssimtool("loss", folder / "dump.npz", "-f", "ndjson").record
    same = set(record) - {"recon", "raw", "mu", "logvar", "warnings"}
    assert {k: record[k] for k in same} == {k: dump[k] for k in same}
    assert ssimtool("loss", *_paths(folder), "-f", "value").out == f"{record['loss']!r}\n"
    (row,) = csv.DictReader(io.StringIO(ssimtool("loss", *_paths(folder), "-f", "csv").out))
    assert float(row["contributions.kl"]) == record["kl"]
    assert (
        f"| KL | {record['kl']:.6g} | nat | lower |"
        in ssimtool("loss", *_paths(folder), "-f", "markdown").out
    )
    table = ssimtool("loss", *_paths(folder)).out
    assert f"{record['loss']:.6g}" in table
    assert max(map(len, table.splitlines())) <= 80


def test_equals_the_training_module(ssimtool, design):
    import torch

    folder, arrays = design
    tensors = [torch.from_numpy(arrays[k]) for k in ("recon", "raw", "mu", "logvar")]
    loss, mse, ssim, kl = library.MSE_SSIM_KL_Loss(alpha=0.7, beta=0.1)(*tensors)
    done = ssimtool("loss", *_paths(folder), "--alpha", 0.7, "--beta", 0.1, "-f", "json").record
    for part, name in ((loss, "loss"), (mse, "mse"), (ssim, "ssim_loss"), (kl, "kl")):
        assert done[name] == pytest.approx(part.item(), rel=1e-12)


def test_the_latent_space_without_a_weight(ssimtool, samples):
    paths = _paths(samples / "vae")
    weighed = ssimtool("loss", *paths, "-f", "json").record
    record = ssimtool("loss", *paths, "--beta", 0, "-f", "json").record
    assert (record["kl"], record["contributions"]["kl"]) == (None, 0)
    assert record["latents"] == weighed["latents"]
    assert (record["mu"], record["latent_shape"]) == (weighed["mu"], weighed["latent_shape"])


def test_the_latent_space_beside_the_loss(ssimtool, samples):
    folder = samples / "vae"
    record = ssimtool("loss", *_paths(folder), "-f", "json").record
    alone = ssimtool("latents", *_paths(folder)[2:], "-f", "json").record
    assert list(record["latents"]) == [
        "dimensions", "active_units", "active_threshold", "active_ddof", "collapsed_dimensions",
        "collapsed_threshold", "effective_dimensions",
    ]  # fmt: skip
    assert {k: alone[k] for k in record["latents"]} == record["latents"]
    assert alone["kl"] == pytest.approx(record["kl"], rel=1e-13)  # float64 both
    table = " ".join(ssimtool("loss", *_paths(folder)).out.split())
    markdown = ssimtool("loss", *_paths(folder), "-f", "markdown").out
    for line in (
        "active units 16 of 16: Var(mu) > 0.01",
        "collapsed 1 of 16: KL < 0.01 nat",
        "effective 9.622 of 16: exp of the entropy of KL shares",
    ):
        assert line in table
        assert f"- {line}\n" in markdown
    (row,) = csv.DictReader(io.StringIO(ssimtool("loss", *_paths(folder), "-f", "csv").out))
    assert row["latents.active_units"] == "16"
    record = ssimtool("loss", *_paths(folder)[:2], "--beta", 0, "-f", "json").record
    assert record["latents"] is None


TOLD = {
    "sum-mean": ("sum over latent dimensions", "mean over batch", ""),
    "mean": ("mean over latent dimensions", "mean over batch", ""),
    "sum": ("sum over latent dimensions", "sum over batch", ", times the samples"),
}


@pytest.mark.parametrize("reduction", list(TOLD))
@pytest.mark.parametrize("free_bits", [0, 0.3])
def test_reductions_and_free_bits_as_in_training(ssimtool, samples, tmp_path, reduction, free_bits):
    import torch

    paths = _paths(samples / "vae")
    options = ("--free-bits", free_bits, "--kl-reduction", reduction, "--beta", 0.01)
    each = tmp_path / "each.csv"
    done = ssimtool("loss", *paths, *options, "--per-sample", each, "-f", "json")
    record = done.record
    # the module on the same numbers, in float64
    tensors = [torch.from_numpy(np.load(path)).double() for path in paths]
    module = library.MSE_SSIM_KL_Loss(1, 0.01, free_bits=free_bits, kl_reduction=reduction)
    loss, *_, kl = module(*tensors)
    assert record["kl"] == pytest.approx(kl.item(), rel=1e-12)
    assert record["loss"] == pytest.approx(loss.item(), rel=1e-12)
    assert record["contributions"]["kl"] == 0.01 * record["kl"]
    # and NumPy
    mu, logvar = (np.load(path).astype(np.float64) for path in paths[2:])
    terms = -0.5 * (1 + logvar - mu**2 - np.exp(logvar))
    total = np.maximum(terms.mean(axis=0), free_bits).sum()
    factor = {"sum-mean": 1, "mean": 1 / 16, "sum": 96}[reduction]
    assert record["kl"] == pytest.approx(factor * total, rel=1e-12)
    dimensions, batch, times = TOLD[reduction]
    told = f"{dimensions} of max(0.3, mean over batch){times}"
    assert record["kl_reduction"] == (told if free_bits else f"{dimensions}, {batch}")
    assert record["free_bits"] == (free_bits or None)
    # what each sample has is without free bits
    scores = [float(row["kl"]) for row in csv.DictReader(each.open())]
    own = terms.mean(axis=1) if reduction == "mean" else terms.sum(axis=1)
    assert scores == pytest.approx(list(own), rel=1e-9)
    assert record["steps"] == (["kl of each sample: without free bits"] if free_bits else [])
    assert ssimtool("loss", *paths, *options, "-f", "json").record["steps"] == []
    if not free_bits:
        whole = sum(scores) if reduction == "sum" else np.mean(scores)
        assert record["kl"] == pytest.approx(whole, rel=1e-12)
    told = " ".join(ssimtool("loss", *paths, *options).out.split())
    assert f"KL: {record['kl_reduction']}" in told


def test_an_error_states_the_reduction(ssimtool, tmp_path):
    options = ("--free-bits", 0.5, "--kl-reduction", "mean", "-f", "json")
    record = ssimtool("loss", *_paths(tmp_path), *options).record
    assert record["kl_reduction"] == "mean over latent dimensions of max(0.5, mean over batch)"
    assert record["free_bits"] == 0.5
    assert ssimtool("loss", *_paths(tmp_path), "--free-bits", -1).code == 2
    assert ssimtool("loss", *_paths(tmp_path), "--kl-reduction", "max").code == 2


def test_weights_of_zero(ssimtool, design):
    folder, _ = design
    record = ssimtool("loss", *_paths(folder)[:2], "--beta", 0, "-f", "json").record
    assert (record["kl"], record["mu"], record["contributions"]["kl"]) == (None, None, 0)
    record = ssimtool("loss", *_paths(folder), "--alpha", 0, "-f", "json").record
    assert record["ssim"] is record["ssim_loss"] is None
    assert record["loss"] == record["mse"] + record["kl"]
    table = ssimtool("loss", *_paths(folder)[:2], "--beta", 0).out
    assert "not computed" in table
    assert ssimtool("loss", *_paths(folder)[:2], "--alpha", 0, "--beta", 0).code == 0


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_per_sample(ssimtool, design, tmp_path, suffix):
    folder, arrays = design
    path = tmp_path / f"each.{suffix}"
    assert ssimtool("loss", *_paths(folder), "--per-sample", path).code == 0
    if suffix == "csv":
        rows = list(csv.DictReader(path.open()))
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [int(r["index"]) for r in rows] == [0, 1, 2, 3, 4]
    for name, values in _expected(arrays).items():
        assert [float(r[name]) for r in rows] == pytest.approx(list(values), rel=1e-6)
    assert ssimtool("loss", *_paths(folder)[:2], "--beta", 0, "--per-sample", path).code == 0
    first = path.read_text().splitlines()[1 if suffix == "csv" else 0]
    assert first.endswith("," if suffix == "csv" else '"kl": null}')


def test_integers_are_scaled(ssimtool, tmp_path):
    rng = np.random.RandomState(0)
    x, y = rng.randint(0, 256, (2, 3, 1, 20, 20)).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "f.npy", y / 255)
    expected = _expected({"raw": y / 255, "recon": x / 255, "mu": x[:, 0], "logvar": x[:, 0] * 0.0})
    for raw in ("y.npy", "f.npy"):
        done = ssimtool("loss", tmp_path / "x.npy", tmp_path / raw, "--beta", 0, "-f", "json")
        assert done.err == ""
        assert done.record["data_range"] == 1
        assert done.record["mse"] == pytest.approx(expected["mse"].mean(), rel=1e-12)
        assert done.record["ssim_loss"] == pytest.approx(expected["ssim_loss"].mean(), rel=1e-12)
    given = ("--beta", 0, "--data-range", 255, "-f", "json")
    done = ssimtool("loss", tmp_path / "x.npy", tmp_path / "y.npy", *given)
    assert done.record["mse"] == pytest.approx(255**2 * expected["mse"].mean(), rel=1e-12)
    assert done.record["ssim_loss"] == pytest.approx(expected["ssim_loss"].mean(), rel=1e-12)


def _loss(ssimtool, tmp_path, **arrays):
    for key, array in arrays.items():
        np.save(tmp_path / f"{key}.npy", array)
    return ssimtool("loss", *_paths(tmp_path), "-f", "json")


def _arrays(rng=None):
    rng = np.random.RandomState(0)
    image = rng.rand(4, 1, 16, 16).astype(np.float32)
    mu, logvar = rng.randn(2, 4, 8).astype(np.float32)
    return {"recon": image, "raw": image, "mu": mu, "logvar": logvar}


@pytest.mark.parametrize(
    ("key", "change", "warning"),
    [
        ("raw", lambda a: a * 255, "beyond [0, 1]"),
        ("raw", lambda a: a * 255, "scaled differently"),
        ("recon", lambda a: 2 * a - 1, "scaled differently"),
        ("logvar", np.exp, "looks like a variance"),
        ("logvar", lambda a: a + 100, "overflows float32"),
        ("logvar", lambda a: a * 0, "is 0 throughout"),
    ],
)
def test_warnings(ssimtool, tmp_path, key, change, warning):
    arrays = _arrays()
    assert _loss(ssimtool, tmp_path, **arrays).err == ""
    done = _loss(ssimtool, tmp_path, **{**arrays, key: change(arrays[key])})
    assert done.code == 0
    assert warning in done.err
    assert any(warning in w for w in done.record["warnings"])
    assert all(line.startswith("warning: ") for line in done.err.splitlines())


def test_channels_that_come_last_are_warned_of(ssimtool, tmp_path):
    array = np.random.RandomState(0).rand(2, 20, 21, 3)
    np.save(tmp_path / "x.npy", array)
    command = ("loss", tmp_path / "x.npy", tmp_path / "x.npy", "--beta", 0)
    assert "looks like channels" in ssimtool(*command).err
    assert ssimtool(*command, "--layout", "nhwc").err == ""


def test_what_is_not_finite_is_named(ssimtool, tmp_path):
    arrays = _arrays()
    done = _loss(ssimtool, tmp_path, **{**arrays, "mu": arrays["mu"].astype(float) * 1e200})
    assert (done.code, done.record["error"]["code"]) == (3, "non_finite")
    assert "the kl of these arrays" in done.err
    done = _loss(ssimtool, tmp_path, **{**arrays, "raw": arrays["raw"].astype(float) * 1e200})
    assert "the mse of these arrays" in done.err


def test_a_loss_that_overflows(ssimtool, tmp_path):
    arrays = _arrays()
    done = _loss(ssimtool, tmp_path, **{**arrays, "logvar": arrays["logvar"] + 800})
    assert (done.code, done.record["error"]["code"]) == (3, "non_finite")


def test_nan_is_named(ssimtool, tmp_path):
    for key in ("recon", "raw", "mu", "logvar"):
        arrays = _arrays()
        arrays[key] = arrays[key].copy()
        arrays[key].flat[3] = np.nan
        done = _loss(ssimtool, tmp_path, **arrays)
        assert (done.code, done.record["error"]["code"]) == (3, "non_finite")
        assert f"{key}.npy" in done.err


def test_definition_and_layout(ssimtool, tmp_path):
    rng = np.random.RandomState(0)
    x, y = rng.rand(2, 3, 2, 18, 19)
    np.save(tmp_path / "x.npy", x.transpose(0, 2, 3, 1))
    np.save(tmp_path / "y.npy", y.transpose(0, 2, 3, 1))
    common = ("loss", tmp_path / "x.npy", tmp_path / "y.npy", "--beta", 0, "--layout", "nhwc")
    done = ssimtool(*common, "--definition", "wang2004", "-f", "json")
    expected = np.mean([plain.ssim_map(y[n, c], x[n, c], 1) for n in range(3) for c in range(2)])
    assert done.record["ssim"] == pytest.approx(expected, abs=1e-12)
    assert done.record["steps"] == ["recon, raw: channels last to first"]
    done = ssimtool(*common, "--definition", "wang2004", "--window-size", 21, "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "too_small")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail-over", "loss=1"], 0),
        (["--fail-over", "loss=0.01"], 1),
        (["--fail-under", "0.99"], 1),
        (["--fail-over", "kl=0.5"], 0),
        (["--fail-under", "active_units=257"], 1),
        (["--fail-over", "collapsed_dimensions=256"], 0),
        (["--fail-under", "effective_dimensions=257"], 1),
    ],
)
def test_thresholds(ssimtool, design, arguments, code):
    done = ssimtool("loss", *_paths(design[0]), *arguments, "-f", "json")
    assert done.code == code
    assert done.record["status"] == ("fail" if code else "ok")


def test_thresholds_on_the_latent_space_name_the_number(ssimtool, tmp_path):
    rng = np.random.RandomState(7)
    mu = np.concatenate([rng.randn(50, 3), np.zeros((50, 2))], axis=1)
    images, paths = rng.rand(50, 1, 16, 16), [tmp_path / f"{name}.npy" for name in "xyml"]
    for path, array in zip(paths, (images, images, mu, np.zeros((50, 5))), strict=True):
        np.save(path, array)
    done = ssimtool("loss", *paths, "--fail-under", "active_units=4")
    assert done.code == 1
    assert done.err.endswith("active_units 3 < 4\n")
    assert "FAIL  active_units 3 < 4" in done.out
    one = [tmp_path / f"one_{path.name}" for path in paths]
    for path, array in zip(one, (images[:1], images[:1], mu[:1], mu[:1]), strict=True):
        np.save(path, array)
    done = ssimtool("loss", *one, "--fail-under", "active_units=4")
    assert done.code == 1
    assert "active_units has no value, expected >= 4" in done.err
    done = ssimtool("loss", *paths[:2], "--beta", 0, "--fail-under", "active_units=4")
    assert done.code == 2
    assert "active_units is not computed without MU and LOGVAR" in done.err


@pytest.mark.parametrize("definition", ["cvae", "wang2004"])
@pytest.mark.parametrize("height", [44, 45, 100, 143])
def test_bands_of_a_large_image_are_the_whole(ssimtool, tmp_path, monkeypatch, definition, height):
    x, y = np.random.RandomState(height).rand(2, 2, height, 30)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    command = ("loss", tmp_path / "x.npy", tmp_path / "y.npy", "--beta", 0, "-f", "json")
    whole = ssimtool(*command, "--definition", definition).record
    monkeypatch.setattr("ssimtool.vae.loss.CHUNK", 1)  # bands of 44 rows, four windows high
    banded = ssimtool(*command, "--definition", definition).record
    for name in ("mse", "ssim_loss"):
        assert banded[name] == pytest.approx(whole[name], rel=1e-12)
    pad = "constant" if definition == "cvae" else None
    maps = [plain.ssim_map(y[n], x[n], 1, pad=pad).mean() for n in range(2)]
    assert banded["ssim"] == pytest.approx(np.mean(maps), abs=1e-12)


def test_other_byte_orders(ssimtool, design, tmp_path):
    folder, arrays = design
    for key, array in arrays.items():
        np.save(tmp_path / f"{key}.npy", np.asfortranarray(array).astype(">f4"))
    there = ssimtool("loss", *_paths(tmp_path), "-f", "json").record
    here = ssimtool("loss", *_paths(folder), "-f", "json").record
    assert there["loss"] == pytest.approx(here["loss"], rel=1e-14)


MEMORY = """
import resource, sys
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from ssimtool.cli.app import run
code = run(sys.argv[1:])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(code, (after - before) // 1024, file=sys.stderr)
"""


@linux
@pytest.mark.parametrize("shape", [(3200, 1, 128, 128), (5120, 10240)], ids=str)
def test_memory_does_not_grow_with_the_arrays(tmp_path, shape):
    """400 MB of arrays through less than 300 MB above `import torch`, mapped pages counted.

    The bound of 600 MB for 4 GB, scaled to what a test may write: held at once, the two arrays
    alone would take 400 MB. The second shape is one single image.
    """
    for key in ("recon", "raw"):  # 200 MB each
        array = np.lib.format.open_memmap(tmp_path / f"{key}.npy", "w+", np.float32, shape)
        array[::500] = 0.5  # the rest is sparse on disk
        del array
    command = [sys.executable, "-c", MEMORY, "loss", "--beta", "0", "-f", "json"]
    paths = [str(tmp_path / f"{key}.npy") for key in ("recon", "raw")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        [*command, *paths], capture_output=True, text=True, check=True, env=environment
    )
    code, megabytes = map(int, done.stderr.split())
    assert code == 0
    assert json.loads(done.stdout)["loss"] == 0
    assert megabytes < 300


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.uint16, np.int16])
def test_the_fused_kernels_give_the_same_record(ssimtool, tmp_path, kind):
    rng = np.random.default_rng(0)
    whole = 1 if np.dtype(kind).kind == "f" else 200
    for name in ("recon", "raw"):
        np.save(tmp_path / f"{name}.npy", (whole * rng.random((4, 3, 20, 30))).astype(kind))
    paths = (tmp_path / "recon.npy", tmp_path / "raw.npy")
    records = [
        ssimtool("loss", *paths, "--beta", 0, "--backend", backend, "-f", "json").record
        for backend in ("fused", "torch", "auto")
    ]
    assert [record["backend"] for record in records] == ["fused", "torch", "torch"]
    for name in ("loss", "mse", "ssim_loss"):
        # float64 all
        assert records[0][name] == pytest.approx(records[1][name], rel=1e-11)


def test_large_arrays_take_the_fused_kernels(ssimtool, design, monkeypatch):
    from ssimtool import devices

    folder, _ = design
    plain = ssimtool("loss", *_paths(folder), "-f", "json").record
    monkeypatch.setattr(devices, "FUSED_ONCE_FROM", 1)
    fused = ssimtool("loss", *_paths(folder), "-f", "json").record
    assert (plain["backend"], fused["backend"]) == ("torch", "fused")
    assert fused["loss"] == pytest.approx(plain["loss"], rel=1e-11)  # float64 both
