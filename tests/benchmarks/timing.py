"""Contenders beside each other: each round runs every one of them once, in turn."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for; `small` takes sizes for a quick look, no figures to quote."""

    runs: int = 7
    threads: int = 2
    pairs: int = 200
    large: bool = False
    small: bool = False

    @property
    def least(self) -> float:
        """Seconds that a short call is repeated for, to make one run."""
        return 0.001 if self.small else 0.1


class Sample(NamedTuple):
    """One timed run: seconds per piece of work, and how many cores it kept busy."""

    seconds: float
    busy: float


@dataclass(frozen=True)
class Times:
    """The runs of one contender."""

    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(s.seconds for s in self.samples)

    @property
    def busy(self) -> float:
        """User time over wall time, the median."""
        return statistics.median(s.busy for s in self.samples)

    def over(self, other: Times) -> float:
        """The median of the ratios of runs of one round: a machine that drifts does not move it."""
        pairs = zip(self.samples, other.samples, strict=True)
        return statistics.median(a.seconds / b.seconds for a, b in pairs)


def clock(work: Callable[[], object], *, calls: int = 1, pieces: int = 1) -> Sample:
    """Times some calls, each of which does so many pieces of work."""
    user, start = _user(), time.perf_counter()
    for _ in range(calls):
        work()
    wall = time.perf_counter() - start
    return Sample(wall / (calls * pieces), (_user() - user) / wall)


def _user() -> float:
    """The user time of this process and of those it waited for."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(w).ru_utime for w in who)


def repeated(work: Callable[[], object], least: float) -> Callable[[], Sample]:
    """A contender for `rounds`: it calls `work` as often as fills `least` seconds. Its first run,
    the warm-up, finds out how often that is."""
    calls = 0

    def run() -> Sample:
        nonlocal calls
        if not calls:
            work()  # compiles what is compiled on the first call
            calls = max(1, round(least / clock(work).seconds))
        return clock(work, calls=calls)

    return run


def rounds(contenders: Mapping[str, Callable[[], Sample]], runs: int) -> dict[str, Times]:
    """Runs all contenders in turn, once as a warm-up and then `runs` times."""
    found: dict[str, list[Sample]] = {name: [] for name in contenders}
    for _ in range(runs + 1):
        for name, run in contenders.items():
            time.sleep(0.005)  # threads of the one before, which spin a while for more work, rest
            found[name].append(run())
    return {name: Times(tuple(samples[1:])) for name, samples in found.items()}


def limit_threads(threads: int) -> None:
    """For libraries that read the environment once, as they are loaded: call it before that."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
