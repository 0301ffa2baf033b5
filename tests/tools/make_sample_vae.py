"""Trains a small conditional VAE and writes what it puts out to sample_images/vae/.

    python tests/tools/make_sample_vae.py

writes recon.npy and raw.npy, (96, 1, 32, 32) in [0, 1], and mu.npy and logvar.npy, (96, 16), all
float32: pictures which the model has not seen in training, the posterior that it encodes them to,
and what it decodes from the posterior MEAN (no sample is drawn, so that the arrays depend on no
draw after training). The pictures are drawn here with NumPy; the model learns by
`ssimtool.MSE_SSIM_KL_Loss` and nothing else.

Everything is seeded: on one machine, with one version of PyTorch and one number of threads, the
files come out the same. Between machines they need not be the same to the bit, because
convolutions add in an order of their own there; a thousand steps of training magnify that.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ssimtool import LossParts, MSE_SSIM_KL_Loss, kl_divergence

SIDE = 32
CLASSES = ("disc", "ring", "rectangle", "cross")
LATENT = 16
SAMPLES = 96  # the four files stay under 1 MB
STEPS = 1500
BATCH = 64
POOL = 8192  # pictures to learn from
LEARNING_RATE = 5e-3
TRAINING_SEED, HELD_OUT_SEED = 1, 2
# mse is a mean over pixels, some 0.002 here, and kl a sum of some 20 nats: with this beta the
# pictures come out right, and the dimensions that they do not need collapse to the prior.
ALPHA, BETA = 1.0, 1e-3
FOLDER = Path(__file__).resolve().parents[2] / "sample_images" / "vae"

Array = NDArray[np.float64]


def _box(u: Array, v: Array, half_u: Array, half_v: Array) -> Array:
    """Distance in pixels to the edge of a box about the origin, negative inside it."""
    du, dv = np.abs(u) - half_u, np.abs(v) - half_v
    outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
    return outside + np.minimum(np.maximum(du, dv), 0)


def _distance(u: Array, v: Array, size: Array, aspect: Array, labels: NDArray[np.int64]) -> Array:
    """Distance in pixels to the edge of the shape that each label names, negative inside it."""
    radius = np.hypot(u, v)
    thin = 0.36 * size  # half the width of the bars of a cross
    candidates = (
        radius - size,
        np.abs(radius - 0.8 * size) - 0.22 * size,
        _box(u, v, size, aspect * size),
        np.minimum(_box(u, v, size, thin), _box(u, v, thin, size)),
    )
    return np.choose(labels[:, None, None], candidates)


def shapes(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draws `count` grey pictures of one shape each, and the class of each.

    Position, size, rotation, aspect, softness of the edge, both brightnesses and the slope of the
    background are random.

    Returns:
        The pictures, (count, 1, 32, 32), float32 in [0, 1], and the classes, (count,), int64.
    """
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float) -> Array:
        return rng.uniform(low, high, (count, 1, 1))

    labels = rng.integers(len(CLASSES), size=count)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2  # pixels from the centre
    dx, dy = x - draw(-4, 4), y - draw(-4, 4)
    # A turn of less than 45° either way: a cross turned by 90° is the same picture, and a circle of
    # angles fits a Gaussian posterior badly.
    turn, size, aspect = draw(-0.35, 0.35), draw(7, 11), draw(0.5, 1)
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    # An edge of one pixel or more is a ramp over the distance: anti-aliased without oversampling.
    cover = np.clip(0.5 - _distance(u, v, size, aspect, labels) / draw(1, 2.5), 0, 1)
    ground = draw(0.1, 0.4) + (draw(-0.1, 0.1) * x + draw(-0.1, 0.1) * y) / SIDE
    picture = ground + cover * (draw(0.6, 1) - ground)
    picture = np.where(draw(0, 1) < 0.5, picture, 1 - picture)  # half are dark on light
    return torch.from_numpy(picture[:, None].astype(np.float32)), torch.from_numpy(labels)


class ConditionalVAE(nn.Module):
    """A convolutional VAE of which both halves are told the class of the picture."""

    def __init__(self, latent: int = LATENT, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.classes = classes
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1 + classes, 24, 4, stride=2, padding=1), nn.SiLU()),
            *(nn.Conv2d(24, 64, 4, stride=2, padding=1), nn.SiLU()),
            *(nn.Conv2d(64, 64, 4, stride=2, padding=1), nn.SiLU(), nn.Flatten()),
            *(nn.Linear(64 * 4 * 4, 128), nn.SiLU(), nn.Linear(128, 2 * latent)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latent + classes, 128), nn.SiLU()),
            *(nn.Linear(128, 64 * 4 * 4), nn.SiLU(), nn.Unflatten(1, (64, 4, 4))),
            *(nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1), nn.SiLU()),
            *(nn.ConvTranspose2d(64, 24, 4, stride=2, padding=1), nn.SiLU()),
            *(nn.ConvTranspose2d(24, 1, 4, stride=2, padding=1), nn.Sigmoid()),
        )

    def encode(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance of the posterior, (N, latent) each."""
        planes = F.one_hot(labels, self.classes).to(x)[:, :, None, None]
        planes = planes.expand(-1, -1, *x.shape[2:])
        mu, logvar = self.encoder(torch.cat((x, planes), dim=1)).chunk(2, dim=1)
        return mu, logvar

    def decode(self, z: Tensor, labels: Tensor) -> Tensor:
        """The pictures, (N, 1, 32, 32) in [0, 1], of the points z of the latent space."""
        recon: Tensor = self.decoder(torch.cat((z, F.one_hot(labels, self.classes).to(z)), dim=1))
        return recon

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The reconstruction from a sample of the posterior, and its mu and logvar."""
        mu, logvar = self.encode(x, labels)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decode(z, labels), mu, logvar


def _step(
    model: ConditionalVAE, optimizer: torch.optim.Optimizer, raw: Tensor, labels: Tensor
) -> LossParts:
    """One step of the optimizer on one batch; the loss and its parts before it."""
    recon, mu, logvar = model(raw, labels)
    parts: LossParts = MSE_SSIM_KL_Loss(alpha=ALPHA, beta=BETA)(recon, raw, mu, logvar)
    optimizer.zero_grad()
    parts.loss.backward()
    # One wild step early on, and exp(logvar) overflows for good.
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return parts


def train(
    steps: int = STEPS, *, seed: int = 0, pool: int = POOL, verbose: bool = False
) -> tuple[ConditionalVAE, list[float]]:
    """Trains a new model by Adam on random batches; sets the seed of PyTorch.

    Returns:
        The model, and the loss of each step.
    """
    torch.manual_seed(seed)
    pictures, labels = shapes(pool, TRAINING_SEED)
    model = ConditionalVAE()
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    losses = []
    for step in range(1, steps + 1):
        chosen = torch.randint(pool, (BATCH,))
        parts = _step(model, optimizer, pictures[chosen], labels[chosen])
        schedule.step()
        losses.append(parts.loss.item())
        if verbose and (step == 1 or step % 100 == 0):
            print(f"step {step:5d}  {_describe(parts)}")
    return model, losses


def _describe(parts: LossParts) -> str:
    """The loss and its parts on one line."""
    return "  ".join(f"{name} {value.item():.5f}" for name, value in parts._asdict().items())


@torch.no_grad()
def held_out(model: ConditionalVAE, count: int = SAMPLES) -> dict[str, Tensor]:
    """recon, raw, mu and logvar of pictures not trained on, decoded from the posterior mean."""
    raw, labels = shapes(count, HELD_OUT_SEED)
    mu, logvar = model.encode(raw, labels)
    return {"recon": model.decode(mu, labels), "raw": raw, "mu": mu, "logvar": logvar}


def save(arrays: dict[str, Tensor], folder: Path) -> None:
    """Writes each array to a .npy of its name, float32."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.numpy().astype(np.float32, copy=False))


def check(folder: Path) -> None:
    """Prints the loss of the arrays as they lie in the folder, their ranges and the KL."""
    names = ("recon", "raw", "mu", "logvar")
    arrays = [torch.from_numpy(np.load(folder / f"{name}.npy")) for name in names]
    print(f"held out    {_describe(MSE_SSIM_KL_Loss(ALPHA, BETA)(*arrays))}")
    for name, array in zip(names, arrays, strict=True):
        print(f"{name:6} {tuple(array.shape)}, from {array.min():.3f} to {array.max():.3f}")
    mu, logvar = arrays[2:]
    by_dimension = [kl_divergence(mu[:, [d]], logvar[:, [d]]).mean() for d in range(mu.shape[1])]
    print("kl by dimension:", *(f"{kl:.4f}" for kl in sorted(by_dimension, reverse=True)))


def main() -> None:
    """Trains, says whether the loss fell, writes the files and checks them."""
    start = time.perf_counter()
    model, losses = train(verbose=True)
    first, last = float(np.mean(losses[:20])), float(np.mean(losses[-20:]))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, alpha {ALPHA}, beta {BETA}")
    print(f"loss, mean of 20 steps: {first:.4f} at first, {last:.4f} at last")
    if last >= first:
        raise SystemExit("the loss did not fall; nothing is written")
    save(held_out(model), FOLDER)
    check(FOLDER)
    print(f"{FOLDER} written after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
