"""ssimtool and its peers beside each other, in one run.

    python tests/benchmarks/bench.py
        [--only in-process definitions training ms-ssim files batch startup precision memory]
        [--runs 7] [--pairs 200] [--threads 2] [--json FILE] [--large]

Every round runs each contender once, in turn, after one round of warm-up; printed are medians, and
ratios within rounds. Threads are equal for all. A peer that is not installed is named as absent
(`pip install -e ".[dev,bench]"` brings most, `pip install --no-deps piq` one more; piqa needs
torchvision and is measured where it is).
Each section runs in a process of its own. The last table holds the targets.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import facts
from benchmarks.report import Measured, Section, Table, plain, target_table, text
from benchmarks.timing import Options, limit_threads

SECTIONS = {
    "in-process": "inprocess",
    "definitions": "definitions",
    "training": "training",
    "ms-ssim": "multiscale",
    "files": "files",
    "batch": "batch",
    "startup": "startup",
    "precision": "precision",
    "memory": "memory",
}


def run_section(name: str, options: Options, earlier: tuple[Measured, ...]) -> Section:
    """One section, in this process."""
    section: Section = import_module(f"benchmarks.{SECTIONS[name]}").measure(options, earlier)
    return section


def in_its_own_process(name: str, options: Options, earlier: tuple[Measured, ...]) -> Section:
    """One section, with its threads limited before any library is loaded."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, mp_context=spawn, initializer=limit_threads, initargs=(options.threads,)
    ) as pool:
        return pool.submit(run_section, name, options, earlier).result()


def main(arguments: list[str] | None = None) -> None:
    """Prints the tables as they come, and writes JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=200, help="pairs of files")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--large", action="store_true", help="memory of a 20,000 × 20,000 pair")
    parser.add_argument("--small", action="store_true", help="small sizes: no figures to quote")
    given = parser.parse_args(arguments)
    options = Options(
        runs=given.runs,
        threads=given.threads,
        pairs=given.pairs,
        large=given.large,
        small=given.small,
    )
    known = facts(options)
    rows = tuple((name, str(found)) for name, found in known.items())
    print(text(Table("machine and versions", ("", ""), rows)), flush=True)
    found: dict[str, Section] = {}
    for name in given.only:
        earlier = tuple(m for section in found.values() for m in section.measured)
        found[name] = in_its_own_process(name, options, earlier)
        print("\n" + "\n\n".join(text(table) for table in found[name].tables), flush=True)
    print("\n" + text(target_table([t for s in found.values() for t in s.targets])))
    if given.json:
        results = {"machine": known, **{name: plain(s) for name, s in found.items()}}
        given.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
