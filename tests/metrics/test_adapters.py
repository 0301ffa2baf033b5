"""Metrics of piq and scikit-image: what the libraries give when they are called directly."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import sewar
import torch
from PIL import Image
from plugin_packages import installed
from skimage.color import deltaE_ciede2000, rgb2lab

from ssimtool.catalog import Metric
from ssimtool.metrics.adapters import rows
from ssimtool.metrics.adapters.loading import piq_module
from ssimtool.plugins import find_metric
from ssimtool.scoring.numbers import function_of

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
needs_piq = pytest.mark.skipif(find_spec("piq") is None, reason="pip install --no-deps piq")
ALL = {row.name: row for row in (*rows.PIQ, *rows.SKIMAGE)}
EVERY = [pytest.param(row, id=n, marks=needs_piq) for n, row in ALL.items()]
# The module of piq and its function, typed again.
OF_PIQ = {
    "gmsd": ("gmsd", "gmsd"), "ms_gmsd": ("gmsd", "multi_scale_gmsd"),
    "haarpsi": ("haarpsi", "haarpsi"), "mdsi": ("mdsi", "mdsi"), "vsi": ("vsi", "vsi"),
    "fsim": ("fsim", "fsim"), "vifp": ("vif", "vif_p"),
}  # fmt: skip
NEEDS_COLOUR = {"mdsi", "vsi", "fsim"}


def _images(channels: int = 3, shape: tuple[int, int] = (60, 71)) -> tuple[torch.Tensor, ...]:
    """Two different pairs, smooth enough to be like pictures, 0 to 255."""
    rng = torch.Generator().manual_seed(7)
    small = torch.rand(2, channels, 12, 14, generator=rng, dtype=torch.float64)
    x = torch.nn.functional.interpolate(small, size=shape, mode="bilinear") * 235 + 10
    noise = torch.randn(x.shape, generator=rng, dtype=torch.float64)
    return x, (x + 12 * noise).clamp(0, 255)


@needs_piq
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OF_PIQ)
def test_piq(name, dtype, channels):
    """In piq's own order, the distorted image first; grey is repeated where colour is needed."""
    x, y = (image.to(dtype) for image in _images(channels))
    module, function = OF_PIQ[name]
    a, b = (t.repeat(1, 3, 1, 1) if name in NEEDS_COLOUR and channels == 1 else t for t in (x, y))
    theirs = getattr(piq_module(module), function)(b, a, data_range=255, reduction="none")
    ours = function_of(ALL[name])(x, y, data_range=255.0)
    assert (ours.shape, ours.dtype) == ((2,), dtype)
    # scaled by x / 255 and then by 255 there: some roundings of each sample
    assert ours.tolist() == pytest.approx(
        theirs.tolist(), rel=1e-4 if dtype == torch.float32 else 1e-12
    )
    assert ours[0] != ours[1]


@needs_piq
def test_which_image_is_the_reference():
    """Of VIF, beside a second library that takes the reference first."""
    x, y = _images(1)
    ours = function_of(ALL["vifp"])(x, y, data_range=255.0)
    theirs = [sewar.vifp(a[0].numpy(), b[0].numpy()) for a, b in zip(x, y, strict=True)]
    # the small numbers that keep divisors from 0 are 1e-8 there and 1e-10 here
    assert ours.tolist() == pytest.approx(theirs, rel=1e-6)
    assert function_of(ALL["vifp"])(y, x, data_range=255.0).tolist() != pytest.approx(
        theirs, rel=1e-3
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_ciede2000(channels):
    x, y = _images(channels)
    ours = function_of(ALL["ciede2000"])(x, y, data_range=255.0)
    for number, (a, b) in enumerate(zip(x, y, strict=True)):
        pictures = (np.broadcast_to(t.permute(1, 2, 0).numpy() / 255, (60, 71, 3)) for t in (a, b))
        theirs = deltaE_ciede2000(*map(rgb2lab, pictures)).mean()
        assert ours[number].item() == pytest.approx(theirs, rel=1e-12)


def test_ciede2000_of_known_colours():
    """Black and white are 100 apart, by the definition of L* and S_L = 1 at their mean of 50."""
    black = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    found = function_of(ALL["ciede2000"])(black, black + 1, data_range=1.0)
    assert found.item() == pytest.approx(100, abs=1e-3)  # sRGB's white is rounded to 4 digits


@pytest.mark.parametrize("row", EVERY)
def test_a_row_says_what_its_function_does(row):
    x, y = _images()
    metric = function_of(row)
    found, swapped = (metric(a, b, data_range=255.0) for a, b in ((x, y), (y, x)))
    same = metric(x, x, data_range=255.0)
    assert torch.allclose(found, swapped, rtol=1e-9) == row.symmetric
    ideal = 1 if row.better == "higher" else 0
    assert same.tolist() == pytest.approx([ideal, ideal], abs=2e-9)  # VIF: its 1e-8
    assert (found < same).all() if row.better == "higher" else (found > same).all()
    assert (found >= row.lowest).all()
    assert row.highest is None or (found <= row.highest).all()
    assert row.takes == ("data_range",)
    assert list(inspect.signature(metric).parameters) == ["x", "y", "data_range"]
    assert "doi:10." in row.source


@pytest.mark.parametrize("row", EVERY)
def test_the_smallest_image(row):
    """As the row says, and not one pixel less."""
    metric, side = function_of(row), row.smallest_side
    x, y = _images(shape=(side, side + 3))
    assert metric(x, y, data_range=255.0).isfinite().all()
    if side > 1:
        x, y = _images(shape=(side - 1, side + 3))
        try:
            assert not metric(x, y, data_range=255.0).isfinite().all()
        except ValueError as error:
            assert "size" in str(error)  # noqa: PT017  # either way is a refusal


@pytest.mark.parametrize("row", EVERY)
def test_samples_outside_the_range_are_clamped(row):
    x, y = _images()
    metric = function_of(row)
    beyond = metric(x, torch.where(y > 200, 300.0, y), data_range=255.0)
    assert beyond.tolist() == metric(x, torch.where(y > 200, 255.0, y), data_range=255.0).tolist()


@pytest.mark.parametrize("row", EVERY)
def test_other_channels_are_refused(row):
    x, y = _images(4)
    with pytest.raises(ValueError, match="4 channels, expected 1"):
        function_of(row)(x, y, data_range=255.0)


WITHOUT_TORCHVISION = """
import sys
sys.modules["torchvision"] = None  # as if it were not installed: importing it raises ImportError
import torch
from ssimtool.metrics.adapters.piq import gmsd
x = torch.linspace(0, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
print(gmsd(x, x, data_range=1.0).item(), "piq" in sys.modules)
try:
    import piq
except ImportError as error:
    print("torchvision" in str(error))
"""


@needs_piq
def test_it_runs_without_torchvision():
    """And leaves `import piq` to whoever wants it: it fails as it does without us."""
    command = [sys.executable, "-c", WITHOUT_TORCHVISION]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0.0", "False", "True"]


POINTS = PROJECT["entry-points"]["ssimtool.metrics"]


@pytest.fixture
def adapters(tmp_path):
    """Our own entry points as pip installs them, whatever is installed here."""
    with installed(tmp_path / "site", "ssimtool", POINTS):
        yield


@needs_piq
def test_the_command_line(ssimtool, adapters, tmp_path):
    x, y = (t[0].permute(1, 2, 0).round().to(torch.uint8).numpy() for t in _images())
    for name, samples in (("a", x), ("b", y)):
        Image.fromarray(samples).save(tmp_path / f"{name}.png")
    options = [option for name in ALL for option in ("-m", name)]
    pair = (tmp_path / "a.png", tmp_path / "b.png")
    record = ssimtool("compare", *pair, *options, "-f", "json").record
    assert list(record["metrics"]) == list(ALL)
    tensors = (torch.from_numpy(t).permute(2, 0, 1)[None].double() for t in (x, y))
    theirs = function_of(ALL["mdsi"])(*tensors, data_range=255.0).item()
    assert record["metrics"]["mdsi"] == pytest.approx(theirs, rel=1e-12)
    listed = ssimtool("list", "metrics", "-f", "value").out.split()
    assert set(ALL) <= set(listed)


def test_a_library_that_is_absent(ssimtool, adapters, monkeypatch):
    monkeypatch.setattr("ssimtool.plugins.find_spec", lambda name: None)
    done = ssimtool("compare", "a.png", "b.png", "-m", "gmsd")
    assert done.code == 2
    assert 'gmsd needs piq: pip install "ssimtool[metrics]"' in done.err
    assert "pip install --no-deps piq" in done.err
    assert not set(ALL) & set(ssimtool("list", "metrics", "-f", "value").out.split())


@pytest.mark.skipif(find_spec("piq") is None, reason="the row is not offered without piq")
def test_an_error_names_who_brings_it(ssimtool, adapters, tmp_path):
    Image.fromarray(np.zeros((20, 20), np.uint8)).save(tmp_path / "black.png")
    pair = [tmp_path / "black.png"] * 2
    error = ssimtool("compare", *pair, "-m", "haarpsi", "-f", "json").record["error"]
    assert error["code"] == "plugin"
    assert "the metric haarpsi of plug-in ssimtool (piq) returned inf" in error["message"]
    error = ssimtool("compare", *pair, "-m", "vifp", "-f", "json").record["error"]
    assert error["code"] == "too_small"
    assert "20x20 pixels, expected at least 41x41 for vifp" in error["message"]


def test_the_extra_has_what_the_rows_need():
    extra = " ".join(PROJECT["optional-dependencies"]["metrics"]).replace("scikit-image", "skimage")
    for row in ALL.values():
        assert all(package in extra for package in row.packages)
        assert '"ssimtool[metrics]"' in row.install
    assert {f.name for f in fields(Metric)} >= {"packages", "install", "distribution"}


def test_every_row_has_an_entry_point(adapters):
    if find_spec("piq") is not None:
        assert {find_metric(name).distribution for name in ALL} == {"ssimtool"}
