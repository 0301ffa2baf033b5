"""Pairs of noisy photographs for the benchmarks that read files."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLE = Path(__file__).resolve().parents[2] / "sample_images" / "reference.png"
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry")
SAVED_AS = {"png": {"compress_level": 6}, "jpg": {"quality": 90}}


def photographs() -> list[Image.Image]:
    """Those that scikit-image brings along, else the sample of this repository."""
    try:
        from skimage import data
    except ImportError:
        return [Image.open(SAMPLE).convert("RGB")]
    return [Image.fromarray(getattr(data, name)()) for name in PHOTOGRAPHS]


def reference(number: int, size: tuple[int, int]) -> np.ndarray:
    """A photograph at its own scale, mirrored at its edges to a size (width, height) from some
    place on, with the noise of a sensor: RGB. Enlarging it would leave less to decode."""
    rng = np.random.default_rng(number)
    all_of_them = photographs()
    photograph = np.asarray(all_of_them[number % len(all_of_them)])
    rows, columns = (
        _mirrored(int(rng.integers(2 * length)), wanted, length)
        for length, wanted in zip(photograph.shape[:2], reversed(size), strict=True)
    )
    return with_noise(photograph[rows][:, columns], 3, number)


def _mirrored(start: int, wanted: int, length: int) -> np.ndarray:
    """Indices 0 to length − 1, to and fro."""
    there = (start + np.arange(wanted)) % (2 * length)
    return np.minimum(there, 2 * length - 1 - there)


def with_noise(image: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    """The image with Gaussian noise."""
    noise = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    noise *= deviation
    noise += image
    return np.clip(np.round(noise, out=noise), 0, 255, out=noise).astype(np.uint8)


def distorted(image: np.ndarray, number: int) -> np.ndarray:
    """With more noise, or as a poor JPEG left it, in turn."""
    if number % 2:
        return with_noise(image, 8, 1000 + number)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "jpeg", quality=50)
    return np.asarray(Image.open(stream))


def write_pairs(
    folder: Path, count: int, size: tuple[int, int], threads: int, distinct: int = 20
) -> dict[str, list[tuple[str, str]]]:
    """Writes `count` pairs as PNG and as JPEG, r000.png and d000.png and so on; beyond the first
    `distinct` they are links to those.

    Returns:
        the pairs of paths by suffix.
    """

    def write(number: int) -> None:
        x = reference(number, size)
        for side, image in (("r", x), ("d", distorted(x, number))):
            for suffix, options in SAVED_AS.items():
                path = folder / f"{side}{number:03d}.{suffix}"
                Image.fromarray(image).save(path, **options)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(min(count, distinct))))
    for number in range(distinct, count):
        for side in "rd":
            for suffix in SAVED_AS:
                link = folder / f"{side}{number:03d}.{suffix}"
                link.symlink_to(f"{side}{number % distinct:03d}.{suffix}")
    return {
        suffix: [tuple(str(folder / f"{s}{i:03d}.{suffix}") for s in "rd") for i in range(count)]
        for suffix in SAVED_AS
    }
