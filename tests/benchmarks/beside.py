"""ssimtool of this checkout beside that of another one, in turn.

    git worktree add ../before 5c76702
    python tests/benchmarks/beside.py ../before
        [--only in-process training files batch] [--cases TEXT] [--processes 4] [--turns 20]
        [--seconds 0.1] [--threads 2] [--pairs 20] [--small]

Each checkout has a process of its own, which waits while the other one works: a tenth of a second
of calls of one, then as much of the other, the first of them at random. A machine that gets faster
or slower does so for both. Several such pairs of processes follow each other, because the place of
its memory moves the times of a process, too. Printed are the median of the ratios within turns,
with the lower and the upper quartile, and the ratio of the two fastest turns: below 1, this
checkout is the faster one. `ssimtool batch` is measured as a whole command.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
SECTIONS = ("in-process", "training", "files", "batch")
Cases = dict[str, Callable[[], float]]


class Ratios(NamedTuple):
    """The time of one checkout over that of the other, in one case."""

    median: float
    quartiles: tuple[float, float]
    fastest: float

    @property
    def row(self) -> str:
        """The cells of a row of a Markdown table."""
        low, high = self.quartiles
        return f"{self.median:.3f} | {low:.3f} to {high:.3f} | {self.fastest:.3f}"


def ratios(ours: list[float], theirs: list[float]) -> Ratios:
    """Compare the turns of two checkouts; each turn has one time of both."""
    by_turn = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, _, high = statistics.quantiles(by_turn, n=4)
    return Ratios(statistics.median(by_turn), (low, high), min(ours) / min(theirs))


class Checkout:
    """A process with the package of one checkout, which works on request."""

    def __init__(self, root: Path, arguments: list[str]) -> None:
        path = os.pathsep.join([str(root), str(TESTS)])
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(root), "--serve", *arguments],
            cwd=root,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases = self._line().split("\t")

    def seconds(self, case: str) -> float:
        """Seconds of one piece of work of a case, after a turn of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(case + "\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of a checkout ended with {self._process.wait()}")
        return line.rstrip("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


Times = tuple[list[float], list[float]]  # of this checkout and of the other, one of each a turn


def take_turns(pair: tuple[Checkout, Checkout], case: str, turns: int) -> Times:
    """Run a case of both in turn, after one turn of each that is not counted."""
    times: Times = ([], [])
    order, shuffle = [0, 1], random.Random(1)
    for turn in range(turns + 1):
        shuffle.shuffle(order)
        for side in order:
            seconds = pair[side].seconds(case)
            if turn:
                times[side].append(seconds)
    return times


def measure(other: Path, options: argparse.Namespace) -> dict[str, Times]:
    """The times of each case, from all pairs of processes."""
    passed = ["--only", *options.only, *["--small"] * options.small]
    for name in ("threads", "pairs", "seconds"):
        passed += [f"--{name}", str(getattr(options, name))]
    found: dict[str, Times] = {}
    for _ in range(options.processes):
        with Checkout(TESTS.parent, passed) as ours, Checkout(other, passed) as theirs:
            for case in ours.cases:
                if options.cases in case:
                    times = take_turns((ours, theirs), case, options.turns)
                    for kept, more in zip(found.setdefault(case, ([], [])), times, strict=True):
                        kept += more
    return found


def serve(options: argparse.Namespace) -> None:
    """Answer each name of a case on standard input with the seconds of one piece of its work."""
    from benchmarks.timing import limit_threads

    limit_threads(options.threads)
    import ssimtool

    if not Path(ssimtool.__file__).is_relative_to(options.checkout):
        raise SystemExit(f"{ssimtool.__file__} is not of {options.checkout}")
    with tempfile.TemporaryDirectory() as folder:
        work: Cases = {}
        for section in options.only:
            work |= CASES[section](options, Path(folder))
        print(*work, sep="\t", flush=True)
        for line in sys.stdin:
            print(work[line.rstrip("\n")](), flush=True)


def in_process_cases(options: argparse.Namespace, _: Path) -> Cases:
    """Ready arrays, as in the section `in-process` of `bench.py`."""
    from benchmarks import inprocess, peers
    from benchmarks.timing import repeated

    contenders = {"1 thread": peers.ssimtool_on_one_thread}
    if options.threads > 1:
        contenders = {f"{options.threads} threads": peers.ssimtool, **contenders}
    work: Cases = {}
    for name, (n, c, h, w) in inprocess.SHAPES.items():
        shape = (min(n, 4), c, h // 8, w // 8) if options.small else (n, c, h, w)
        for dtype_name, dtype in inprocess.DTYPES.items():
            x, y = (t.to(dtype) for t in inprocess.pair(shape))
            for threads, peer in contenders.items():
                run = repeated(peer(x, y, options.threads), options.seconds)
                work[f"{name} {dtype_name}, {threads}"] = lambda run=run: run().seconds
    return work


def training_cases(options: argparse.Namespace, _: Path) -> Cases:
    """Steps, as in the section `training` of `bench.py`."""
    from benchmarks import training

    work: Cases = {}
    for name, (n, c, h, w) in training.SHAPES.items():
        shape = (max(1, n // 16), c, h, w) if options.small else (n, c, h, w)
        run = training.step(training.ssimtool(), shape, options.seconds)
        work[f"step, {name}"] = lambda run=run: run().seconds
    return work


def file_cases(options: argparse.Namespace, folder: Path) -> Cases:
    """The loop over files, as in the section `files` of `bench.py`."""
    from benchmarks import files

    work: Cases = {}
    for suffix, pairs in _pairs(options, folder / "files").items():
        run = files.ssimtool(pairs, options.threads)
        work[f"files, {files.NAMES[suffix]}"] = lambda run=run: run().seconds
    return work


def batch_cases(options: argparse.Namespace, folder: Path) -> Cases:
    """Whole commands, as in the section `batch` of `bench.py`."""
    from benchmarks import batch, files

    work: Cases = {}
    for suffix, pairs in _pairs(options, folder / "batch").items():
        line = batch.command(pairs, options.threads, folder, "-f", "ndjson")
        run = batch.whole(line, options.threads, len(pairs))
        work[f"batch, {files.NAMES[suffix]}"] = lambda run=run: run().seconds
    return work


def _pairs(options: argparse.Namespace, folder: Path) -> dict[str, list[tuple[str, str]]]:
    from benchmarks.pictures import write_pairs

    folder.mkdir()
    size = (320, 240) if options.small else (1920, 1080)
    return write_pairs(folder, options.pairs, size, options.threads, distinct=10)


CASES = {
    "in-process": in_process_cases,
    "training": training_cases,
    "files": file_cases,
    "batch": batch_cases,
}


def main(arguments: list[str] | None = None) -> None:
    """Print a table with a row for each case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="another checkout of ssimtool")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=["in-process", "training"])
    parser.add_argument("--cases", default="", help="only cases whose name has this text")
    parser.add_argument("--processes", type=int, default=4, help="pairs of processes")
    parser.add_argument("--turns", type=int, default=20, help="turns of each pair of processes")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pairs", type=int, default=20, help="pairs of files")
    parser.add_argument("--seconds", type=float, default=0.1, help="calls of one turn")
    parser.add_argument("--small", action="store_true", help="small sizes: no figures to quote")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.checkout = options.checkout.resolve()
    if options.serve:
        serve(options)
        return
    print("| case | median | quartiles | fastest |\n|---|---:|---:|---:|")
    for case, times in measure(options.checkout, options).items():
        print(f"| {case} | {ratios(*times).row} |")


if __name__ == "__main__":
    main()
