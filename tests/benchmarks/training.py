"""A training step: 1 − SSIM forward and backward, the gradient of one of the two inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from benchmarks.report import Measured, Section, Target, across, measured, times_ours
from benchmarks.timing import Options, Sample, repeated, rounds
from torch import Tensor

SHAPES = {
    "16×3×256×256": (16, 3, 256, 256),
    "64×1×128×128": (64, 1, 128, 128),
    "128×1×32×32": (128, 1, 32, 32),
}
TARGETS = {"16×3×256×256": 10, "64×1×128×128": 10, "128×1×32×32": 3}
Score = Callable[[Tensor, Tensor], Tensor]


def ssimtool() -> Score:
    """ssimtool, with the definition of pytorch-msssim."""
    from ssimtool import ssim_loss

    return lambda x, y: ssim_loss(x, y, data_range=1).mean()


def pytorch_msssim() -> Score:
    """pytorch-msssim."""
    from pytorch_msssim import ssim

    return lambda x, y: 1 - ssim(x, y, data_range=1)


def torchmetrics() -> Score:
    """torchmetrics."""
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    return lambda x, y: 1 - ssim(x, y, data_range=1.0)


def kornia() -> Score:
    """kornia."""
    from kornia.metrics import ssim

    return lambda x, y: 1 - ssim(x, y, 11).mean()


PEERS = {
    "ssimtool": ssimtool,
    "pytorch-msssim": pytorch_msssim,
    "torchmetrics": torchmetrics,
    "kornia": kornia,
}


def step(score: Score, shape: tuple[int, ...], least: float) -> Callable[[], Sample]:
    """A contender: the step, again and again."""
    generator = torch.Generator().manual_seed(3)
    y = torch.rand(shape, generator=generator)
    x = (0.9 * y + 0.1 * torch.rand(shape, generator=generator)).requires_grad_()

    def run() -> None:
        x.grad = None
        score(x, y).backward()

    return repeated(run, least)


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Every library on every shape."""
    torch.set_num_threads(options.threads)
    scores, absent = {}, {}
    for name, peer in PEERS.items():
        try:
            scores[name] = peer()
        except (ImportError, RuntimeError) as error:
            absent[name] = f"absent: {error}"
    rows: list[Measured] = []
    for case, (n, c, h, w) in SHAPES.items():
        shape = (max(1, n // 16), c, h, w) if options.small else (n, c, h, w)
        contenders = {k: step(s, shape, options.least) for k, s in scores.items()}
        times = rounds(contenders, options.runs)
        work = torch.Size(shape).numel() / 1e6
        rows += measured("training", case, times, absent, work, "Msamples/s")
    notes = [
        "Msamples/s, float32, and in brackets how many times the time of ssimtool it takes; "
        f"{options.threads} threads each",
        "torchmetrics, kornia: another definition: mirrored border, whole map",
    ]
    table = across("A training step: forward and backward, one input", rows, list(PEERS), notes)
    targets = tuple(
        Target(
            f"training {case}: times the speed of pytorch-msssim",
            bound,
            times_ours(rows, case, "pytorch-msssim"),
        )
        for case, bound in TARGETS.items()
    )
    return Section(tuple(rows), (table,), targets)
