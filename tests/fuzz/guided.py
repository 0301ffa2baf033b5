"""Read mutated inputs of all formats, guided by coverage, for some minutes; keep what breaks.

    pip install atheris
    python tests/fuzz/guided.py --minutes 10 [--seed 1] [--only png tiff] [--findings FOLDER]

Each format has its own process, as many at a time as there are cores, and an equal share of the
time. An input that takes more than 5 s or 1 GB is a finding, as is one that ends the process. A
folder with the inputs that reach new code begins with those of `corpus`, and is thrown away.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

SECONDS, MEGABYTES = 5, 1024  # limits of an input
LONGEST = 1 << 16  # bytes
# Numba compiles what atheris would change; the packages behind the readers read the files, too.
GUIDED, EXCEPT = ["ssimtool", "PIL"], ["ssimtool.kernels", "ssimtool.readers.images.compiled"]


def fuzz(kind: str, findings: Path, arguments: list[str]) -> None:
    """Read inputs of a format until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=GUIDED, exclude=EXCEPT):
        from fuzz.targets import read

    from fuzz.corpus import corpus
    from fuzz.mutation import mutated, with_checksums

    inputs, seen = corpus()[kind], set()
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "input"
    begun = Path(folder.name) / "corpus"
    begun.mkdir()
    for number, content in enumerate(inputs):
        (begun / str(number)).write_bytes(content)

    def look(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(kind, str(path))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            finding = type(error).__name__, f"{Path(place.filename).name}:{place.lineno}"
            if finding not in seen:
                seen.add(finding)
                (findings / f"{kind}-{len(seen)}").write_bytes(content)
                print("finding:", kind, *finding, flush=True)

    def mutate(content: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return mutated(content or inputs[0], inputs, rng)[:longest]
        return with_checksums(atheris.Mutate(content, longest))[:longest]

    atheris.Setup([sys.argv[0], *arguments, str(begun)], look, custom_mutator=mutate)
    atheris.Fuzz()


def run(kind: str, seconds: int, seed: int, findings: Path) -> tuple[int, list[str]]:
    """Fuzz a format in another process; return the number of inputs, and lines of findings."""
    arguments = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={findings}{os.sep}{kind}-",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    command = [sys.executable, __file__, "--serve", kind, "--findings", str(findings), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("finding:")]
    if done.returncode:
        lines.append(f"finding: {kind} ended with {done.returncode}: {done.stderr[-2000:]}")
    counted = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    return int(counted[1]) if counted else 0, lines


def main() -> int:
    """Fuzz the formats; return the number of findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options, passed = parser.parse_known_args()
    if options.serve:
        fuzz(options.serve, options.findings, passed)
        return 0
    if passed:
        parser.error(f"unknown: {' '.join(passed)}")
    from fuzz.corpus import corpus

    kinds, cores = options.only or list(corpus()), len(os.sched_getaffinity(0))
    seconds = max(1, round(60 * options.minutes * min(cores, len(kinds)) / len(kinds)))
    findings = options.findings.resolve()
    findings.mkdir(exist_ok=True)
    total, found = 0, 0
    with ThreadPoolExecutor(cores) as pool:
        results = pool.map(lambda kind: run(kind, seconds, options.seed, findings), kinds)
        for kind, (count, lines) in zip(kinds, results, strict=True):
            print(f"{kind} {count:,}", *lines, sep="\n", flush=True)
            total, found = total + count, found + len(lines)
    print(f"{total:,} inputs, {found} findings")
    return found


if __name__ == "__main__":
    sys.exit(min(main(), 1))
