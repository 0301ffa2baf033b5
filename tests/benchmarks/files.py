"""From files: pairs of 1920×1080 RGB, PNG and JPEG, decoded and compared, in pairs/s.

- ssimtool: a loop over the library in one process, as many threads as are asked for, each of which
  decodes both images of a pair, into the memory of its last pair, and compares them, alone;
- ffmpeg: its `ssim` filter over two image sequences, in one process, with the same limit on the
  threads of its decoders and its filter, and on the cores it may use;
- scikit-image: the same loop, decoding by Pillow, over a tenth of the pairs: it is slow.

The start of a process is left out. For ffmpeg by a difference: the time for all pairs minus that
for the last few, in the same round, over the number of pairs between.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from benchmarks.pictures import write_pairs
from benchmarks.report import Measured, Section, Target, across, measured, times_ours
from benchmarks.timing import Options, Sample, clock, rounds

Pairs = list[tuple[str, str]]
FEW = 3  # pairs that ffmpeg reads in the run that stands for its start
NAMES = {"png": "PNG", "jpg": "JPEG"}
TARGETS = {"png": 1.15, "jpg": 1.3}
NOTES = (
    "pairs/s, and in brackets how many times the time of ssimtool it takes",
    "ffmpeg: its own SSIM, of blocks of 8×8; JPEG is compared as it decodes it, in YCbCr 4:2:0, "
    "which is half the samples; its time is that of all pairs minus that of the last few",
    "scikit-image: decoded by Pillow, in float64; the same number of threads, and a tenth of the "
    "pairs",
)


def ssimtool(pairs: Pairs, threads: int) -> Callable[[], Sample]:
    """The loop over the library."""
    from ssimtool import ssim
    from ssimtool.readers.align import Reading, read_pair

    how = Reading()
    last = threading.local()

    def compare(paths: tuple[str, str]) -> float:
        pair = last.pair = read_pair(*paths, how, into=getattr(last, "pair", None))
        x, y = _as_batch(pair.reference), _as_batch(pair.distorted)
        return ssim(x, y, data_range=pair.data_range, dtype=torch.float32).item()

    return _in_a_pool(compare, pairs, threads)


def scikit_image(pairs: Pairs, threads: int) -> Callable[[], Sample]:
    """The loop with scikit-image and Pillow."""
    from PIL import Image
    from skimage.metrics import structural_similarity

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}

    def compare(paths: tuple[str, str]) -> float:
        x, y = (np.asarray(Image.open(path)) for path in paths)
        return structural_similarity(x, y, data_range=255, channel_axis=2, **options)

    return _in_a_pool(compare, pairs[: max(threads, len(pairs) // 10)], threads)


def ffmpeg(pairs: Pairs, threads: int) -> Callable[[], Sample]:
    """The filter of ffmpeg, without its start."""
    ffmpeg_command(pairs, threads)
    count = len(pairs)

    def start(first: int) -> None:
        with cores(threads):
            subprocess.run(ffmpeg_command(pairs, threads, first), check=True)

    def run() -> Sample:
        every, few = clock(lambda: start(0)), clock(lambda: start(count - FEW))
        return Sample((every.seconds - few.seconds) / (count - FEW), every.busy)

    return run


def ffmpeg_command(pairs: Pairs, threads: int, first: int = 0) -> list[str]:
    """The filter over the sequences that the pairs are, from one of them on.

    Raises:
        ImportError: ffmpeg is absent.
    """
    if shutil.which("ffmpeg") is None:
        raise ImportError("no ffmpeg")
    patterns = [str(Path(p).with_name(Path(p).name.replace("000", "%03d"))) for p in pairs[0]]
    limit = ["-threads", str(threads)]
    inputs = [[*limit, "-start_number", str(first), "-i", p] for p in patterns]
    filters = ["-filter_complex_threads", str(threads), "-filter_complex", "[0:v][1:v]ssim"]
    command = ["ffmpeg", "-v", "error", "-nostdin", *inputs[0], *inputs[1], *filters]
    return [*command, "-f", "null", "-"]


def _in_a_pool(
    compare: Callable[[tuple[str, str]], float], pairs: Pairs, threads: int
) -> Callable[[], Sample]:
    def run() -> Sample:
        with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
            return clock(lambda: list(pool.map(compare, pairs)), pieces=len(pairs))

    return run


def _as_batch(image: np.ndarray) -> torch.Tensor:
    """(H, W, C) to (1, C, H, W), the same memory where it may be written to: torch wants that."""
    return torch.from_numpy(np.require(image, requirements="W")).permute(2, 0, 1)[None]


@contextmanager
def cores(threads: int) -> Iterator[None]:
    """What is started meanwhile runs on so many cores at most."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


PEERS = {"ssimtool": ssimtool, "ffmpeg": ffmpeg, "scikit-image": scikit_image}


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """All three on both formats."""
    torch.set_num_threads(1)
    rows: list[Measured] = []
    size = (320, 240) if options.small else (1920, 1080)
    with tempfile.TemporaryDirectory() as folder:
        count = max(options.pairs, FEW + 1)
        for suffix, pairs in write_pairs(Path(folder), count, size, options.threads).items():
            found, absent = {}, {}
            for name, peer in PEERS.items():
                try:
                    found[name] = peer(pairs, options.threads)
                except ImportError as error:
                    absent[name] = f"absent: {error}"
            times = rounds(found, options.runs)
            rows += measured("files", NAMES[suffix], times, absent, 1, "pairs/s")
    title = f"From files: {count} pairs of {size[0]}×{size[1]} RGB, {options.threads} threads each"
    table = across(title, rows, list(PEERS), NOTES)
    return Section(tuple(rows), (table,), targets(tuple(rows), options))


def targets(rows: tuple[Measured, ...], options: Options) -> tuple[Target, ...]:
    """What the figures must show."""
    speeds = tuple(
        Target(
            f"files, {NAMES[suffix]}: times the pairs/s of ffmpeg",
            bound,
            times_ours(rows, NAMES[suffix], "ffmpeg"),
        )
        for suffix, bound in TARGETS.items()
    )
    busy = [m.busy for m in rows if m.contender == "ssimtool" and m.busy is not None]
    what = f"files: user time over wall time, {options.threads} threads"
    return (*speeds, Target(what, 1.1 * options.threads, max(busy), at_least=False))
