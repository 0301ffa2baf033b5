"""Memory of `ssimtool loss` and `latents`: their peaks beside that of `import torch`, in one run.

    python tests/benchmarks/bench_memory.py [--gigabytes 4] [--only latents] [--json FILE]

Two float32 arrays of half of that each, once as a batch and once as one single image, are written
to the folder for temporary files; for `latents`, two of 1,000,000 × 64. Mapped pages count as
memory.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import facts
from benchmarks.timing import Options


def peak(command: list[str]) -> tuple[float, float]:
    """Peak resident memory in MB and wall time in seconds of one process."""
    start = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return usage.ru_maxrss / 1024, time.perf_counter() - start


# In a process of its own: what this one ever held would count as the peak of those it starts.
FILL = """
import sys
import numpy as np

path, *shape = sys.argv[1:]
shape = tuple(map(int, shape))
array = np.lib.format.open_memmap(path, "w+", np.float32, shape)
rng = np.random.default_rng(0)
step = max(1, (1 << 23) // int(np.prod(shape[1:])))
for start in range(0, shape[0], step):
    array[start : start + step] = rng.random(array[start : start + step].shape, np.float32)
"""


def main() -> None:
    """Prints a line for each shape, and writes JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4)
    parser.add_argument("--only", choices=("loss", "latents"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    values = int(options.gigabytes * 1e9 / 8)
    torch, _ = peak([sys.executable, "-c", "import torch"])
    print(f"import torch: {torch:.0f} MB")
    side = int(values**0.5)
    cases = [
        ("loss", (values // (3 * 128 * 160), 3, 128, 160), ("--beta", "0")),
        ("loss", (side, side), ("--beta", "0")),
        ("latents", (1_000_000, 64), ()),
    ]
    found = []
    for command, shape, arguments in cases:
        if options.only not in (None, command):
            continue
        memory, seconds = of_two_arrays(command, shape, arguments)
        found.append({"command": command, "shape": shape, "peak": memory, "seconds": seconds})
        rate = 2 * math.prod(shape) / seconds / 1e6
        print(
            f"{command} of two {shape}: {memory:.0f} MB, {memory - torch:.0f} MB above import "
            f"torch, {seconds:.1f} s, {rate:.0f} million values a second"
        )
    if options.json:
        threads = Options(runs=1, threads=len(os.sched_getaffinity(0)))
        results = {"machine": facts(threads), "import torch": torch, "arrays": found}
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def of_two_arrays(
    command: str, shape: tuple[int, ...], arguments: tuple[str, ...]
) -> tuple[float, float]:
    """Peak and wall time of a command on two arrays of one shape."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("a.npy", "b.npy")]
        for path in paths:
            subprocess.run([sys.executable, "-c", FILL, path, *map(str, shape)], check=True)
        return peak([sys.executable, "-m", "ssimtool", command, *paths, *arguments])


if __name__ == "__main__":
    main()
