"""`ssimtool latents` against NumPy formulas, in every format, and what it says of mistakes."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from ssimtool.metrics import moments
from ssimtool.readers.arrays import latents as reader


def _saved(folder, mu, logvar):
    np.save(folder / "mu.npy", mu)
    np.save(folder / "logvar.npy", logvar)
    return folder / "mu.npy", folder / "logvar.npy"


@pytest.fixture
def trained(samples):
    """The posterior of the sample, trained with a small beta: one dimension of 16 is collapsed."""
    return samples / "vae" / "mu.npy", samples / "vae" / "logvar.npy"


@pytest.fixture
def collapsed(tmp_path):
    """The posterior of a model whose KL has vanished but in 3 of 8 dimensions, (500, 2, 4)."""
    rng = np.random.RandomState(0)
    mu = 0.02 * rng.randn(500, 2, 4)
    logvar = 0.02 * rng.randn(500, 2, 4)
    mu[:, 0, :3] = rng.randn(500, 3) * (1.5, 1.0, 0.8)
    logvar[:, 0, :3] = -3 + 0.2 * rng.randn(500, 3)
    return _saved(tmp_path, mu.astype(np.float32), logvar.astype(np.float32))


def _expected(paths, *, threshold=0.01, ddof=1, limit=0.01, free_bits=None):
    """The formulas of the definitions, over the whole at once in float64."""
    mu, logvar = (np.load(p).astype(np.float64) for p in paths)
    mu, logvar = mu.reshape(len(mu), -1), logvar.reshape(len(logvar), -1)
    kl = (-0.5 * (1 + logvar - mu**2 - np.exp(logvar))).mean(axis=0)
    shares = kl / kl.sum()
    variance = mu.var(axis=0, ddof=ddof)
    correlation = np.corrcoef(mu, rowvar=False)
    return {
        "samples": len(mu),
        "dimensions": mu.shape[1],
        "kl": kl.sum(),
        "kl_per_dimension": kl,
        "active_units": int((variance > threshold).sum()),
        "collapsed_dimensions": int((kl < limit).sum()),
        "effective_dimensions": np.exp(-(shares * np.log(shares)).sum()),
        "total_correlation": -0.5 * np.linalg.slogdet(correlation)[1],
        "aggregate": {
            "mean": mu.mean(axis=0),
            "variance": variance + np.exp(logvar).mean(axis=0),
            "mu_variance": variance,
            "posterior_variance": np.exp(logvar).mean(axis=0),
        },
        "logvar_values": {
            "min": logvar.min(),
            "max": logvar.max(),
            "mean": logvar.mean(),
            "min_per_dimension": logvar.min(axis=0),
            "max_per_dimension": logvar.max(axis=0),
        },
        "free_bits": {"kl": np.maximum(kl, free_bits).sum()} if free_bits else {},
    }


def _agrees(record, expected):
    for name, value in expected.items():
        if isinstance(value, dict):
            _agrees(record[name] or {}, value)
        else:
            # float64 sums, in another order
            assert record[name] == pytest.approx(value, rel=1e-11, abs=1e-13), name


@pytest.mark.parametrize("which", ["trained", "collapsed"])
def test_equals_numpy(ssimtool, request, which):
    paths = request.getfixturevalue(which)
    done = ssimtool("latents", *paths, "-f", "json")
    assert (done.code, done.err) == (0, "")
    record = done.record
    _agrees(record, _expected(paths))
    assert record["kl"] == pytest.approx(math.fsum(record["kl_per_dimension"]), rel=1e-15)
    if which == "collapsed":
        found = (record["dimensions"], record["active_units"], record["collapsed_dimensions"])
        assert found == (8, 3, 5)
        assert 2 < record["effective_dimensions"] < 3.1
        assert record["shape"] == [500, 2, 4]


def test_fields_of_the_record(ssimtool, trained):
    record = ssimtool("latents", *trained, "--free-bits", 0.5, "-f", "json").record
    assert list(record) == [
        "schema", "status", "mu", "logvar", "samples", "shape", "dimensions", "unit", "kl",
        "kl_reduction", "kl_per_dimension", "free_bits", "active_units", "active_threshold",
        "active_ddof", "collapsed_dimensions", "collapsed_threshold", "effective_dimensions",
        "aggregate", "total_correlation", "total_correlation_dimensions", "constant_dimensions",
        "logvar_values", "thresholds", "version", "warnings", "error",
    ]  # fmt: skip
    assert record["schema"] == "ssimtool.latents/1"
    assert (record["unit"], record["active_threshold"], record["active_ddof"]) == ("nats", 0.01, 1)
    assert record["collapsed_threshold"] == 0.01
    assert record["aggregate"]["ddof"] == 1
    assert record["kl_reduction"] == "sum over latent dimensions, mean over batch"
    assert (record["samples"], record["shape"]) == (96, [96, 16])
    assert (record["mu"], record["logvar"]) == tuple(map(str, trained))


def test_options_change_what_they_say(ssimtool, trained):
    options = {"threshold": 0.5, "ddof": 0, "limit": 0.04, "free_bits": 0.5}
    given = ("--active-threshold", 0.5, "--ddof", 0, "--collapsed-threshold", 0.04)
    record = ssimtool("latents", *trained, *given, "--free-bits", 0.5, "-f", "json").record
    expected = _expected(trained, **options)
    _agrees(record, expected)
    # these differ from those of the defaults
    assert (record["active_units"], record["collapsed_dimensions"]) == (10, 3)
    assert record["free_bits"]["dimensions"] == sum(expected["kl_per_dimension"] < 0.5) == 6
    told = "sum over latent dimensions of max(0.5, mean over batch)"
    assert record["free_bits"]["reduction"] == told
    stated = [record[k] for k in ("active_threshold", "active_ddof", "collapsed_threshold")]
    assert stated == [0.5, 0, 0.04]


def test_bits(ssimtool, trained):
    nats = ssimtool("latents", *trained, "-f", "json").record
    bits = ssimtool("latents", *trained, "--unit", "bits", "-f", "json").record
    assert bits["unit"] == "bits"
    for name in ("kl", "kl_per_dimension", "total_correlation", "collapsed_threshold"):
        scaled = np.asarray(nats[name]) / math.log(2)
        assert bits[name] == pytest.approx(scaled.tolist(), rel=1e-14)
    # what is no KL stays, and the default threshold is the same KL
    for name in ("aggregate", "effective_dimensions", "active_units", "collapsed_dimensions"):
        assert bits[name] == nats[name]
    # what is given is in bits: the least KL is 0.00717 nats, 0.01034 bits
    for unit, count in (("bits", 0), ("nats", 1)):
        given = ("--unit", unit, "--collapsed-threshold", 0.01, "-f", "json")
        assert ssimtool("latents", *trained, *given).record["collapsed_dimensions"] == count
    free = ssimtool("latents", *trained, "--unit", "bits", "--free-bits", 0.5, "-f", "json").record
    kl = np.asarray(nats["kl_per_dimension"]) / math.log(2)
    assert free["free_bits"]["kl"] == pytest.approx(np.maximum(kl, 0.5).sum(), rel=1e-13)
    assert ssimtool("latents", *trained, "--unit", "bits", "--fail-over", "kl=33").code == 1
    assert ssimtool("latents", *trained, "--unit", "nats", "--fail-over", "kl=33").code == 0
    assert "bit" in ssimtool("latents", *trained, "--unit", "bits").out


def test_chunks_are_the_whole(ssimtool, collapsed, monkeypatch):
    whole = ssimtool("latents", *collapsed, "-f", "json").record
    monkeypatch.setattr(reader, "CHUNK", 8 * 7)  # 7 samples; the last chunk has 3
    monkeypatch.setattr(moments, "BLOCK", 8 * 2)
    chunked = ssimtool("latents", *collapsed, "-f", "json").record
    _agrees(chunked, _expected(collapsed))
    for name in ("kl", "kl_per_dimension", "effective_dimensions", "total_correlation"):
        assert chunked[name] == pytest.approx(whole[name], rel=1e-12)


def test_other_arrays_of_the_same_numbers(ssimtool, collapsed, tmp_path):
    mu, logvar = map(np.load, collapsed)
    expected = ssimtool("latents", *collapsed, "-f", "json").record
    np.savez(tmp_path / "dump.npz", mu=mu, logvar=logvar, other=np.zeros(3))
    np.savez_compressed(tmp_path / "small.npz", mu=mu, logvar=logvar)
    (tmp_path / "o").mkdir()
    other = _saved(tmp_path / "o", np.asfortranarray(mu).astype(">f8"), logvar.astype("<f8"))
    for paths in ((tmp_path / "dump.npz",), (tmp_path / "small.npz",), other):
        record = ssimtool("latents", *paths, "-f", "json").record
        assert record["kl_per_dimension"] == pytest.approx(expected["kl_per_dimension"], rel=1e-14)
        assert record["mu"] == str(paths[0])
    # the samples keep their order, the dimensions too
    flat = _saved(tmp_path / "o", mu.reshape(500, 8), logvar.reshape(500, 8))
    found = ssimtool("latents", *flat, "-f", "json").record["aggregate"]
    assert found == expected["aggregate"]
    halves = _saved(tmp_path / "o", mu.astype(np.float16), logvar.astype(np.float16))
    done = ssimtool("latents", *halves, "-f", "json")
    assert done.err == ""
    assert done.record["kl"] == pytest.approx(expected["kl"], rel=1e-3)  # float16 has 11 bits


def test_formats(ssimtool, trained, tmp_path):
    record = ssimtool("latents", *trained, "-f", "json").record
    assert ssimtool("latents", *trained, "-f", "ndjson").record == record
    values = ssimtool("latents", *trained, "-f", "value").out.splitlines()
    names = ("kl", "active_units", "collapsed_dimensions", "effective_dimensions")
    assert values == [repr(record[name]) for name in names]
    rows = list(csv.DictReader(io.StringIO(ssimtool("latents", *trained, "-f", "csv").out)))
    assert [int(row["dimension"]) for row in rows] == list(range(16))
    for column, found in (
        ("kl", record["kl_per_dimension"]),
        ("mu_mean", record["aggregate"]["mean"]),
        ("mu_variance", record["aggregate"]["mu_variance"]),
        ("posterior_variance", record["aggregate"]["posterior_variance"]),
        ("aggregate_variance", record["aggregate"]["variance"]),
        ("logvar_min", record["logvar_values"]["min_per_dimension"]),
        ("logvar_max", record["logvar_values"]["max_per_dimension"]),
    ):
        assert [float(row[column]) for row in rows] == found
    assert sum(float(row["kl_share"]) for row in rows) == pytest.approx(1)
    assert [row["collapsed"] for row in rows].count("true") == record["collapsed_dimensions"]
    assert [row["active"] for row in rows].count("true") == record["active_units"]
    told = ssimtool("latents", *trained, "-f", "markdown").out
    assert f"| KL | {record['kl']:.6g} | nat | - |" in told
    assert "| 11 | 3.559 | 15.4 % |" in told
    ssimtool("latents", *trained, "-f", "json", "-o", tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == record


def test_the_table(ssimtool, trained, tmp_path):
    out = ssimtool("latents", *trained, "--free-bits", 0.5).out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in out
    assert "…" not in out
    for words in ("KL 23.1624 nat", "Active units 16 of 16 Var(mu) > 0.01, ddof 1",
                  "Collapsed dimensions 1 of 16 KL < 0.01 nat", "Effective dimensions 9.62214",
                  "KL with free bits 25.9022 nat max(0.5, KL) per dimension"):  # fmt: skip
        assert words in " ".join(out.split())
    bars = [line for line in lines if "█" in line]
    assert [line.count("█") for line in bars] == sorted(
        (line.count("█") for line in bars), reverse=True
    )
    assert bars[0].split()[:2] == ["11", "3.559"]
    # of many dimensions the ends are shown, and a sketch of all
    rng = np.random.RandomState(0)
    scale = np.geomspace(2, 0.01, 200)
    paths = _saved(
        tmp_path, scale * rng.randn(300, 200), -np.log1p(5 * scale) + 0 * rng.rand(300, 1)
    )
    lines = ssimtool("latents", *paths).out.splitlines()
    assert max(map(len, lines)) <= 80
    numbers = [int(line.split()[0]) for line in lines if line.lstrip()[:1].isdigit()]
    order = list(np.argsort(-_expected(paths)["kl_per_dimension"]))
    assert numbers == order[:8] + order[-4:]
    assert any(line.strip() == "…" for line in lines)
    (drawn,) = (line for line in lines if line.startswith("KL, sorted "))
    assert drawn.startswith("KL, sorted █")
    assert drawn.endswith("▁")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail-under", "active_units=16"], 0),
        (["--fail-under", "active_units=17"], 1),
        (["--fail-over", "kl=40"], 0),
        (["--fail-over", "kl=20"], 1),
        (["--fail-over", "collapsed_dimensions=0"], 1),
        (["--fail-under", "effective_dimensions=9"], 0),
        (["--fail-over", "total_correlation=3"], 1),
        (["--fail-over", "logvar_max=1", "--fail-under", "logvar_min=-10"], 0),
        (["--free-bits", "0.5", "--fail-over", "free_bits_kl=25"], 1),
        (["--fail-over", "kl=40", "--fail-over", "kl=20"], 1),
    ],
)
def test_thresholds(ssimtool, trained, arguments, code):
    done = ssimtool("latents", *trained, *arguments, "-f", "json")
    assert done.code == code
    assert done.record["status"] == ("fail" if code else "ok")
    assert any(not v["holds"] for v in done.record["thresholds"]) == bool(code)
    table = ssimtool("latents", *trained, *arguments)
    assert table.code == code
    assert ("FAIL  " in table.out) == bool(code)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mu.npy"], "LOGVAR is missing"),
        (["mu.npy", "mu.npy"], "are the same file"),
        (["-", "-"], "can be read only once"),
        (["mu.npy", "logvar.npy", "--fail-under", "16"], "name one of kl, free_bits_kl"),
        (["mu.npy", "logvar.npy", "--fail-over", "ssim=1"], "'ssim' is not one of kl"),
        (["mu.npy", "logvar.npy", "--fail-over", "mean:kl=1"], "names a statistic"),
        (["mu.npy", "logvar.npy", "--fail-over", "free_bits_kl=1"], "without --free-bits"),
        (["mu.npy", "logvar.npy", "--unit", "hartleys"], "nats, bits"),
        (["mu.npy", "logvar.npy", "--free-bits", "-1"], "0 or more"),
        (["mu.npy", "logvar.npy", "--active-threshold", "nan"], "0 or more"),
        (["mu.npy", "logvar.npy", "--ddof", "-1"], "--ddof"),
        (["mu.npy", "logvar.npy", "--plot", "x.pdf"], ".png or .svg"),
    ],
)
def test_wrong_command_lines(ssimtool, arguments, words):
    done = ssimtool("latents", *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def _posterior(n=400, d=12, seed=0):
    """Of a trained model: half of the dimensions carry something, half are near the prior."""
    rng = np.random.RandomState(seed)
    mu, logvar = 0.05 * rng.randn(n, d), 0.05 * rng.randn(n, d)
    half = d // 2
    mu[:, :half] = rng.randn(n, half)
    logvar[:, :half] = -3 + 0.5 * rng.randn(n, half)
    return mu.astype(np.float32), logvar.astype(np.float32)


def _untrained(n=400, d=12):
    """A linear layer before its first step: everything near 0, each dimension with its bias."""
    rng = np.random.RandomState(1)
    inputs = rng.rand(n, 30)
    layers = rng.uniform(-1, 1, (2, 30, d)) / np.sqrt(30)
    biases = rng.uniform(-1, 1, (2, 1, d)) / np.sqrt(30)
    return tuple((inputs @ layers + biases).astype(np.float32))


def _changed(key, change, posterior=_posterior):
    mu, logvar = posterior()
    return (change(mu), logvar) if key == "mu" else (mu, change(logvar))


def _with_first(value):
    def change(array):
        array = array.copy()
        array[:, 0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (_changed("logvar", np.exp), "looks like a variance or a standard deviation"),
        (_changed("logvar", lambda a: np.exp(a / 2)), "looks like a variance"),
        # small means beside it, and a sharp posterior: all variances far below 1
        (
            (0.1 * _posterior()[0], np.random.RandomState(0).uniform(0.05, 0.3, (400, 12))),
            "looks like a variance",
        ),
        ((np.random.RandomState(0).randn(400, 12), np.full((400, 12), 1e-4)), "like a variance"),
        # two dimensions, which may well have one sign
        (tuple(a[:, :2] for a in _changed("logvar", np.exp)), "looks like a variance"),
        (_changed("logvar", np.exp, _untrained), "looks like a variance"),
        (_posterior()[::-1], "mu is expected first, then logvar"),
        (tuple(a[:20] for a in _posterior()[::-1]), "mu is expected first"),
        (tuple(a[:1] for a in _posterior()), "has 1 sample,"),
        (_changed("mu", _with_first(3)), "dimension 0 of 12 is constant"),
        (_changed("mu", lambda a: a * 0), "dimensions 0, 1, 2, 3, 4, 5, 6, 7 and 4 more of 12 are"),
        (_changed("logvar", lambda a: a * 0 - 2), "is -2 throughout"),
        (_changed("logvar", lambda a: a.clip(-3)), "are the least, -3, which looks like a clamp"),
        (_changed("logvar", lambda a: a.clip(None, 0)), "are the greatest, 0, which looks like"),
        (_changed("logvar", lambda a: a + 100), "overflows float32 above 88.72"),
        (tuple(a[:12] for a in _posterior()), "needs more samples than dimensions"),
        (_changed("mu", lambda a: np.c_[a[:, :1], a[:, :-1]]), "is a linear function of others"),
        (tuple(a[:, 0] for a in _posterior()), "taken as 400 samples of one dimension"),
    ],
)
def test_what_looks_like_a_mistake_is_said(ssimtool, tmp_path, arrays, words):
    done = ssimtool("latents", *_saved(tmp_path, *arrays), "-f", "json")
    assert done.code == 0
    (line,) = (line for line in done.err.splitlines() if words in line)
    assert line.startswith("warning: ")
    assert line.removeprefix("warning: ") in done.record["warnings"]
    quiet = ssimtool("latents", *_saved(tmp_path, *arrays), "-q")
    assert (quiet.code, quiet.err) == (0, "")


@pytest.mark.parametrize(
    "arrays",
    [
        _posterior(),
        _untrained(),
        # logvar above 0, of an encoder hardly trained
        (_untrained()[0], 0.1 * np.abs(_untrained()[1])),
        (_untrained()[0][:, :2], np.abs(_untrained()[1])[:, :2]),
        # near the prior, and by chance nearer to it the other way round
        (0.02 * _posterior()[1] - 0.05, 0.1 * np.random.RandomState(0).randn(400, 12) + 0.15),
        # a model whose KL weighs little: wide means, sharp posteriors
        tuple(a * b for a, b in zip(_posterior(), (6.0, 3.0), strict=True)),
        tuple(a[:20] for a in _posterior()),
        # means away from 0
        (_posterior()[0] + 2, _posterior()[1]),
        (_posterior()[0] - 2, _posterior()[1]),
        # float16 rounds many values to one, not to the extremes
        tuple(a.astype(np.float16) for a in _posterior()),
        # two dimensions, as for a picture of the latent space
        tuple(a[:, :2] for a in _posterior()),
        tuple(a[:, -2:] for a in _posterior()),
        # a learned variance for each dimension, the same for all samples
        (_posterior()[0], np.broadcast_to(np.linspace(-4, 0, 12, dtype=np.float32), (400, 12))),
    ],
)
def test_what_is_right_is_not_warned_of(ssimtool, tmp_path, arrays):
    assert ssimtool("latents", *_saved(tmp_path, *arrays), "-f", "value").err == ""


def test_the_trained_sample_both_ways(ssimtool, trained):
    assert ssimtool("latents", *trained).err == ""
    assert "mu is expected first" in ssimtool("latents", *trained[::-1]).err


def test_one_sample_has_a_kl_and_no_variance(ssimtool, tmp_path):
    mu, logvar = (a[:1] for a in _posterior())
    record = ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", "json").record
    assert record["kl"] > 0
    assert record["active_units"] is record["total_correlation"] is None
    assert record["aggregate"]["variance"] == [None] * 12
    assert record["constant_dimensions"] == []
    values = ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", "value").out.splitlines()
    assert values[1] == "nan"
    # where there is no number, a threshold fails
    done = ssimtool("latents", *_saved(tmp_path, mu, logvar), "--fail-under", "active_units=0")
    assert done.code == 1
    assert "FAIL  active_units has no value, expected >= 0" in done.out
    for form in ("csv", "markdown", "table"):
        assert ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", form).code == 0
    done = ssimtool("latents", *_saved(tmp_path, mu, logvar), "--ddof", 0, "-f", "json")
    assert done.record["active_units"] == 0
    done = ssimtool("latents", *_saved(tmp_path, *_posterior()), "--ddof", 400, "-f", "json")
    assert done.record["active_units"] is None
    assert "has 400 samples, but" in done.err


def test_constant_and_dependent_dimensions(ssimtool, tmp_path):
    mu, logvar = _posterior()
    mu[:, 3] = mu[:, 7] = 0.1
    record = ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", "json").record
    assert record["constant_dimensions"] == [3, 7]
    assert record["total_correlation_dimensions"] == 10
    varying = np.delete(mu, [3, 7], axis=1).astype(np.float64)
    expected = -0.5 * np.linalg.slogdet(np.corrcoef(varying, rowvar=False))[1]
    assert record["total_correlation"] == pytest.approx(expected, rel=1e-10)
    assert (
        "Gaussian fit to mu, 10 dimensions"
        in ssimtool("latents", *_saved(tmp_path, mu, logvar)).out
    )
    mu[:, 5] = 2 * mu[:, 0]
    done = ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", "json")
    assert done.record["total_correlation"] is None  # no Infinity in JSON
    done = ssimtool("latents", *_saved(tmp_path, mu, logvar), "--fail-over", "total_correlation=9")
    assert done.code == 1
    assert "FAIL  total_correlation inf > 9" in done.out


def test_a_prior_has_no_dimensions(ssimtool, tmp_path):
    rng = np.random.RandomState(0)
    paths = _saved(tmp_path, np.zeros((50, 4)), np.zeros((50, 4)))
    record = ssimtool("latents", *paths, "-f", "json").record
    assert (record["kl"], record["effective_dimensions"], record["active_units"]) == (0, 0, 0)
    assert (record["collapsed_dimensions"], record["total_correlation"]) == (4, 0)
    for form in ("table", "markdown", "csv", "value"):
        assert ssimtool("latents", *paths, "-f", form).code == 0
    # more dimensions than a correlation is made of
    wide = _saved(tmp_path, rng.randn(3, 5000), rng.randn(3, 5000))
    done = ssimtool("latents", *wide, "-f", "json")
    assert done.record["total_correlation"] is None
    assert "only for up to 4096" in done.err


def test_logvar_is_described(ssimtool, tmp_path):
    mu, logvar = _posterior()
    logvar[:, 0] = -30  # the least of all, and not a clamp: it is so for every sample
    logvar[:10, 1] = 90
    record = ssimtool("latents", *_saved(tmp_path, mu, logvar), "-f", "json").record
    found = record["logvar_values"]
    assert (found["min"], found["max"]) == (-30, 90)
    assert (found["at_min"], found["at_max"], found["clamped"]) == (0, 10, True)
    assert (found["beyond_float32"], found["beyond_float64"]) == (10, 0)
    assert found["constant_dimensions"] == 1
    out = ssimtool("latents", *_saved(tmp_path, mu, logvar)).out
    assert "10 values clamped; 10 values beyond float32" in out


@pytest.mark.parametrize(
    ("mu", "logvar", "code", "words"),
    [
        (np.zeros((3, 2)), np.zeros((3, 4)), "shape_mismatch", "expected one shape"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "shape_mismatch", "none of them 0"),
        (np.zeros(()), np.zeros(()), "shape_mismatch", "expected (N, D)"),
        (np.zeros((3, 2), int), np.zeros((3, 2)), "unsupported", "expected floats"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "non_finite", "mu.npy: holds NaN"),
        (np.zeros((3, 2)), np.full((3, 2), -np.inf), "non_finite", "logvar.npy: holds NaN"),
        (np.zeros((3, 2)), np.full((3, 2), 710.0), "non_finite", "overflow float64, expected"),
        (np.full((3, 2), 1e200), np.zeros((3, 2)), "non_finite", "mu.npy: the kl"),
        (np.array([None, 1]), np.zeros(2), "pickled", "never loaded"),
    ],
)
def test_errors(ssimtool, tmp_path, mu, logvar, code, words):
    paths = _saved(tmp_path, mu, logvar)
    done = ssimtool("latents", *paths, "--unit", "bits", "-f", "json")
    assert done.code == 3
    assert (done.record["status"], done.record["error"]["code"]) == ("error", code)
    assert words in done.record["error"]["message"]
    assert done.err == f"error: {done.record['error']['message']}\n"
    assert done.record["kl"] is None
    (row,) = csv.DictReader(io.StringIO(ssimtool("latents", *paths, "-f", "csv").out))
    assert (row["status"], row["error.code"], row["dimension"]) == ("error", code, "")
    table = ssimtool("latents", *paths)
    assert (table.code, table.out) == (3, "")


def test_errors_of_files(ssimtool, tmp_path):
    done = ssimtool("latents", tmp_path / "a.npy", tmp_path / "b.npy")
    assert done.code == 3
    assert "a.npy" in done.err
    np.savez(tmp_path / "dump.npz", mu=np.zeros((2, 2)))
    done = ssimtool("latents", tmp_path / "dump.npz", "-f", "json")
    assert (done.code, done.record["error"]["code"]) == (3, "not_found")
    assert done.err.endswith("expected mu, logvar; save it as well\n")
    (tmp_path / "dump.npz").write_bytes(b"PK\x03\x04 nothing")
    assert "with the keys mu, logvar;" in ssimtool("latents", tmp_path / "dump.npz").err


MEMORY = """
import json, sys
from pathlib import Path

def highest():  # since this process became what it is: getrusage counts what its parent held
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

import numpy
before = highest()
from ssimtool.cli.app import run
code = run(sys.argv[1:])
print(code, highest() - before, file=sys.stderr)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads what Linux tells")
def test_memory_does_not_grow_with_the_arrays(tmp_path):
    """Two arrays of 128 MB through less than 100 MB above `import numpy`, mapped pages counted.

    The bound of 600 MB for a million samples, scaled to what a test may write: chunks of 8 MB of
    each, and what is summed up of 64 dimensions. Held at once, the two would take 256 MB.
    """
    paths = _saved(tmp_path, np.zeros(1), np.zeros(1))
    for path in paths:
        array = np.lib.format.open_memmap(path, "w+", np.float32, (500_000, 64))
        array[::500] = np.linspace(-1, 1, 64)  # the rest is sparse on disk
        del array
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    command = [sys.executable, "-c", MEMORY, "latents", *map(str, paths), "-f", "json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    code, megabytes = map(int, done.stderr.split())
    assert code == 0
    assert json.loads(done.stdout)["samples"] == 500_000
    assert megabytes < 100
