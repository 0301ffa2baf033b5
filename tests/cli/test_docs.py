"""docs/cli.md is what the commands say today."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ssimtool.cli.app import COMMANDS, LIST

ROOT = Path(__file__).parents[2]


PINNED = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))


@pytest.mark.skipif(
    any(version(name) != PINNED[name] for name in ("typer", "rich")),
    reason="typer or rich is not the pinned version: another lays the help out in another way",
)
def test_the_page_of_the_command_line_is_current(tmp_path):
    made = tmp_path / "cli.md"
    command = [sys.executable, ROOT / "tests" / "tools" / "make_cli_docs.py", made]
    subprocess.run(command, check=True)
    text = made.read_text(encoding="utf-8")
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == text, (
        "run python tests/tools/make_cli_docs.py"
    )
    for name in (*COMMANDS, LIST):
        assert f"\n## ssimtool {name}\n" in text
    assert "--window-size" in text  # hidden in --help
    assert "\x1b" not in text
    shown = text.split("\n## ", 1)[1]
    assert max(map(len, shown.splitlines())) <= 80
