"""Precision in float32: ssimtool and its peers against float64, on hard pictures.

    python tests/benchmarks/bench_precision.py

For each picture the relative error of 1 - SSIM: what a loss needs as the two images come close. A
peer that is not installed is named as absent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ssimtool import ssim_loss

Loss = Callable[[Tensor, Tensor], float]


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


def pytorch_msssim() -> Loss:
    """pytorch-msssim, as it comes."""
    from pytorch_msssim import ssim

    return lambda x, y: 1 - ssim(x, y, data_range=255).item()


def torchmetrics() -> Loss:
    """torchmetrics, with its own definition: against its own float64."""
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    return lambda x, y: 1 - ssim(x, y, data_range=255.0).item()


def scikit_image() -> Loss:
    """scikit-image with the window of 2004; it computes float32 input in float32."""
    from skimage.metrics import structural_similarity as ssim

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return lambda x, y: 1 - ssim(x[0, 0].numpy(), y[0, 0].numpy(), data_range=255, **options)


def ours() -> Loss:
    """ssimtool."""
    return lambda x, y: ssim_loss(x, y, data_range=255).item()


def main() -> None:
    """Prints a Markdown table."""
    print("| picture | 1 − SSIM | " + " | ".join(PEERS) + " |")
    print("|---|---:|" + "---:|" * len(PEERS))
    for name, (x, y) in cases().items():
        cells = []
        for make in PEERS.values():
            try:
                loss = make()
            except ImportError:
                cells.append("absent")
                continue
            exact = loss(x.double(), y.double())
            cells.append(f"{abs(loss(x, y) - exact) / exact:.0e}")
        exact = ssim_loss(x.double(), y.double(), data_range=255).item()
        print(f"| {name} | {exact:.3g} | " + " | ".join(cells) + " |")


PEERS: dict[str, Callable[[], Loss]] = {
    "ssimtool": ours,
    "pytorch-msssim": pytorch_msssim,
    "torchmetrics": torchmetrics,
    "scikit-image": scikit_image,
}

if __name__ == "__main__":
    main()
