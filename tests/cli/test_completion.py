"""What a shell completes, by the script that `ssimtool completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ssimtool
from ssimtool.catalog import DEFINITIONS
from ssimtool.plugins import METRIC_NAMES

ROOT = Path(ssimtool.__file__).parents[1]
VARIABLE = "_SSIMTOOL_COMPLETE"


@pytest.fixture
def completed(tmp_path):
    """What bash offers for the last word of a command line."""
    program = tmp_path / "bin" / "ssimtool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ssimtool "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    script = (
        'eval "$(ssimtool completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_ssimtool_completion ssimtool; printf "%s\\n" "${COMPREPLY[@]}"'
    )

    def complete(*words: str) -> list[str]:
        command = ["bash", "-c", script, "bash", "ssimtool", *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stderr == ""
        return done.stdout.split()

    return complete


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there")
@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (("comp",), ["compare", "completion"]),
        (("compare", "--bord"), ["--border"]),  # hidden in --help
        (("compare", "--border", ""), ["valid", "zero", "mirror", "symmetric"]),
        (("compare", "-m", "ms"), [name for name in METRIC_NAMES if name.startswith("ms")]),
        (("batch", "--definition", ""), [*DEFINITIONS]),
        (("batch", "--maps-for", "w"), ["worst"]),
        (("latents", "--unit", ""), ["nats", "bits"]),
        (("help", "lat"), ["latents"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(completed, words, offers):
    assert completed(*words) == offers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(ssimtool, shell):
    done = ssimtool("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert f"{VARIABLE}=complete_{shell}" in done.out
    assert "ssimtool" in done.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=done.out.encode(), check=False)
        assert checked.returncode == 0
