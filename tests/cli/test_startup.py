"""What loads torch and what does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "numba", "PIL", "imagecodecs", "cmap", "jaxtyping")


def _loaded(code: str) -> tuple[int, set[str]]:
    """Which of the heavy modules a piece of code has loaded, in a process of its own."""
    probe = (
        "import sys\n"
        f"def report(code=0):\n    print('LOADED', *(m for m in {HEAVY} if m in sys.modules))\n"
        f"try:\n    {code}\nexcept SystemExit as end:\n    print('EXIT', end.code or 0)\n"
        "report()\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    codes = [int(line.split()[1]) for line in lines if line.startswith("EXIT ")]
    (loaded,) = (set(line.split()[1:]) for line in lines if line.startswith("LOADED"))
    return (codes or [0])[0], loaded


def _command(*arguments: str) -> str:
    return f"sys.argv = ['ssimtool', *{arguments!r}]; from ssimtool.cli import main; main()"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import ssimtool", 0),
        ("import ssimtool.cli.app", 0),
        ("import ssimtool; ssimtool.METRICS, ssimtool.SsimtoolError", 0),
        (_command("--help"), 0),
        (_command("--version"), 0),
        (_command("compare", "--help"), 0),
        (_command("loss", "--help"), 0),
        (_command("list", "metrics"), 0),
        (_command("list", "definitions", "-f", "json"), 0),
        (_command("compare", "a.png"), 2),
        (_command("compare", "a", "b", "-m", "nonsense"), 2),
        (_command("loss", "a.npy"), 2),
    ],
)
def test_answers_without_torch(code, exit_code):
    assert _loaded(code) == (exit_code, set())


def test_a_file_that_is_absent_is_told_without_torch():
    code, loaded = _loaded(_command("compare", "/none/a.png", "/none/b.png"))
    assert code == 3
    assert "torch" not in loaded
    code, loaded = _loaded(_command("loss", "/none/a.npz"))
    assert code == 3
    assert "torch" not in loaded


def test_the_check_can_fail():
    assert "torch" in _loaded("from ssimtool import ssim")[1]
    assert "numpy" in _loaded("import numpy")[1]


def test_a_small_comparison_loads_no_compiler_and_no_codecs(samples):
    pair = (str(samples / "reference.png"), str(samples / "jpeg.jpg"))
    code, loaded = _loaded(_command("compare", *pair))
    assert code == 0
    assert "torch" in loaded
    assert not loaded & {"numba", "imagecodecs", "cmap"}
    assert "numba" in _loaded(_command("compare", *pair, "--kernel", "fused"))[1]
