"""The documents say what the program does: examples run, links lead somewhere, options exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest
from pages import DOCUMENTS, PAGES, ROOT, blocks, sessions, without_blocks

from ssimtool.cli.app import program_of

# Numbers of another processor may differ in their last digits; those shown are right to 1e-6.
TOLERANCE = 1e-6
NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


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
@pytest.mark.parametrize("page", [page for page in DOCUMENTS if blocks(page, "python")])
def test_python_examples_run(page, environment):
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", EACH_BY_ITSELF]
    options = {"capture_output": True, "text": True, "cwd": ROOT, "env": environment}
    done = subprocess.run(command, input=json.dumps(blocks(page, "python")), check=False, **options)
    assert done.returncode == 0, done.stderr


SESSIONS = [(page, *session) for page in DOCUMENTS for session in sessions(page)]


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
    assert sum(len(blocks(page, "python")) for page in DOCUMENTS) >= 10
    assert len(SESSIONS) >= 8
    assert {command.split()[0] for _, command, _ in SESSIONS} == {"ssimtool"}


# --- options and commands ---------------------------------------------------------------------

APP = program_of([])
OPTIONS = {
    name: {option for parameter in command.params for option in parameter.opts}
    for name, command in APP.commands.items()
}
ROOT_OPTIONS = {option for parameter in APP.params for option in parameter.opts}
EVERYWHERE = {"--help", "-h", *ROOT_OPTIONS}


def _commands(text: str) -> list[str]:
    """The command lines of ssimtool in code blocks and in code within lines."""
    blocks = re.findall(r"^```(?:sh|bash|console|yaml)\n(.*?)^```$", text, re.M | re.S)
    prose = without_blocks(text)
    code = [b.replace("\\\n", " ") for b in blocks] + re.findall(r"`([^`\n]+)`", prose)
    return [c for part in code for c in re.findall(r"(?<!=)\bssimtool ([a-z][^|\n;&]*)", part)]


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
    prose = without_blocks(DOCUMENTS[page])
    known = set().union(EVERYWHERE, *OPTIONS.values())
    for code in re.findall(r"`([^`\n]+)`", prose):
        first = code.split()[0]
        if first.startswith("-") or first in OPTIONS:
            assert set(re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", code)) <= known, code


# --- links and the site -----------------------------------------------------------------------


def _anchors(text: str) -> set[str]:
    """As Python-Markdown makes them of headings."""
    prose = without_blocks(text)
    titles = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", t).strip().lower()) for t in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        if not name.endswith(".md") and name:
            assert (ROOT / "docs" / name).is_file(), target
            continue
        assert (name or page) in PAGES, target
        assert not anchor or anchor in _anchors(PAGES[name or page]), target


@pytest.mark.parametrize("page", [page for page in DOCUMENTS if page not in PAGES])
def test_links_of_documents_beside_the_site_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[page]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        assert (ROOT / (name or page)).exists(), target
        assert not anchor or anchor in _anchors((ROOT / (name or page)).read_text("utf-8")), target


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
