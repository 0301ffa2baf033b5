"""Memory of `ssimtool loss`: its peak beside that of `import torch`, in one run.

    python tests/benchmarks/bench_memory.py [--gigabytes 4]

Two float32 arrays of half of that each, once as a batch and once as one single image, are written
to the folder for temporary files. Mapped pages count as memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


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
    """Prints a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4)
    values = int(parser.parse_args().gigabytes * 1e9 / 8)
    torch, _ = peak([sys.executable, "-c", "import torch"])
    print(f"import torch: {torch:.0f} MB")
    side = int(values**0.5)
    for shape in ((values // (3 * 128 * 160), 3, 128, 160), (side, side)):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("recon.npy", "raw.npy")]
            for path in paths:
                subprocess.run([sys.executable, "-c", FILL, path, *map(str, shape)], check=True)
            command = [sys.executable, "-m", "ssimtool", "loss", *map(str, paths), "--beta", "0"]
            memory, seconds = peak(command)
        print(f"loss of two {shape}: {memory - torch:.0f} MB above it, {seconds:.0f} s")


if __name__ == "__main__":
    main()
