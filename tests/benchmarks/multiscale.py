"""MS-SSIM in one process: its mean from ready arrays, and a training step, in Msamples/s."""

from __future__ import annotations

import torch
from benchmarks.inprocess import pair
from benchmarks.peers import NOTES, Loss, Peer, prepared
from benchmarks.report import Measured, Section, Table, across, measured
from benchmarks.timing import Options, repeated, rounds
from benchmarks.training import Score, step
from torch import Tensor

SHAPES = {"512×512": (1, 1, 512, 512), "1920×1080×3": (1, 3, 1080, 1920)}
STEPS = {"16×3×256×256": (16, 3, 256, 256)}
DTYPES = {"uint8": torch.uint8, "float32": torch.float32}
SMALL = 176  # pixels: five scales need 161


def ssimtool(data_range: float) -> Score:
    """ssimtool."""
    from ssimtool import ms_ssim_loss

    return lambda x, y: ms_ssim_loss(x, y, data_range=data_range).mean()


def pytorch_msssim(data_range: float) -> Score:
    """pytorch-msssim."""
    from pytorch_msssim import ms_ssim

    return lambda x, y: 1 - ms_ssim(_floats(x), _floats(y), data_range=data_range)


def torchmetrics(data_range: float) -> Score:
    """torchmetrics."""
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as ms_ssim,
    )

    return lambda x, y: 1 - ms_ssim(_floats(x), _floats(y), data_range=float(data_range))


SCORES = {"ssimtool": ssimtool, "pytorch-msssim": pytorch_msssim, "torchmetrics": torchmetrics}


def _floats(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.float()


def _peer(name: str) -> Peer:
    """A library on samples as it takes them: see `peers`."""
    memory = torch.channels_last if name == "ssimtool" else torch.contiguous_format

    def peer(x: Tensor, y: Tensor, threads: int) -> Loss:
        torch.set_num_threads(threads)
        score = SCORES[name](255)
        x, y = (t.contiguous(memory_format=memory) for t in (x, y))
        return lambda: score(x, y).item()

    return peer


PEERS = {name: _peer(name) for name in SCORES}


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Every library on every shape and dtype, then the training step."""
    rows: list[Measured] = []
    for dtype_name, dtype in DTYPES.items():
        for shape_name, (n, c, h, w) in SHAPES.items():
            shape = (n, c, SMALL, SMALL) if options.small else (n, c, h, w)
            x, y = (t.to(dtype) for t in pair(shape))
            found, absent = prepared(PEERS, x, y, options.threads)
            contenders = {k: repeated(loss, options.least) for k, loss in found.items()}
            times = rounds(contenders, options.runs)
            case = f"{shape_name} {dtype_name}"
            rows += measured("ms-ssim", case, times, absent, x.numel() / 1e6, "Msamples/s")
    steps = _steps(options, absent)
    notes = [
        "Msamples/s, and in brackets how many times the time of ssimtool it takes; "
        f"{options.threads} threads each",
        f"torchmetrics: {NOTES['torchmetrics']}",
    ]
    tables: tuple[Table, ...] = (
        across("MS-SSIM of five scales from ready arrays", rows, list(SCORES), notes),
        across("A training step with MS-SSIM, float32, one input", steps, list(SCORES), notes),
    )
    return Section((*rows, *steps), tables, ())


def _steps(options: Options, absent: dict[str, str]) -> list[Measured]:
    rows: list[Measured] = []
    there = {name: score(1) for name, score in SCORES.items() if name not in absent}
    for case, (n, c, h, w) in STEPS.items():
        shape = (1, c, SMALL, SMALL) if options.small else (n, c, h, w)
        contenders = {k: step(s, shape, options.least) for k, s in there.items()}
        times = rounds(contenders, options.runs)
        work = torch.Size(shape).numel() / 1e6
        rows += measured("ms-ssim", f"step {case}", times, absent, work, "Msamples/s")
    return rows
