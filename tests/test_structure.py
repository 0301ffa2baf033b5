"""Who imports whom, and that the places which could disagree do not."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import ssimtool
from ssimtool import errors, records, records_latents, settings
from ssimtool.catalog import DEFINITIONS, METRICS, Definition, find_definition, with_implied
from ssimtool.cli import options, report
from ssimtool.metrics import latents
from ssimtool.metrics import public as metrics
from ssimtool.metrics.kernels.choice import Kernel
from ssimtool.readers import align, arrays
from ssimtool.reports import catalogue, maps, overview, rows, text

PACKAGE = Path(ssimtool.__file__).parent
ROOT = PACKAGE.parent

# What each place may import of ours; the reports of pixels take the readers' plain types.
MAY_IMPORT = {
    "errors": set(),
    "definitions": set(),
    "catalog": {"definitions"},
    "records": {"catalog", "errors", "records_latents"},  # the last one for types alone
    "records_latents": {"records"},
    "settings": {"catalog", "records", "records_latents"},
    "bands": {"catalog"},
    "suspicion": {"metrics", "readers"},
    "health": {"errors", "metrics", "readers", "records_latents", "settings", "suspicion"},
    "cores": set(),
    "batch": set(),
    "journal": {"errors", "settings"},
    "tally": {"catalog", "records"},
    "scorer": {
        "batch", "errors", "evaluate", "evaluate_stack", "evaluate_tensors", "readers", "records",
        "settings",
    },
    "metrics": {"catalog", "cores", "errors", "metrics"},
    "readers": {"errors", "readers", "records"},
    "evaluate_checks": {"catalog", "errors", "metrics", "readers", "settings"},
    "evaluate": {
        "catalog", "errors", "evaluate_checks", "evaluate_tensors", "metrics", "readers", "records",
        "settings",
    },
    "records_explain": {"records"},
    "evaluate_explain": {
        "catalog", "definitions", "errors", "evaluate", "metrics", "readers", "records",
        "records_explain", "settings",
    },
    "evaluate_tensors": {"bands", "catalog", "metrics", "readers", "settings"},
    "evaluate_stack": {
        "errors", "evaluate", "evaluate_tensors", "readers", "records", "settings",
    },
    "evaluate_loss": {
        "bands", "catalog", "errors", "evaluate_tensors", "health", "metrics", "readers", "records",
        "records_latents", "settings", "suspicion",
    },
    "evaluate_latents": {
        "health", "metrics", "readers", "records", "records_latents", "settings", "suspicion",
    },
    "summary": {"catalog", "records", "tally"},
    "gallery": {
        "catalog", "errors", "evaluate", "readers", "records", "reports", "settings", "summary",
    },
    "reports": {
        "catalog", "definitions", "errors", "readers", "records", "records_explain",
        "records_latents", "reports", "tally",
    },
    "cli": {
        "batch", "catalog", "cli", "cores", "errors", "evaluate", "evaluate_explain",
        "evaluate_latents", "evaluate_loss", "evaluate_tensors", "gallery", "journal", "readers",
        "records", "records_explain", "records_latents", "reports", "scorer", "settings",
        "summary", "tally",
    },
    "__init__": {"catalog", "errors", "metrics"},
    "__main__": {"cli"},
}  # fmt: skip
THIRD_PARTY = {
    "torch": {"metrics", "evaluate_tensors", "evaluate_loss", "evaluate_stack"},
    "jaxtyping": {"metrics"},
    "numpy": {
        "metrics", "readers", "reports", "evaluate", "evaluate_loss", "evaluate_tensors", "scorer",
        "evaluate_latents", "health", "suspicion",
    },
    "numba": {"metrics", "readers"},
    "PIL": {"readers", "reports", "scorer"},
    "imagecodecs": {"readers"},
    "isal": {"readers"},
    "cmap": {"reports"},
    "jinja2": {"reports"},
    "matplotlib": {"reports"},
    "rich": {"reports", "cli"},
    "typer": {"cli"},
}  # fmt: skip


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_who_imports_whom(path):
    place = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in _imports(path):
        top, *rest = name.split(".")
        if top == "ssimtool":
            assert _is_allowed(place, rest[0]), f"{path}: {name}"
        elif top in THIRD_PARTY:
            assert place in THIRD_PARTY[top], f"{path}: {name}"


def _is_allowed(place: str, name: str) -> bool:
    """A module of ours that the place may import, or the version; no name through the top."""
    return name == "__version__" or name in MAY_IMPORT[place]


def test_the_check_can_fail():
    assert not _is_allowed("readers", "evaluate")
    assert not _is_allowed("readers", "ssim_loss")  # through ssimtool, it would load torch
    assert not _is_allowed("metrics", "cli")


def test_modules_stay_small():
    # DESIGN.md, rule 8: about 250 lines
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 275, path


def test_every_metric_has_a_function_that_takes_what_its_row_says():
    for row in METRICS.values():
        parameters = inspect.signature(getattr(metrics, row.function)).parameters
        assert set(row.takes) <= set(parameters)
        assert {"x", "y", "dtype"} <= set(parameters)
        assert ("data_range" in parameters) == ("data_range" in row.takes)
        for name, parameter in parameters.items():  # optional arguments are keyword-only
            assert (name in ("x", "y")) or parameter.kind is inspect.Parameter.KEYWORD_ONLY


def test_implied_metrics_are_of_the_catalogue():
    for row in METRICS.values():
        assert set(row.implies) <= set(METRICS)
    assert with_implied(["psnr", "ssim", "psnr"]) == ("psnr", "ssim", "ssim_loss")


def test_names_of_the_command_line_are_those_of_the_code():
    assert options.FORMAT_NAMES[0] == "table"
    assert set(options.FORMAT_NAMES[1:]) == set(text.FORMATS) == set(catalogue.FORMATS)
    assert set(report.FORMAT_NAMES) - {"html", "table"} == set(overview.FORMATS)
    assert set(options.MAP_STYLES) == set(maps.STYLES)
    assert options.KERNELS == settings.KernelName.__args__ == Kernel.__args__
    assert set(align.recorded(align.Reading())) == set(text.READING)
    assert options.PRECISIONS == settings.Precision.__args__
    reductions = settings.KlReduction.__args__
    assert reductions == tuple(records_latents.REDUCTIONS) == latents.KlReduction.__args__
    assert set(records_latents.FIGURES) == set(rows.LATENT_ROWS)
    assert options.LAYOUTS == arrays.ImageLayout.__args__


def test_public_names_exist():
    for name in ssimtool.__all__:
        assert getattr(ssimtool, name) is not None
        assert name in dir(ssimtool)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ssimtool.nonsense


SOURCED = (
    "kl_divergence", "kl_per_dimension", "kl_loss", "active_units", "ssim_map", "SSIMLoss",
    "MSSSIMLoss", "MSE_SSIM_KL_Loss",
)  # fmt: skip


def test_public_functions_are_documented():
    for name in metrics.__all__:
        told = inspect.getdoc(getattr(metrics, name)) or ""
        assert told, name
        if name in METRICS or name in SOURCED:
            assert "Source:" in told, name
            assert ">>>" in told, name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window_size": 4}, "odd"),
        ({"sigma": -1}, "sigma"),
        ({"k1": 0}, "k1"),
        ({"k2": float("inf")}, "k2"),
    ],
)
def test_definitions_are_checked(change, words):
    with pytest.raises(ValueError, match=words):
        find_definition("wang2004", **change)


def test_definitions_of_the_design():
    # DESIGN.md, section 3
    wang, cvae = DEFINITIONS["wang2004"], DEFINITIONS["cvae"]
    common = ("gaussian", 11, 1.5, 0.01, 0.03, "population", 1)
    for row in (wang, cvae):
        found = (row.window, row.window_size, row.sigma, row.k1, row.k2, row.covariance)
        assert (*found, row.downsample) == common
    assert (wang.border, cvae.border) == ("valid", "zero")
    assert find_definition(wang, border="zero").name == "custom"
    assert find_definition(Definition(name="mine")) == Definition(name="mine")


def test_errors_and_thresholds():
    with pytest.raises(ValueError, match="unknown error code"):
        errors.SsimtoolError("nonsense", "")
    over = records.Threshold("mse", "over", 2)
    assert over.judge(2).holds
    assert not over.judge(2.1).holds
    assert not records.Threshold("ssim", "under", 0.5).judge(float("nan")).holds


def test_the_changelog_knows_the_version():
    assert f"## {ssimtool.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_constraints_pin_every_dependency():
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.M))
    project = (ROOT / "pyproject.toml").read_text()
    needed = re.findall(r'^    "([\w.-]+)>=', project, re.M)
    assert len(needed) > 10
    assert {n.lower() for n in needed} <= {p.lower() for p in pinned}
