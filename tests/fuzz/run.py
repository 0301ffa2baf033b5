"""Read mutated inputs of all formats for some minutes, and keep what breaks.

    python tests/fuzz/run.py --minutes 10 [--seed 1] [--only png tiff] [--findings FOLDER]

Linux limits the memory of the process to 4 GB, so that a bomb is a finding and not the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from fuzz.corpus import corpus
from fuzz.mutation import mutated
from fuzz.targets import read

MEMORY = 4 << 30  # bytes
SLOW = 5  # seconds


def main() -> int:
    """Run until the time is over; return the number of findings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    options = parser.parse_args()
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    inputs, rng = corpus(), random.Random(options.seed)
    kinds = options.only or list(inputs)
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    findings: set[tuple[str, ...]] = set()
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        while time.monotonic() < end:
            kind = rng.choice(kinds)
            content = mutated(rng.choice(inputs[kind]), inputs[kind], rng)
            path.write_bytes(content)
            finding, begun = None, time.monotonic()
            try:
                codes[read(kind, str(path)) or "read"] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
                place = traceback.extract_tb(error.__traceback__)[-1]
                finding = (
                    kind,
                    type(error).__name__,
                    f"{Path(place.filename).name}:{place.lineno}",
                )
            if time.monotonic() - begun > SLOW:
                finding = (kind, "slow", "")
            if finding is not None and finding not in findings:
                findings.add(finding)
                options.findings.mkdir(exist_ok=True)
                (options.findings / f"{len(findings)}-{kind}").write_bytes(content)
                print("finding:", *finding, flush=True)
            counts[kind] += 1
    print(f"{counts.total():,} inputs:", ", ".join(f"{k} {n:,}" for k, n in sorted(counts.items())))
    print("ends:", ", ".join(f"{code} {n:,}" for code, n in codes.most_common()))
    print(f"{len(findings)} findings")
    return len(findings)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
