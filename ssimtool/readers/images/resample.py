"""Resample an image to another size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from ssimtool.readers.samples import Array, Samples


def resized(image: Samples, height: int, width: int) -> Samples:
    """Resample an image by Lanczos with three lobes, in float32, weighted by its alpha.

    Integer samples are rounded and stay within the range of their type.
    """
    old = f"{image.samples.shape[1]}x{image.samples.shape[0]}"
    steps = (*image.steps, f"resampled from {old} to {width}x{height} (Lanczos)")
    if image.alpha is None:
        samples = _lanczos(image.samples, height, width)
        return replace(image, samples=_like(samples, image), steps=steps)
    top = float(image.data_range or 1)
    weighted = image.samples * (image.alpha[:, :, None] / top)
    alpha = _lanczos(image.alpha[:, :, None], height, width)
    # a fully transparent pixel becomes black; the limit avoids a division by zero
    samples = _lanczos(weighted, height, width) / np.maximum(alpha / top, 1e-6)
    return replace(
        image, samples=_like(samples, image), alpha=_like(alpha, image)[:, :, 0], steps=steps
    )


def _lanczos(samples: Array, height: int, width: int) -> Array:
    """Resample (H, W, C) to (height, width, C), float32."""
    size, method = (width, height), Image.Resampling.LANCZOS
    planes = [
        np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size, method))
        for plane in np.moveaxis(samples, 2, 0)
    ]
    return np.stack(planes, axis=2)


def _like(samples: Array, image: Samples) -> Array:
    """Convert samples to the type and the range of an image."""
    dtype = image.samples.dtype
    if dtype.kind == "f":
        return samples.astype(dtype)
    limits = np.iinfo(dtype)
    high = min(int(limits.max), int(limits.min) + int(image.data_range or limits.max))
    samples = np.rint(samples.astype(np.float64))
    # float64 cannot hold the limits of 64 bits: clamp the values by hand
    below, above = samples <= limits.min, samples >= high
    result: Array = np.where(below | above, 0, samples).astype(dtype)
    result[below], result[above] = limits.min, high
    return result
