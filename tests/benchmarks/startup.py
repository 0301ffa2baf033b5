"""Start-up: whole processes, in turn."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.bench_startup import BARE, ROOT
from benchmarks.report import Measured, Section, Table, Target, measured, short
from benchmarks.timing import Options, Sample, Times, clock, rounds

PEERS = {"pyiqa": "pyiqa", "image-similarity-measures": "image_similarity_measures"}
COMPARE, TORCH = "ssimtool compare, two of 512×512", "import torch"
HELP, BARE_HELP = "ssimtool --help", "--help of a bare Typer app"


def commands(bare: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """What is run, and which peers are absent."""
    tool = [str(Path(sys.executable).with_name("ssimtool"))]
    pair = [str(ROOT / "sample_images" / name) for name in ("reference.png", "jpeg.jpg")]
    found = {
        HELP: [*tool, "--help"],
        COMPARE: [*tool, "compare", *pair],
        BARE_HELP: [sys.executable, str(bare), "--help"],
        "import typer": [sys.executable, "-c", "import typer"],
        TORCH: [sys.executable, "-c", "import torch"],
    }
    absent = {}
    for name, module in PEERS.items():
        if find_spec(module):
            found[f"import {module}"] = [sys.executable, "-c", f"import {module}"]
        else:
            absent[f"import {module}"] = f"absent: {name} is not installed"
    return found, absent


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Every command."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        found, absent = commands(bare)

        def run(command: list[str]) -> Sample:
            return clock(lambda: subprocess.run(command, capture_output=True, check=True))

        contenders = {name: (lambda c=command: run(c)) for name, command in found.items()}
        times = rounds(contenders, options.runs)
    rows = measured("startup", "seconds", times, absent, 1, "processes/s")
    return Section(tuple(rows), (_table(times, absent),), _targets(times))


def _table(times: dict[str, Times], absent: dict[str, str]) -> Table:
    rows = [
        (name, f"{t.seconds:.3f} s", short(t.over(times[TORCH])), short(t.over(times[BARE_HELP])))
        for name, t in times.items()
    ]
    rows += [(name, reason, "", "") for name, reason in absent.items()]
    columns = ("", "wall time", f"over {TORCH}", f"over {BARE_HELP}")
    return Table("Start-up, whole processes", columns, tuple(rows))


def _targets(times: dict[str, Times]) -> tuple[Target, ...]:
    return (
        Target(f"{COMPARE}: over {TORCH}", None, times[COMPARE].over(times[TORCH]), at_least=False),
        Target(f"{HELP}: over {BARE_HELP}", None, times[HELP].over(times[BARE_HELP]), False),
    )
