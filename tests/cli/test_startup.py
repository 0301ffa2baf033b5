"""What loads torch and what does not."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssimtool.cli.app import COMMANDS

HEAVY = (
    "torch", "numpy", "PIL", "imagecodecs", "simplejpeg", "isal", "numba", "cmap", "jaxtyping",
    "jinja2", "matplotlib",
)  # fmt: skip


def _loaded(code: str) -> tuple[int, set[str]]:
    """Which of the heavy modules a piece of code has loaded, in a process of its own."""
    probe = (
        "import os, sys\n"
        f"def report():\n    print('LOADED', *(m for m in {HEAVY} if m in sys.modules))\n"
        "    sys.stdout.flush()\n"
        "leave = os._exit\n"  # by which the program ends, whatever else is still there
        "def ended(code):\n    print('EXIT', code)\n    report()\n    leave(0)\n"
        "os._exit = ended\n"
        f"{code}\n"
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
        (_command("explain", "--help"), 0),
        (_command("loss", "--help"), 0),
        (_command("batch", "--help"), 0),
        (_command("latents", "--help"), 0),
        (_command("latents", "a.npy"), 2),
        (_command("latents", "a.npy", "b.npy", "--fail-over", "nonsense=1"), 2),
        (_command("report", "--help"), 0),
        (_command("report", "s.ndjson", "-f", "xml"), 2),
        (_command("list", "metrics"), 0),
        (_command("list", "definitions", "-f", "json"), 0),
        (_command("compare", "a.png"), 2),
        (_command("compare", "a", "b", "-m", "nonsense"), 2),
        (_command("explain", "a.png", "b.png", "-f", "xml"), 2),
        (_command("loss", "a.npy"), 2),
        (_command("batch", "a"), 2),
        (_command("batch", "a", "b", "--fail-under", "p2:ssim=1"), 2),
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


def test_large_images_decode_while_torch_loads(process, tmp_path):
    """What is wrong with their samples is told all the same, and what loads meanwhile ends."""
    path, cut = tmp_path / "a.jpg", tmp_path / "b.jpg"
    Image.fromarray(np.zeros((2048, 2049), np.uint8)).save(path)
    cut.write_bytes(path.read_bytes()[:-5000])
    done = process("compare", path, cut)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: {cut}: ends before its image does")
    assert len(done.err.splitlines()) == 1
    done = process("compare", path, path, "-m", "mse", "-f", "value")
    assert (done.code, done.out, done.err) == (0, "0.0\n", "")


def test_a_latent_space_is_examined_without_torch(samples):
    pair = [str(samples / "vae" / f"{key}.npy") for key in ("mu", "logvar")]
    for options in ((), ("-f", "json", "--free-bits", "1")):
        code, loaded = _loaded(_command("latents", *pair, *options))
        assert code == 0
        assert loaded == {"numpy", "jaxtyping"}


def test_a_large_image_beside_none_is_told_without_torch(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.zeros((2048, 2049), np.uint8)).save(path)
    code, loaded = _loaded(_command("compare", str(path), "/none/b.png"))
    assert code == 3
    assert "torch" not in loaded


def test_the_check_can_fail():
    assert "torch" in _loaded("from ssimtool import ssim")[1]
    assert "numpy" in _loaded("import numpy")[1]


def test_a_small_comparison_loads_neither_torch_nor_numba_nor_codecs(samples, tmp_path):
    pair = (str(samples / "reference.png"), str(samples / "jpeg.jpg"))
    for options in ((), ("-m", "ms_ssim"), ("--map", str(tmp_path / "map.npy"))):
        code, loaded = _loaded(_command("compare", *pair, *options))
        assert code == 0
        assert not loaded & {"torch", "numba", "imagecodecs", "cmap"}
    code, loaded = _loaded(_command("compare", *pair, "--backend", "fused", *options))
    assert (code, loaded & {"torch", "numba"}) == (0, {"numba"})
    assert "torch" in _loaded(_command("compare", *pair, "--backend", "torch"))[1]


def test_a_batch_on_the_cpu_loads_no_torch(samples, tmp_path):
    (tmp_path / "list").write_text(f"{samples / 'reference.png'},{samples / 'jpeg.jpg'}\n")
    options = ("--pairs", str(tmp_path / "list"), "--device", "cpu")
    code, loaded = _loaded(_command("batch", *options))
    assert code == 0
    assert "torch" not in loaded
    assert "torch" in _loaded(_command("batch", *options, "--backend", "torch"))[1]


def test_scores_are_shown_without_torch(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(
        '{"schema": "ssimtool.comparison/1", "status": "ok", "reference": "a", "distorted": "b", '
        '"data_range": 255, "metrics": {"mse": 1}, "version": "0.1.0"}\n'
    )
    for options in (("-f", "csv"), ("-f", "table"), ("-f", "html", "--worst", "0")):
        command = _command("report", str(path), "-o", str(tmp_path / "r"), *options)
        code, loaded = _loaded(command)
        assert code == 0
        assert "torch" not in loaded


def test_a_command_loads_no_other():
    code = "import sys; from ssimtool.cli.app import run; run(['compare', '--help']); "
    code += "print(*(m for m in sys.modules if m.startswith('ssimtool.cli.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "ssimtool.cli.commands.compare" in loaded
    others = {f"ssimtool.cli.commands.{name}" for name in (*COMMANDS, "listing")} - {
        "ssimtool.cli.commands.compare"
    }
    assert not others & loaded


def test_the_help_names_every_command(process):
    told = process("--help").out
    commands = re.findall(r"^│ (\w+) ", told.split("Commands")[1], re.M)
    assert commands == [*COMMANDS, "list"]
