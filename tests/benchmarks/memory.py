"""Memory: the peak of each library, in a process of its own, on a pair of 8192×8192.

    python tests/benchmarks/memory.py PEER THREADS X.npy Y.npy    # what such a process runs

With `--large`, also that of `ssimtool compare` on two 8-bit RGB PNGs of 20,000×20,000.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_memory import peak
from benchmarks.report import Measured, Section, Table, Target
from benchmarks.timing import Options

NAMES = (
    "ssimtool", "OpenCV", "pytorch-msssim", "torchmetrics", "kornia", "piqa", "scikit-image",
)  # fmt: skip
# In processes of their own: what this one ever held would count as the peak of those it starts.
NOISE = """
import sys
import numpy as np

side, *paths = sys.argv[1:]
rng = np.random.default_rng(1)
for path in paths:
    np.save(path, rng.integers(0, 256, (1, 1, int(side), int(side)), dtype=np.uint8))
"""
# Bands of a photograph with noise of their own, so that no two are alike.
PHOTOGRAPHS = """
import sys
import numpy as np
from PIL import Image
from benchmarks.pictures import reference, with_noise

Image.MAX_IMAGE_PIXELS = None
side, *paths = sys.argv[1:]
side = int(side)
image = np.empty((side, side, 3), np.uint8)
for i, path in enumerate(paths):
    for number, top in enumerate(range(0, side, 500)):
        band = image[top : top + 500]
        band[:] = reference(number, (side, len(band))) if i == 0 else with_noise(band, 5, number)
    Image.fromarray(image).save(path, compress_level=1)
"""


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """A row for each library, and the large pair if asked for."""
    side = 1024 if options.small else 8192
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("x.npy", "y.npy")]
        run_script(NOISE, side, *paths)
        rows = [(name, *row(name, options.threads, paths)) for name in NAMES]
    size = f"one channel of uint8 ({2 * side**2 / 2**20:.0f} MB)"
    table = Table(
        f"Peak memory on a pair of {side}×{side}, {size}",
        ("", "before, MB", "peak, MB", "above, MB"),
        tuple(rows),
        (
            "before: the library and the pair are loaded, nothing is computed yet; ssimtool loads "
            "its kernels and Numba with the first call, after that",
        ),
    )
    if not options.large:
        return Section(tables=(table,), targets=(Target(LARGE, 1, None, at_least=False),))
    large, target = large_pair(2000 if options.small else 20_000)
    return Section(tables=(table, large), targets=(target,))


LARGE = "compare of 20,000×20,000: peak over 1.3 × the two images plus import torch"


def row(name: str, threads: int, paths: list[str]) -> tuple[str | float, ...]:
    """What a process of one library says of itself."""
    command = [sys.executable, __file__, name, str(threads), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return ("failed", (done.stderr.strip().splitlines() or [f"{done.returncode}"])[-1], "")
    said = json.loads(done.stdout.splitlines()[-1])
    if "absent" in said:
        return (said["absent"], "", "")
    if "more_than" in said:
        return (said["before"], f"more than {said['more_than']}, where it was stopped", "")
    return (said["before"], said["peak"], said["peak"] - said["before"])


def large_pair(side: int) -> tuple[Table, Target]:
    """`ssimtool compare` of two large photographs, beside `import torch`."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("x.png", "y.png")]
        run_script(PHOTOGRAPHS, side, *paths)
        torch, _ = peak([sys.executable, "-c", "import torch"])
        found, seconds = peak([sys.executable, "-m", "ssimtool", "compare", *paths])
    decoded = 2 * 3 * side**2 / 2**20
    rows = (
        ("import torch, MB", torch),
        ("the two decoded images, MB", decoded),
        ("peak of ssimtool compare, MB", found),
        ("wall time, s", seconds),
    )
    table = Table(f"ssimtool compare of two RGB PNGs of {side}×{side}", ("", ""), rows)
    return table, Target(LARGE, 1, found / (1.3 * decoded + torch), at_least=False)


def run_script(script: str, *arguments: object) -> None:
    """Runs it in a process of its own."""
    places = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    subprocess.run(command, check=True, env=environment)


def highest() -> float:
    """The peak of this process in MB, since it became what it is (proc(5), VmHWM): getrusage
    would count what its parent held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def limit_memory(share: float = 0.7) -> int:
    """Lets this process allocate so much of the free memory, in MB: beyond, it fails by itself
    and the system need not end some process."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    limit = int(free * share)
    resource.setrlimit(resource.RLIMIT_DATA, (limit * 1024, limit * 1024))
    return limit // 1024


def main() -> None:
    """One library on one pair: prints JSON."""
    import numpy as np
    import torch
    from benchmarks.peers import PEERS, prepared

    name, threads, *paths = sys.argv[1:]
    x, y = (torch.from_numpy(np.load(path)) for path in paths)
    found, absent = prepared({name: PEERS[name]}, x, y, int(threads))
    if absent:
        print(json.dumps({"absent": absent[name]}))
        return
    before, limit = highest(), limit_memory()
    try:
        found[name]()
    except (MemoryError, RuntimeError) as error:  # NumPy's and torch's
        if "alloc" not in str(error):
            raise
        print(json.dumps({"before": before, "more_than": limit}))
        return
    print(json.dumps({"before": before, "peak": highest()}))


if __name__ == "__main__":
    main()
