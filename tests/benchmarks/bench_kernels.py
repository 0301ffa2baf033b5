"""The kernels beside the limit that arithmetic sets, for each instruction set of this processor.

    python tests/benchmarks/bench_kernels.py [--runs 7] [--threads 2] [--json FILE]

Each instruction set, and each peer, has a process of its own, which waits while the others work:
threads of a pool that spin would take a core from them. Every round runs each case once, in turn;
printed are medians. `limit by arithmetic` is what a probe of the multiply-adds of that instruction
set allows, in the same round and on as many threads. Start it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import facts
from benchmarks.report import Table, short, text
from benchmarks.timing import Options, limit_threads

# The names of Numba for generic processors; None is this one.
SETS: Mapping[str, str | None] = {"AVX-512": None, "AVX2": "x86-64-v3", "SSE": "x86-64-v2"}
NEEDED = {"AVX-512": "avx512f", "AVX2": "avx2", "SSE": "sse4.2"}
FULL = (1, 3, 1080, 1920)
STEPS = {"16×3×256×256": (16, 3, 256, 256), "64×1×128×128": (64, 1, 128, 128),
         "128×1×32×32": (128, 1, 32, 32)}  # fmt: skip
SMALL_STEP = "8×3×64×64"
LIMIT = "limit by arithmetic"
Work = Callable[[], float]  # returns a rate, or the seconds of one call


def instruction_sets() -> dict[str, str | None]:
    """Those of the list that this processor has."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    found = {name: cpu for name, cpu in SETS.items() if features.get(NEEDED[name])}
    return found or {"this processor": None}


def kernel_cases(options: Options) -> dict[str, Work]:
    """The limit and ssimtool, in a process for one instruction set."""
    from benchmarks import inprocess, peers, probe, training
    from benchmarks.timing import repeated

    work: dict[str, Work] = {}
    for threads in sorted({1, options.threads}):
        work[f"{LIMIT}, {threads}"] = lambda threads=threads: 1 / probe.limit(threads)
    x, y = inprocess.pair(_small(FULL, options))
    for name, dtype in inprocess.DTYPES.items():
        for threads, peer in ((1, peers.ssimtool_on_one_thread), (options.threads, peers.ssimtool)):
            run = repeated(peer(x.to(dtype), y.to(dtype), options.threads), options.least)
            work[f"1920×1080×3 {name}, {threads}"] = lambda run=run: run().seconds / x.numel()
    for name, shape in {**STEPS, SMALL_STEP: (8, 3, 64, 64)}.items():
        size = _small(shape, options)
        run = training.step(training.ssimtool(), size, options.least)
        work[f"step {name}"] = lambda run=run: run().seconds
        forward = repeated(_forward(size), options.least)
        work[f"forward {name}"] = lambda run=forward: run().seconds
    return work


def _forward(shape: tuple[int, ...]) -> Callable[[], object]:
    import torch

    from ssimtool import ssim_loss

    x, y = torch.rand(2, *shape, generator=torch.Generator().manual_seed(3))
    return lambda: ssim_loss(x, y, data_range=1).mean().item()


def opencv_cases(options: Options) -> dict[str, Work]:
    """OpenCV on arrays."""
    from benchmarks import inprocess, peers
    from benchmarks.timing import repeated

    x, y = inprocess.pair(_small(FULL, options))
    work: dict[str, Work] = {}
    for name, dtype in inprocess.DTYPES.items():
        for threads in sorted({1, options.threads}):
            run = repeated(peers.opencv(x.to(dtype), y.to(dtype), threads), options.least)
            work[f"1920×1080×3 {name}, {threads}"] = lambda run=run: run().seconds / x.numel()
    return work


def msssim_cases(options: Options) -> dict[str, Work]:
    """pytorch-msssim on arrays and in training steps."""
    from benchmarks import inprocess, peers, training
    from benchmarks.timing import repeated

    x, y = inprocess.pair(_small(FULL, options))
    work: dict[str, Work] = {}
    for name, dtype in inprocess.DTYPES.items():
        loss = peers.pytorch_msssim(x.to(dtype), y.to(dtype), options.threads)
        run = repeated(loss, options.least)
        work[f"1920×1080×3 {name}, {options.threads}"] = lambda run=run: run().seconds / x.numel()
    for name, shape in {**STEPS, SMALL_STEP: (8, 3, 64, 64)}.items():
        run = training.step(training.pytorch_msssim(), _small(shape, options), options.least)
        work[f"step {name}"] = lambda run=run: run().seconds
    return work


def _small(shape: tuple[int, ...], options: Options) -> tuple[int, ...]:
    n, c, h, w = shape
    return (min(n, 2), c, max(16, h // 8), max(16, w // 8)) if options.small else shape


KERNELS = "kernels"
CASES = {KERNELS: kernel_cases, "OpenCV": opencv_cases, "pytorch-msssim": msssim_cases}


def serve(connection: Connection, name: str, options: Options) -> None:
    """Answer each name of a case with what one run of it returns."""
    import torch

    torch.set_num_threads(options.threads)
    try:
        work = CASES[name](options)
    except ImportError as error:
        connection.send(str(error))
        return
    connection.send(list(work))
    while True:
        case = connection.recv()
        if case is None:
            return
        connection.send(work[case]())


@contextmanager
def worker(name: str, options: Options, cpu: str | None) -> Iterator[Any]:
    """Start a process for the cases of a name, and yield the connection to it."""
    environment = dict(os.environ)
    if cpu is not None:
        os.environ |= {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""}
    limit_threads(options.threads)
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(theirs, name, options), daemon=True)
    try:
        process.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    yield ours
    ours.send(None)
    process.join()


def measure(options: Options) -> dict[str, dict[str, float]]:
    """Seconds of each case, by contender: an instruction set or a peer; medians of all rounds."""
    from contextlib import ExitStack

    contenders = {name: (KERNELS, cpu) for name, cpu in instruction_sets().items()}
    contenders |= {name: (name, None) for name in CASES if name != KERNELS}
    with ExitStack() as stack:
        workers, cases = {}, {}
        for contender, (name, cpu) in contenders.items():
            connection = stack.enter_context(worker(name, options, cpu))
            answer = connection.recv()
            if isinstance(answer, list):
                workers[contender], cases[contender] = connection, answer
        times: dict[str, dict[str, list[float]]] = {name: {} for name in workers}
        every = list(dict.fromkeys(case for own in cases.values() for case in own))
        for number in range(options.runs + 1):
            for case in every:
                for name in (n for n in workers if case in cases[n]):
                    workers[name].send(case)
                    seconds = workers[name].recv()
                    if number:  # the first run compiles and finds out how often to repeat
                        times[name].setdefault(case, []).append(seconds)
    return {
        name: {case: statistics.median(runs) for case, runs in found.items()}
        for name, found in times.items()
    }


def forward_table(found: Mapping[str, Mapping[str, float]], threads: int) -> Table:
    """Forward passes in million samples a second, beside the limit and the peers."""
    rows = []
    for kernels in (name for name in found if f"{LIMIT}, 1" in found[name]):
        own = found[kernels]
        for dtype in ("uint8", "float32"):
            for count in sorted({1, threads}):
                case = f"1920×1080×3 {dtype}, {count}"
                seconds, least = own[case], own[f"{LIMIT}, {count}"]
                peers = [found.get(peer, {}).get(case) for peer in ("OpenCV", "pytorch-msssim")]
                rows.append(
                    (
                        kernels,
                        dtype,
                        str(count),
                        short(1e-6 / seconds),
                        f"{least / seconds:.2f}",
                        *("" if p is None else f"{p / seconds:.1f}×" for p in peers),
                    )
                )
    columns = ("instruction set", "samples", "threads", "Msamples/s", "of the limit", "OpenCV",
               "pytorch-msssim")  # fmt: skip
    return Table("Forward pass, 1920×1080×3", columns, tuple(rows))


def step_table(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Training steps beside the forward pass and pytorch-msssim."""
    rows = []
    for kernels in (name for name in found if f"{LIMIT}, 1" in found[name]):
        own = found[kernels]
        for name in (*STEPS, SMALL_STEP):
            step, forward = own[f"step {name}"], own[f"forward {name}"]
            peer = found.get("pytorch-msssim", {}).get(f"step {name}")
            rows.append(
                (
                    kernels,
                    name,
                    f"{1e3 * step:.3g}",
                    f"{step / forward:.2f}",
                    "" if peer is None else f"{peer / step:.1f}×",
                )
            )
    columns = ("instruction set", "batch", "step, ms", "forward passes", "pytorch-msssim")
    return Table("Training step, float32", columns, tuple(rows))


def main(arguments: list[str] | None = None) -> None:
    """Print two tables, and write JSON if requested."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--small", action="store_true", help="small sizes: no figures to quote")
    chosen = parser.parse_args(arguments)
    options = Options(runs=chosen.runs, threads=chosen.threads, small=chosen.small)
    machine = facts(options)
    found = measure(options)
    tables = forward_table(found, options.threads), step_table(found)
    print(f"{machine['processor']}\n\n" + "\n\n".join(map(text, tables)))
    if chosen.json:
        results = {"machine": machine, "kernels": {
            "seconds": found,
            "tables": [{"columns": t.columns, "rows": t.rows} for t in tables],
        }}  # fmt: skip
        chosen.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
