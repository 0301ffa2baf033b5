"""Who imports whom, and that the places which could disagree do not."""

from __future__ import annotations

import ast
import inspect
import re
from graphlib import TopologicalSorter
from pathlib import Path

import jaxtyping
import pytest
import torch

import ssimtool
from ssimtool import errors, settings
from ssimtool.catalog import DEFINITIONS, METRICS, Definition, find_definition
from ssimtool.metrics import public as metrics
from ssimtool.metrics.adapters.rows import PIQ, SKIMAGE
from ssimtool.plugins import with_implied
from ssimtool.readers import align
from ssimtool.records import latents as records_latents
from ssimtool.records import verdicts
from ssimtool.reports import maps, rows, text
from ssimtool.scoring.numbers import function_of

PACKAGE = Path(ssimtool.__file__).parent
ROOT = PACKAGE.parent

# From the bottom up: a place imports only from places below it, and from itself.
LAYERS = (
    {"errors", "definitions", "loading"},
    {"catalog"},
    {"plugins"},
    {"records", "same_file"},
    {"output", "settings"},
    {"devices", "job_summary"},
    {"kernels"},
    {"metrics"},
    {"readers"},
    {"reports"},
    {"scoring"},
    {"batch", "vae"},
    {"cli"},
    {"__main__"},
)
RANK = {place: rank for rank, places in enumerate(LAYERS) for place in places}
# Which of our places may import a third party's package; what is not listed, none.
THIRD_PARTY = {
    "torch": {"devices", "kernels", "metrics", "readers", "scoring", "batch", "vae"},
    "jaxtyping": {"kernels", "metrics"},
    "numpy": {"kernels", "metrics", "readers", "reports", "scoring", "batch", "vae"},
    "pandas": {"batch"},
    "numba": {"kernels", "readers"},
    "PIL": {"readers", "reports", "batch"},
    "imagecodecs": {"readers"},
    "simplejpeg": {"readers"},
    "isal": {"readers"},
    "cmap": {"reports"},
    "jinja2": {"reports"},
    "matplotlib": {"reports"},
    "piq": {"metrics"},
    "skimage": {"metrics"},
    "rich": {"reports", "cli"},
    "typer": {"cli"},
}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = {
    ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
    for p in sorted(PACKAGE.rglob("*.py"))
}


def _place(module: str) -> str:
    """The file or folder of the top level that a module lies in."""
    return module.split(".")[1]


def _ours(path: Path) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    names = {name for name in _imports(path) if name.split(".")[0] == "ssimtool"}
    names -= {"ssimtool.__version__"}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names}


@pytest.mark.parametrize("module", [m for m in MODULES if m != "ssimtool"])
def test_who_imports_whom(module):
    for name in _ours(MODULES[module]):
        assert _is_allowed(module, name), f"{module} imports {name}: not below it"
    for name in _imports(MODULES[module]):
        top = name.split(".")[0]
        if top in THIRD_PARTY:
            assert _place(module) in THIRD_PARTY[top], f"{module} imports {name}"


def _is_allowed(module: str, name: str) -> bool:
    """Whether a module may import one of ours; never through the top, which would load torch."""
    if name == "ssimtool":
        return False
    here, there = _place(module), _place(name)
    return here == there or RANK[there] < RANK[here]


def test_the_check_can_fail():
    assert not _is_allowed("ssimtool.readers.files", "ssimtool.scoring.pair")
    assert not _is_allowed("ssimtool.readers.files", "ssimtool")
    assert not _is_allowed("ssimtool.metrics.ssim", "ssimtool.cli.app")
    assert not _is_allowed("ssimtool.batch.run", "ssimtool.vae.loss")
    assert _is_allowed("ssimtool.batch.run", "ssimtool.batch.pool")


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: _ours(path) - {"ssimtool"} for module, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_modules_stay_small():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 250, path


def _lines_of_functions(source: str) -> dict[str, int]:
    """How many lines each function has, without its docstring."""
    lines = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            told = node.body[0] if ast.get_docstring(node) is not None else None
            docstring = told.end_lineno - told.lineno + 1 if told is not None else 0
            lines[node.name] = node.end_lineno - node.lineno + 1 - docstring
    return lines


def test_functions_stay_small():
    for module, path in MODULES.items():
        for name, count in _lines_of_functions(path.read_text()).items():
            # An option of a command is a line of its signature.
            exempt = module.startswith("ssimtool.cli.commands.") and (
                name == "command" or module.endswith(".listing")
            )
            assert exempt or count <= 40, f"{module}.{name} has {count} lines"


def test_lines_of_functions_are_counted_without_the_docstring():
    body = (
        'def f(a):\n    """One.\n\n    Two.\n    """\n    b = a\n    def g():\n        return b\n'
    )
    assert _lines_of_functions(body) == {"f": 4, "g": 2}


def test_the_command_line_stays_small():
    """It parses, calls one use case, and chooses the exit code: a tenth of the package."""
    folders = {"package": PACKAGE, "cli": PACKAGE / "cli"}
    lines = {
        name: sum(len(path.read_text().splitlines()) for path in folder.rglob("*.py"))
        for name, folder in folders.items()
    }
    assert lines["cli"] < lines["package"] / 10


def test_every_metric_has_a_function_that_takes_what_its_row_says():
    for row in METRICS.values():
        parameters = inspect.signature(function_of(row)).parameters
        assert set(row.takes) <= set(parameters)
        assert {"x", "y"} <= set(parameters)
        assert ("dtype" in parameters) == ("dtype" in row.takes)
        assert ("data_range" in parameters) == ("data_range" in row.takes)
        for name, parameter in parameters.items():  # optional arguments are keyword-only
            assert (name in ("x", "y")) or parameter.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("row", [*METRICS.values(), *PIQ, *SKIMAGE], ids=lambda row: row.name)
def test_every_metric_checks_the_shapes_of_its_arguments(row):
    """Under pytest, jaxtyping holds the shapes that a signature states: a function without them
    would compute something here."""
    x = torch.zeros(3, 16, 16)
    options = {"data_range": 1.0} if "data_range" in row.takes else {}
    with pytest.raises(jaxtyping.TypeCheckError, match="Type-check error"):
        function_of(row)(x, x, **options)


def test_implied_metrics_are_of_the_catalogue():
    for row in METRICS.values():
        assert set(row.implies) <= set(METRICS)
    assert with_implied(["psnr", "ssim", "psnr"]) == ("psnr", "ssim", "ssim_loss")


def test_names_of_the_command_line_are_those_of_the_code():
    assert set(settings.MapStyle.__args__) == set(maps.STYLES)
    assert set(align.recorded(align.Reading())) == set(text.NESTED["reading"])
    assert settings.KlReduction.__args__ == tuple(records_latents.REDUCTIONS)
    assert set(records_latents.FIGURES) == set(rows.LATENT_ROWS)


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
    # docs/definitions.md
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
    over = verdicts.Threshold("mse", "over", 2)
    assert over.judge(2).holds
    assert not over.judge(2.1).holds
    assert not verdicts.Threshold("ssim", "under", 0.5).judge(float("nan")).holds


def test_the_changelog_knows_the_version():
    assert f"## {ssimtool.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_constraints_pin_every_dependency():
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.M))
    project = (ROOT / "pyproject.toml").read_text()
    needed = re.findall(r'^    "([\w.-]+)>=', project, re.M)
    assert len(needed) > 10
    assert {n.lower() for n in needed} <= {p.lower() for p in pinned}
