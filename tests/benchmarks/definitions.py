"""Each definition of SSIM beside the library whose number it is, in Msamples/s."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from benchmarks import peers
from benchmarks.inprocess import UNIT, pair
from benchmarks.report import Cell, Measured, Section, Table, measured
from benchmarks.timing import Options, repeated, rounds

if TYPE_CHECKING:
    from torch import Tensor

SHAPE = (1, 3, 1080, 1920)


def measure(options: Options, _: tuple[Measured, ...] = ()) -> Section:
    """Every definition that has a library on the CPU, on one picture of uint8."""
    n, c, h, w = SHAPE
    x, y = pair((n, c, h // 8, w // 8) if options.small else SHAPE)
    found: list[Measured] = []
    rows: list[tuple[Cell, ...]] = []
    for definition, (library, peer) in LIBRARIES.items():
        both = {"ssimtool": _ours(definition), library: peer}
        losses, absent = peers.prepared(both, x, y, options.threads)
        contenders = {name: repeated(loss, options.least) for name, loss in losses.items()}
        times = rounds(contenders, options.runs)
        case = measured("definitions", definition, times, absent, x.numel() / 1e6, UNIT)
        found += case
        cells = {m.contender: m.cell for m in case}
        rows.append((definition, cells["ssimtool"], library, cells[library]))
    notes = (
        f"{UNIT}, and in brackets how many times the time of ssimtool it takes; {options.threads} "
        "threads each; scikit-image and sewar have one",
    )
    columns = ("definition", "ssimtool", "library", "its speed")
    title = "Each definition beside its library: 1920×1080×3 uint8"
    return Section(tuple(found), (Table(title, columns, tuple(rows), notes),))


def _ours(definition: str) -> peers.Peer:
    def prepare(x: Tensor, y: Tensor, threads: int) -> peers.Loss:
        from ssimtool import ssim_loss

        torch.set_num_threads(threads)
        a, b = (t.contiguous(memory_format=torch.channels_last) for t in (x, y))
        options = {"data_range": 255, "definition": definition}
        return lambda: ssim_loss(a, b, **options).mean().item()

    return prepare


def scikit_image(x: Tensor, y: Tensor, threads: int) -> peers.Loss:
    """scikit-image by default."""
    from skimage.metrics import structural_similarity

    a, b = (np.ascontiguousarray(t[0].permute(1, 2, 0).numpy()) for t in (x, y))
    return lambda: 1 - float(structural_similarity(a, b, data_range=255, channel_axis=2))


def sewar(x: Tensor, y: Tensor, threads: int) -> peers.Loss:
    """sewar by default."""
    import sewar as library

    a, b = (np.ascontiguousarray(t[0].permute(1, 2, 0).numpy()) for t in (x, y))
    return lambda: 1 - float(library.ssim(a, b, MAX=255)[0])


def piq(x: Tensor, y: Tensor, threads: int) -> peers.Loss:
    """piq by default; `pip install --no-deps piq` is enough for it."""
    ssim = piq_ssim()
    torch.set_num_threads(threads)
    return lambda: 1 - ssim(x.float(), y.float(), data_range=255).item()


def piq_ssim() -> Callable[..., Tensor]:
    """The function of piq, without its __init__, which loads torchvision."""
    from ssimtool.metrics.adapters.loading import piq_module

    found: Callable[..., Tensor] = piq_module("ssim").ssim
    return found


LIBRARIES: dict[str, tuple[str, peers.Peer]] = {
    "wang2004": ("pytorch-msssim", peers.pytorch_msssim),
    "skimage": ("scikit-image", scikit_image),
    "torchmetrics": ("torchmetrics", peers.torchmetrics),
    "piq": ("piq", piq),
    "sewar": ("sewar", sewar),
}
