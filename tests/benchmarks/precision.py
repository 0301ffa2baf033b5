"""Precision beside speed: the error of each library against float64 on the hard pictures."""

from __future__ import annotations

from benchmarks.bench_precision import PEERS, cases, errors
from benchmarks.inprocess import FULL
from benchmarks.report import Measured, Section, Table, value
from benchmarks.timing import Options


def measure(options: Options, earlier: tuple[Measured, ...] = ()) -> Section:
    """One table; the speeds are those that the in-process section of this run found."""
    pictures = cases()
    rows = []
    for name in PEERS:
        found = value(earlier, FULL, name)
        floats = value(earlier, FULL.replace("uint8", "float32"), name)
        speeds = tuple(m.cell if m else "" for m in (found, floats))
        rows.append((name, *speeds, *errors(name, options.threads)))
    columns = ("", FULL, FULL.replace("uint8", "float32"), *pictures)
    notes = (
        "speed: Msamples/s, and in brackets how many times the time of ssimtool it takes; empty "
        "where this run did not measure it",
        "errors: of 1 − SSIM in float32, relative, each library against its own float64; 1e+00 "
        "means that nothing is left",
    )
    return Section(tables=(Table("Precision beside speed", columns, tuple(rows), notes),))
