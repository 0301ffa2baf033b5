"""Start-up: whole commands beside their yardsticks, in turn, in one run.

    python tests/benchmarks/bench_startup.py [--runs 11] [--json FILE]

`--help`, `--version` and a usage error are held against the `--help` of a bare Typer app of two
commands; `compare` of two 512x512 samples against `python -c "import torch"` and `python -c "import
numpy, PIL.Image"`. Printed are medians and the median of the ratios of neighbouring runs, which a
machine that drifts does not move.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import facts
from benchmarks.timing import Options

ROOT = Path(__file__).resolve().parents[2]
BARE = """
import typer

app = typer.Typer()

@app.command()
def one(name: str, count: int = 1) -> None:
    "Does one thing."

@app.command()
def two(name: str, count: int = 1) -> None:
    "Does another."

app()
"""


def seconds(command: list[str]) -> float:
    """Wall time of one whole process."""
    # what is installed has its bytecode
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    null = subprocess.DEVNULL
    start = time.perf_counter()
    subprocess.run(command, stdout=null, stderr=null, env=environment, check=False)
    return time.perf_counter() - start


def paired(command: list[str], yardstick: list[str], runs: int) -> dict[str, float]:
    """Medians of both commands, run in turn after one warm-up, and the median ratio."""
    times = [(seconds(command), seconds(yardstick)) for _ in range(runs + 1)][1:]
    return {
        "seconds": statistics.median(a for a, _ in times),
        "yardstick_seconds": statistics.median(b for _, b in times),
        "ratio": statistics.median(a / b for a, b in times),
    }


def measure(runs: int) -> dict[str, dict[str, float]]:
    """Every command beside its yardstick."""
    tool = [str(Path(sys.executable).with_name("ssimtool"))]
    pair = [str(ROOT / "sample_images" / name) for name in ("reference.png", "jpeg.jpg")]
    torch = [sys.executable, "-c", "import torch"]
    readers = [sys.executable, "-c", "import numpy, PIL.Image"]
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        typer = [sys.executable, str(bare), "--help"]
        return {
            "--help | bare Typer --help": paired([*tool, "--help"], typer, runs),
            "--version | bare Typer --help": paired([*tool, "--version"], typer, runs),
            "usage error | bare Typer --help": paired([*tool, "compare"], typer, runs),
            "compare 512x512 | import torch": paired([*tool, "compare", *pair], torch, runs),
            "compare 512x512 | import numpy, PIL.Image": paired(
                [*tool, "compare", *pair], readers, runs
            ),
        }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = measure(arguments.runs)
    print(f"{platform.machine()}, Python {platform.python_version()}, {arguments.runs} runs each")
    print(f"{'command | yardstick':34} {'command':>9} {'yardstick':>9} {'ratio':>6}")
    for name, row in results.items():
        print(
            f"{name:34} {row['seconds']:8.3f}s {row['yardstick_seconds']:8.3f}s {row['ratio']:6.2f}"
        )
    if arguments.json:
        how = Options(runs=arguments.runs, threads=len(os.sched_getaffinity(0)))
        found = {"machine": facts(how), "commands": results}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
