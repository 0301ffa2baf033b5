"""In one process, from ready arrays: the mean SSIM, in Msamples/s (pixels times channels)."""

from __future__ import annotations

import numpy as np
import torch
from benchmarks.peers import NOTES, PEERS, prepared
from benchmarks.report import Measured, Section, Target, across, measured, times_ours, value
from benchmarks.timing import Options, repeated, rounds

SHAPES = {
    "512×512": (1, 1, 512, 512),
    "1024×1024": (1, 1, 1024, 1024),
    "1920×1080×3": (1, 3, 1080, 1920),
    "64×1×128×128": (64, 1, 128, 128),
}
DTYPES = {"uint8": torch.uint8, "float32": torch.float32}
UNIT = "Msamples/s"
FULL = "1920×1080×3 uint8"


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Every library on every shape, in uint8 and in float32."""
    rows: dict[str, list[Measured]] = {}
    for dtype_name, dtype in DTYPES.items():
        rows[dtype_name] = []
        for shape_name, (n, c, h, w) in SHAPES.items():
            shape = (min(n, 4), c, h // 8, w // 8) if options.small else (n, c, h, w)
            x, y = (t.to(dtype) for t in pair(shape))
            found, absent = prepared(PEERS, x, y, options.threads)
            contenders = {k: repeated(loss, options.least) for k, loss in found.items()}
            times = rounds(contenders, options.runs)
            case = f"{shape_name} {dtype_name}"
            work = x.numel() / 1e6
            rows[dtype_name] += measured("in-process", case, times, absent, work, UNIT)
    notes = [
        f"{UNIT}, and in brackets how many times the time of ssimtool it takes; {options.threads} "
        "threads each",
        *(f"{name}: {note}" for name, note in NOTES.items()),
    ]
    title = "SSIM and its mean from ready arrays, in one process"
    tables = tuple(
        across(
            f"{title}: {name}",
            found,
            list(PEERS),
            [*notes, CONVERTED] if name == "uint8" else notes,
        )
        for name, found in rows.items()
    )
    every = tuple(m for found in rows.values() for m in found)
    return Section(every, tables, targets(every, options))


CONVERTED = (
    "pytorch-msssim, torchmetrics, kornia and piqa take floats alone: their conversion of uint8 is "
    "counted, since users pay it"
)


def pair(shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise and more noise, 8-bit values in uint8: no time here depends on the content."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, 256, shape, dtype=np.uint8)
    y = np.clip(x + rng.normal(0, 9, shape), 0, 255).astype(np.uint8)
    return torch.from_numpy(x), torch.from_numpy(y)


def targets(rows: tuple[Measured, ...], options: Options) -> tuple[Target, ...]:
    """What the figures must show."""
    busy = [m.busy for m in rows if m.contender == "ssimtool" and m.busy is not None]
    alone = value(rows, FULL, "ssimtool, 1 thread")
    return (
        Target(f"{FULL}: times the speed of OpenCV", 4, times_ours(rows, FULL, "OpenCV")),
        Target(
            f"{FULL}: times the speed of pytorch-msssim",
            40,
            times_ours(rows, FULL, "pytorch-msssim"),
        ),
        Target(f"{FULL}: times the speed of the C loop", 0.75, times_ours(rows, FULL, "C loop")),
        Target(
            f"in-process: user time over wall time, {options.threads} threads",
            1.1 * options.threads,
            max(busy),
            at_least=False,
        ),
        Target(
            "in-process: user time over wall time, 1 thread",
            1.1,
            alone.busy if alone else None,
            at_least=False,
        ),
    )
