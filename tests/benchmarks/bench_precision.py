"""Precision in float32: ssimtool and its peers against float64, on hard pictures.

    python tests/benchmarks/bench_precision.py

For each picture the relative error of 1 - SSIM: what a loss needs as the two images come close. A
peer that is not installed is named as absent.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from benchmarks import peers
from benchmarks.peers import prepared
from torch import Tensor

from ssimtool import ssim_loss

# Those that take floats.
PEERS = {n: p for n, p in peers.PEERS.items() if n not in ("ssimtool, 1 thread", "C loop")}


def cases() -> dict[str, tuple[Tensor, Tensor]]:
    """Pairs of pictures (1, 1, 256, 256) with values of 8 bits, in float32."""
    rng = np.random.RandomState(11)
    flat = np.full((256, 256), 250.0)
    ramp = np.linspace(200, 255, 256)[None, :].repeat(256, axis=0)
    noise = rng.randint(0, 256, (256, 256)).astype(float)
    one_off = noise.copy()
    one_off[128, 128] += 1 if one_off[128, 128] < 255 else -1
    least = rng.randint(-1, 2, (256, 256))
    pairs = {
        "flat 250, noise of 1 level": (flat, flat + least),
        "bright gradient, noise of 1 level": (ramp, np.clip(ramp + least, 0, 255)),
        "noise, more noise": (noise, np.clip(noise + rng.normal(0, 5, noise.shape), 0, 255)),
        "one pixel off by one level": (noise, one_off),
    }
    return {
        name: tuple(torch.from_numpy(a).float()[None, None] for a in pair)
        for name, pair in pairs.items()
    }


def errors(name: str, threads: int = 1) -> list[str]:
    """The relative error of one library on every picture, or why there is none."""
    found = []
    for x, y in cases().values():
        (single, double), absent = _losses(name, x, y, threads)
        found.append(absent or f"{abs(single - double) / double:.0e}")
    return found


def _losses(name: str, x: Tensor, y: Tensor, threads: int) -> tuple[tuple[float, float], str]:
    """1 − SSIM in float32 and in float64, or why it is absent."""
    values = []
    for pair in ((x, y), (x.double(), y.double())):
        losses, absent = prepared({name: PEERS[name]}, *pair, threads)
        if absent:
            return (0, 0), absent[name]
        values.append(losses[name]())
    return (values[0], values[1]), ""


def main() -> None:
    """Prints a Markdown table."""
    print("| picture | 1 − SSIM | " + " | ".join(PEERS) + " |")
    print("|---|---:|" + "---:|" * len(PEERS))
    columns = [errors(name) for name in PEERS]
    for number, (name, (x, y)) in enumerate(cases().items()):
        exact = ssim_loss(x.double(), y.double(), data_range=255).item()
        cells = " | ".join(column[number] for column in columns)
        print(f"| {name} | {exact:.3g} | {cells} |")


if __name__ == "__main__":
    main()
