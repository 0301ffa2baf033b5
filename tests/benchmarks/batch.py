"""Many pairs by whole commands, start-up included.

- `ssimtool batch` over pairs of 1920×1080 RGB, PNG and JPEG, beside ffmpeg's `ssim` filter over the
  same sequences, and beside the loop over the library of the section `files`, without its start;
- pairs of 64×64, how long each takes and how much memory is resident after 1,000 and after 10,000.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.files import FEW, NAMES, Pairs, cores, ffmpeg_command
from benchmarks.files import ssimtool as library
from benchmarks.pictures import write_pairs
from benchmarks.report import Measured, Section, Table, Target, across, measured, times_ours
from benchmarks.timing import Options, Sample, clock, rounds

OURS, RATE, LIBRARY, FFMPEG = "ssimtool", "ssimtool, without its start", "library loop", "ffmpeg"
NOTES = (
    "pairs/s of the whole command, and in brackets how many times the time of ssimtool it takes",
    f"without its start: the time of all pairs minus that of the last {FEW}, by the pairs between",
    "library loop: as in the section files, in this process, without its start",
    "ffmpeg: its own SSIM, of blocks of 8×8; JPEG as it decodes it, in YCbCr 4:2:0",
)
# After how many pairs, and over how many, time and memory are looked at.
FIRST, LAST, SPAN = 1_000, 10_000, 500


def command(pairs: Pairs, threads: int, folder: Path, *options: str) -> list[str]:
    """`ssimtool batch` over a list of the pairs."""
    manifest = folder / f"{len(pairs)}{Path(pairs[0][0]).suffix}.csv"
    manifest.write_text("".join(f"{x},{y}\n" for x, y in pairs))
    tool = [sys.executable, "-m", "ssimtool", "batch", "--pairs", str(manifest), "--device", "cpu"]
    return [*tool, "--jobs", str(threads), "-m", "ssim", "-q", *options]


def whole(line: list[str], threads: int, count: int) -> Callable[[], Sample]:
    """A command, from its start to its end, on so many cores."""

    def work() -> None:
        with cores(threads):
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)

    return lambda: clock(work, pieces=count)


def without_start(
    line: list[str], short: list[str], threads: int, between: int
) -> Callable[[], Sample]:
    """A command on all pairs, beside the same on a few, with `between` pairs fewer."""
    every, few = whole(line, threads, 1), whole(short, threads, 1)

    def work() -> Sample:
        long = every()
        return Sample((long.seconds - few().seconds) / between, long.busy)

    return work


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Both formats, then the small pairs."""
    size = (320, 240) if options.small else (1920, 1080)
    rows: list[Measured] = []
    with tempfile.TemporaryDirectory() as name:
        folder, threads = Path(name), options.threads
        for suffix, pairs in write_pairs(folder, options.pairs, size, threads).items():
            line = command(pairs, threads, folder, "-f", "ndjson")
            short = command(pairs[-FEW:], threads, folder, "-f", "ndjson")
            found = {
                OURS: whole(line, threads, len(pairs)),
                RATE: without_start(line, short, threads, len(pairs) - FEW),
                LIBRARY: library(pairs, threads),
            }
            absent = {}
            try:
                found[FFMPEG] = whole(ffmpeg_command(pairs, threads), threads, len(pairs))
            except ImportError as error:
                absent[FFMPEG] = f"absent: {error}"
            times = rounds(found, options.runs)
            rows += measured("batch", NAMES[suffix], times, absent, 1, "pairs/s")
    title = f"{options.pairs} pairs of {size[0]}×{size[1]} RGB by whole commands"
    table = across(title, rows, [OURS, RATE, LIBRARY, FFMPEG], NOTES)
    small, held = many_small(options)
    return Section(tuple(rows), (table, small), (*_targets(tuple(rows)), *held))


def _targets(rows: tuple[Measured, ...]) -> tuple[Target, ...]:
    found = []
    for name in NAMES.values():
        loop, rate, ffmpeg = (times_ours(rows, name, peer) for peer in (LIBRARY, RATE, FFMPEG))
        both = None if loop is None or rate is None else loop / rate
        found += [
            Target(f"batch, {name}, without its start: times the library loop", 0.9, both),
            Target(f"batch, {name}: times the pairs/s of ffmpeg", 1, ffmpeg),
        ]
    return tuple(found)


def many_small(options: Options) -> tuple[Table, tuple[Target, ...]]:
    """One run over small pairs: what it takes early and late."""
    first, last = (FIRST // 10, LAST // 10) if options.small else (FIRST, LAST)
    span = min(SPAN, first // 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = write_pairs(folder, 20, (64, 64), options.threads)["png"]
        line = command(pairs * (last // 20), options.threads, folder, "-f", "ndjson")
        early, late = _watched(line, (first, last), span)
    rows = tuple(
        (f"{count:,}", f"{1e3 * seconds:.3g} ms", f"{resident / 1e6:.4g} MB")
        for count, (seconds, resident) in ((first, early), (last, late))
    )
    what = f"batch: {{}} after {last:,} small pairs, over that after {first:,}"
    targets = (
        Target(what.format("time per pair"), 1.1, late[0] / early[0], at_least=False),
        Target(what.format("resident memory"), 1.1, late[1] / early[1], at_least=False),
    )
    columns = ("pairs", f"time per pair, of the last {span}", "resident memory")
    return Table("Small pairs, 64×64 PNG, in one run", columns, rows), targets


def _watched(line: list[str], places: tuple[int, int], span: int) -> list[tuple[float, int]]:
    """Seconds per pair over the `span` before each place, and the resident bytes there."""
    found = []
    with subprocess.Popen(line, stdout=subprocess.PIPE) as running:
        for number, _ in enumerate(running.stdout or (), 1):
            if number + span in places:
                begun = time.perf_counter()
            elif number in places:
                seconds = (time.perf_counter() - begun) / span
                pages = Path(f"/proc/{running.pid}/statm").read_text().split()[1]
                found.append((seconds, int(pages) * 4096))
    return found
