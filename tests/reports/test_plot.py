"""The picture of a latent space: the same bytes each time, whole or not at all."""

from __future__ import annotations

import os
import re
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssimtool.readers.arrays.latents import open_latents
from ssimtool.settings import LatentSettings
from ssimtool.vae.latents import BINS, evaluate_latents, mu_histogram

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paths(samples):
    return str(samples / "vae" / "mu.npy"), str(samples / "vae" / "logvar.npy")


def _texts(path):
    """The words of an SVG: matplotlib draws them as paths, with the text as a comment."""
    return re.findall(r"<!-- (.*?) -->", path.read_text())


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_same_bytes_and_no_date(ssimtool, process, paths, tmp_path, suffix):
    ones = [tmp_path / f"{name}{suffix}" for name in "ab"]
    assert ssimtool("latents", *paths, "--plot", ones[0], "-f", "value").code == 0
    # another process, with settings and a time of its own
    (tmp_path / "matplotlibrc").write_text("axes.facecolor: black\nfont.size: 30\n")
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "TZ": "Asia/Tokyo"}
    done = process("latents", *paths, "--plot", ones[1], "-f", "value", env=environment)
    assert (done.code, done.err) == (0, "")
    data = ones[0].read_bytes()
    assert ones[1].read_bytes() == data
    assert b"dc:date" not in data
    assert b"ssimtool latents" in data
    if suffix == ".png":
        picture = np.asarray(Image.open(ones[0]).convert("RGB"))
        assert picture.shape == (604, 1440, 3)
        blue = (picture == (0x2F, 0x6D, 0xB3)).all(axis=2)
        assert blue[:, :860].sum() > 50_000  # the bars of the active ones


def test_what_it_says(ssimtool, paths, tmp_path):
    path = tmp_path / "a.svg"
    options = ("--free-bits", 0.5, "--unit", "bits", "--collapsed-threshold", 0.1)
    record = ssimtool("latents", *paths, *options, "--plot", path, "-f", "json").record
    texts = _texts(path)
    assert "KL: 33.416 bit; 16 active, 5 collapsed of 16 dimensions" in texts
    assert record["collapsed_dimensions"] == 5
    for words in ("KL (bit)", "collapsed below 0.1", "free bits 0.5", "active", "collapsed", "mu",
                  "prior N(0, 1)", "density", "dimension, sorted by KL"):  # fmt: skip
        assert words in texts, words
    # the number of each dimension below its bar, the most KL first
    order = np.argsort(-np.array(record["kl_per_dimension"])).tolist()
    below = [t for t in texts if t.isdigit()][:16]
    assert below == [str(d) for d in order]
    ET.parse(path)


def test_many_dimensions_and_what_is_degenerate(ssimtool, tmp_path):
    rng = np.random.RandomState(0)
    cases = {
        "many": (rng.randn(20, 300), rng.randn(20, 300)),
        "prior": (np.zeros((5, 3)), np.zeros((5, 3))),
        "one": (rng.randn(1, 4), rng.randn(1, 4)),
        "far": (100 * rng.randn(50, 4), rng.randn(50, 4)),
    }
    for name, (mu, logvar) in cases.items():
        np.save(tmp_path / "mu.npy", mu)
        np.save(tmp_path / "logvar.npy", logvar)
        pair, path = (tmp_path / "mu.npy", tmp_path / "logvar.npy"), tmp_path / f"{name}.svg"
        done = ssimtool("latents", *pair, "--plot", path, "-q", "-f", "value")
        assert (done.code, done.err) == (0, ""), name
        assert any(t.startswith("KL: ") for t in _texts(path))
        assert (
            ssimtool("latents", *pair, "--plot", path, "-q", "--collapsed-threshold", 0).code == 0
        )
    assert "rank" in _texts(tmp_path / "many.svg")


def test_the_histogram_counts_every_value(paths, tmp_path):
    mu, logvar = map(np.load, paths)
    mu = mu.astype(np.float64)
    mu[0, :3] = 60  # so few that the reach of the histogram leaves them out
    np.savez(tmp_path / "dump.npz", mu=mu, logvar=logvar)
    latents = open_latents((str(tmp_path / "dump.npz"),))
    report = evaluate_latents(latents, ("dump.npz",), LatentSettings())
    bins, beyond = mu_histogram(latents, report)
    assert beyond == 3
    reach = max(4, 6 * np.sqrt((mu.mean(0) ** 2 + mu.var(0, ddof=1)).mean()))
    counts, edges = np.histogram(mu, bins=BINS, range=(-reach, reach))
    assert [b.count for b in bins] == counts.tolist()
    assert [b.low for b in bins] == pytest.approx(edges[:-1].tolist(), rel=1e-12)
    assert sum(b.count for b in bins) + beyond == mu.size


def test_without_matplotlib(ssimtool, paths, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "a.png"
    done = ssimtool("latents", *paths, "--plot", path)
    assert (done.code, done.out) == (2, "")
    assert 'pip install "ssimtool[plot]"' in done.err
    assert len(done.err.splitlines()) == 1
    assert not path.exists()
    assert ssimtool("latents", *paths).code == 0


def test_whole_or_not_at_all(ssimtool, paths, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    done = ssimtool("latents", paths[0], tmp_path / "none.npy", "--plot", path)
    assert done.code == 3
    assert path.read_bytes() == b"before"
    done = ssimtool("latents", *paths, "--plot", path / "a.png")
    assert done.code == 2
    assert f"cannot write {path / 'a.png'}: not a directory" in done.err
    assert ssimtool("latents", *paths, "--plot", path, "-o", path).code == 2
    # a threshold that does not hold is a result, and is drawn
    assert ssimtool("latents", *paths, "--plot", path, "--fail-over", "kl=1").code == 1
    assert path.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png"]


PINNED = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))


@pytest.mark.skipif(
    version("matplotlib") != PINNED["matplotlib"],
    reason="another matplotlib than the pinned one places the parts of a plot elsewhere",
)
def test_the_plot_of_the_readme(ssimtool, paths, samples, tmp_path):
    path = tmp_path / "latents.png"
    ssimtool("latents", *paths, "--plot", path, "-f", "value")
    found = np.asarray(Image.open(path).convert("RGB")).astype(int)
    kept = np.asarray(Image.open(samples / "latents.png").convert("RGB"))
    # another build of the library that draws letters may shift their edges
    assert (np.abs(found - kept) > 64).mean() < 0.02
