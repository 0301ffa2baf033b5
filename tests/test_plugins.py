"""Metrics of other packages: found by entry points, run like ours, blamed by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from plugin_packages import forget, installed

from ssimtool import plugins
from ssimtool.batch.stack import compare_stack
from ssimtool.devices import Execution
from ssimtool.plugins import find_metric, known_metrics, plugin_metrics
from ssimtool.readers.samples import Pair
from ssimtool.scoring.pair import compare
from ssimtool.settings import CompareSettings

ROW = """
from ssimtool.catalog import Metric

def row(name, **changes):
    fields = dict(
        name=name, title=name.title(), function="shade_functions:" + name, unit="-",
        better="higher", lowest=0, highest=1, symmetric=True, formula="f", source="s",
    )
    return Metric(**(fields | changes))
"""
ROWS = f"""{ROW}
ONE = row("shade", takes=("data_range",))
MANY = (
    row("raising"), row("scalar"), row("integers"), row("number"), row("not_a_number"),
    row("leaving"),
    row("writing"), row("dark"), row("absent", function="no_such_module:f"),
    row("needy", packages=("no_such_package",), install="pip install needy-package"),
)
"""
FUNCTIONS = """
import torch

def shade(x, y, *, data_range):
    return 1 - (x.mean(dim=(1, 2, 3)) - y.mean(dim=(1, 2, 3))).abs() / data_range

def raising(x, y): raise RuntimeError("no\\nweights")
def leaving(x, y): raise SystemExit("bye")
def scalar(x, y): return x.mean()
def integers(x, y): return torch.zeros(len(x), dtype=torch.int64)
def number(x, y): return 0.5
def not_a_number(x, y): return x.new_full((len(x),), torch.nan)
def writing(x, y): return x.zero_().mean(dim=(1, 2, 3))

def dark(x, y):
    if (y.amax(dim=(1, 2, 3)) < 100).any():
        raise ValueError("too dark")
    return y.mean(dim=(1, 2, 3)) / 255
"""
MODULES = {"shade_rows": ROWS, "shade_functions": FUNCTIONS}
POINTS = {"shade": "shade_rows:ONE", "others": "shade_rows:MANY"}
RNG = np.random.RandomState(3)
X = RNG.randint(0, 200, (20, 20, 3)).astype(np.uint8)
Y = {"bright": X + 40, "deep": X // 4}

TORCH = Execution(device="cpu", backend="torch")


@pytest.fixture
def shades(tmp_path):
    """A distribution with metrics of every kind."""
    with installed(tmp_path / "site", "shades", POINTS, MODULES):
        yield


@pytest.fixture
def folders(tmp_path):
    """Two pairs: a bright one and a dark one."""
    for name, y in Y.items():
        for folder, samples in (("x", X), ("y", y)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(samples).save(tmp_path / folder / f"{name}.png")
    return tmp_path / "x", tmp_path / "y"


def _bright(folders) -> list:
    return [folder / "bright.png" for folder in folders]


def test_it_runs_like_ours(ssimtool, shades, folders, tmp_path):
    scores, page = tmp_path / "s.ndjson", tmp_path / "r.html"
    one = ssimtool("compare", *_bright(folders), "-m", "shade", "-f", "json").record
    assert one["metrics"]["shade"] == pytest.approx(1 - 40 / 255, rel=1e-12)
    options = ("-m", "shade", "--fail-under", "shade=0.8", "--fail-under", "mean:shade=0.9")
    done = ssimtool("batch", *folders, *options, "-f", "ndjson", "-o", scores)
    assert done.code == 1
    *records, summary = map(json.loads, scores.read_text().splitlines())
    assert [r["status"] for r in records] == ["ok", "fail"]
    assert summary["worst"][0]["distorted"].endswith("deep.png")
    assert [t["holds"] for t in summary["thresholds"]] == [False]
    assert ssimtool("report", scores, "-o", page).code == 0
    assert "Shade of each pair at least 0.8" in page.read_text()


def test_help_and_list_name_it(ssimtool, shades):
    rows = json.loads(ssimtool("list", "metrics", "-f", "json").out)
    listed = {row["name"]: row["plug-in"] for row in rows}
    assert (listed["shade"], listed["ssim"], "needy" in listed) == ("shades", "-", False)
    for command in ("compare", "batch"):
        words = " ".join(ssimtool(command, "--help").out.replace("│", " ").split())
        names = words.partition("Of plug-ins: ")[2].partition(".")[0].split(", ")
        assert names == sorted(names)  # among those that are installed here
        assert {"absent", "dark", "integers", "not_a_number", "shade"} <= set(names)
    forget()
    assert "shade" in known_metrics()


def test_only_ours_cost_no_look_at_plug_ins(ssimtool, folders, monkeypatch):
    def scanned():
        raise AssertionError("looked for plug-ins")

    monkeypatch.setattr(plugins, "installed_plugins", scanned)
    forget_rows = plugin_metrics.cache_clear
    forget_rows()
    arguments = (*_bright(folders), "-m", "mse", "--fail-under", "psnr=1")
    assert ssimtool("compare", *arguments).code == 0
    with pytest.raises(AssertionError, match="looked"):
        find_metric("shade")
    forget_rows()


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("raising", "failed: RuntimeError: no weights"),
        ("leaving", "failed: SystemExit: bye"),
        ("scalar", "failed: ValueError: returned shape (), expected (1,)"),
        ("integers", "failed: TypeError: returned torch.int64"),
        ("number", "failed: TypeError: returned float"),
        ("not_a_number", "returned nan"),
        ("absent", "failed: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_what_misbehaves_is_an_error_of_the_pair(ssimtool, shades, folders, metric, words):
    done = ssimtool("compare", *_bright(folders), "-m", metric, "-f", "json")
    assert done.code == 3
    error = done.record["error"]
    assert error["code"] == "plugin"
    where = f"{folders[1] / 'bright.png'}: the metric {metric} of plug-in shades {words}"
    assert error["message"].startswith(where)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_the_batch_goes_on(ssimtool, shades, folders, backend):
    """With the fused kernels beside it, and without them."""
    options = ("-m", "dark", "-m", "ssim", "-f", "ndjson", "--backend", backend)
    done = ssimtool("batch", *folders, *options)
    assert done.code == 3
    bright, dark, _ = map(json.loads, done.out.splitlines())
    assert bright["metrics"]["dark"] == pytest.approx(Y["bright"].mean() / 255, rel=1e-6)
    assert dark["error"]["code"] == "plugin"
    assert "deep.png: the metric dark of plug-in shades failed: ValueError: too dark" in done.err


def test_in_a_stack_only_the_pair_fails(shades):
    how = CompareSettings(metrics=("dark", "mse"), device="cpu", backend="torch")
    bright, dark, _ = compare_stack([_pair("bright"), _pair("deep"), _pair("bright")], how, TORCH)
    assert bright.metrics["dark"] == pytest.approx(Y["bright"].mean() / 255)
    assert (dark.code, dark.message.split(":")[0]) == ("plugin", "deep")


def _pair(name: str, dtype: type = np.uint8) -> Pair:
    return Pair(
        reference_path="x", distorted_path=name, reference=X.astype(dtype),
        distorted=Y[name].astype(dtype), data_range=255, sample_type=np.dtype(dtype).name,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_what_it_writes_reaches_no_other_metric(shades, dtype):
    pair = _pair("bright", dtype)
    how = CompareSettings(metrics=("writing", "mse", "shade"), device="cpu", backend="torch")
    assert compare(pair, how).metrics == pytest.approx(
        {"writing": 0, "mse": 1600, "shade": 1 - 40 / 255}
    )
    assert (pair.reference == X).all()


def test_a_missing_package_is_named_with_its_command(ssimtool, shades):
    for options in (("-m", "needy"), ("--fail-under", "needy=1")):
        done = ssimtool("compare", "a.png", "b.png", *options)
        assert done.code == 2
        assert "needy needs no_such_package: pip install needy-package" in done.err


def test_a_name_that_is_taken_is_refused(ssimtool, shades, tmp_path):
    rows = f"{ROW}\nOURS, THEIRS = row('ssim'), row('shade')"
    points = {"a": "rival_rows:OURS", "b": "rival_rows:THEIRS"}
    with installed(tmp_path / "site", "rival", points, {"rival_rows": rows}):
        assert find_metric("ssim").distribution is None
        done = ssimtool("compare", "a.png", "b.png", "-m", "shade")
        assert done.code == 2
        refused = (
            "its metric {} is refused, because {} already has this name; uninstall one of them"
        )
        assert f"plug-in shades: {refused.format('shade', 'rival')}" in done.err
        done = ssimtool("list", "metrics", "-f", "value")
        assert (done.code, "shade" in done.out.split()) == (0, False)
        assert f"plug-in rival: {refused.format('ssim', 'ssimtool')}" in done.err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise OSError('no disk')", "point could not be loaded: OSError: no disk"),
        ("ROWS = ['ssim']", "point is neither a ssimtool.catalog.Metric nor a tuple of them"),
        (f"{ROW}\nROWS = row('a=b')", "metric name 'a=b' must match"),
    ],
)
def test_a_plug_in_without_rows_stops_nothing_else(ssimtool, shades, tmp_path, code, words):
    with installed(
        tmp_path / "site", "broken", {"point": "broken_rows:ROWS"}, {"broken_rows": code}
    ):
        assert "shade" in known_metrics()
        done = ssimtool("compare", "a.png", "b.png", "-m", "nonsense")
        assert done.code == 2
        assert "'nonsense' is not one of ssim, " in done.err
        assert "plug-in broken: " in done.err
        assert words in done.err
        assert words in ssimtool("list", "metrics").err
