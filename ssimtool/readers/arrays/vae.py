"""Open and check the four arrays of a training run, and read them in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.latents import check_posterior
from ssimtool.readers.arrays.sources import ArraySource, open_array, open_dump
from ssimtool.readers.samples import Array
from ssimtool.settings import BatchLayout

CHUNK = 1 << 21  # samples of recon read at a time: 16 MB in float64
KEYS = ("recon", "raw", "mu", "logvar")


@dataclass(frozen=True)
class Arrays:
    """Arrays of one evaluation; mu and logvar are None if they are not needed."""

    recon: ArraySource
    raw: ArraySource
    mu: ArraySource | None
    logvar: ArraySource | None
    layout: BatchLayout

    @property
    def samples(self) -> int:
        """Number of samples; an array of two axes is one sample."""
        return self.recon.shape[0] if len(self.recon.shape) > 2 else 1

    def release(self) -> None:
        """Release the memory of the rows read so far."""
        for source in (self.recon, self.raw, self.mu, self.logvar):
            if source is not None:
                source.release()

    @property
    def size(self) -> int:
        """Number of values of recon."""
        return int(np.prod(self.recon.shape, dtype=object))

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one sample, (C, H, W)."""
        shape = self.recon.shape
        if len(shape) < 4:
            return 1, shape[-2], shape[-1]
        if self.layout == "nhwc":
            return shape[3], shape[1], shape[2]
        return shape[1], shape[2], shape[3]


@dataclass(frozen=True)
class Chunk:
    """Some samples: recon and raw (n, C, H, W), mu and logvar (n, D)."""

    start: int
    recon: Array
    raw: Array
    mu: Array | None
    logvar: Array | None


def open_arrays(paths: tuple[str, ...], *, latents: bool, layout: BatchLayout) -> Arrays:
    """Open the arrays of RECON RAW [MU LOGVAR], or of one DUMP.npz.

    Args:
        paths: one, two or four files.
        latents: whether mu and logvar are needed.
        layout: layout of arrays with four axes.

    Raises:
        SsimtoolError: a file cannot be read, or the arrays do not match.
    """
    needed = KEYS if latents else KEYS[:2]
    if len(paths) == 1:
        named = open_dump(paths[0], needed)
    else:
        named = {key: open_array(path) for key, path in zip(needed, paths, strict=False)}
    mu, logvar = (named[key] if latents else None for key in KEYS[2:])
    arrays = Arrays(named["recon"], named["raw"], mu, logvar, layout)
    _check_images(arrays)
    _check_latents(arrays)
    return arrays


def _check_images(arrays: Arrays) -> None:
    recon, raw = arrays.recon, arrays.raw
    if len(recon.shape) not in (2, 3, 4) or 0 in recon.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{recon.name}: has shape {recon.shape}, expected (N, C, H, W), (N, H, W) or (H, W), "
            "none of them 0; reshape it",
        )
    if recon.shape != raw.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{recon.name}: has shape {recon.shape}, {raw.name} {raw.shape}, expected one shape; "
            "save both from the same batch",
        )


def _check_latents(arrays: Arrays) -> None:
    mu, logvar = arrays.mu, arrays.logvar
    if mu is None or logvar is None:
        return
    check_posterior(mu, logvar)
    if not mu.shape or mu.shape[0] != arrays.samples or 0 in mu.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{mu.name}: has shape {mu.shape}, expected ({arrays.samples}, D) for the "
            f"{arrays.samples} samples of {arrays.recon.name}; reshape it",
        )


def chunks(arrays: Arrays) -> Iterator[Chunk]:
    """Samples in order: about CHUNK values of recon, at least one sample at a time.

    Mapped arrays are not copied; they keep the byte order of their file.
    """
    latent = arrays.mu.shape[1:] if arrays.mu else ()
    largest = max(int(np.prod(shape)) for shape in (arrays.image_shape, latent))
    step = max(1, CHUNK // largest)
    for start in range(0, arrays.samples, step):
        stop = min(start + step, arrays.samples)
        yield Chunk(
            start,
            _images(arrays, arrays.recon, start, stop),
            _images(arrays, arrays.raw, start, stop),
            *(
                None if source is None else source.read(start, stop).reshape(stop - start, -1)
                for source in (arrays.mu, arrays.logvar)
            ),
        )


def _images(arrays: Arrays, source: ArraySource, start: int, stop: int) -> Array:
    if len(source.shape) == 2:
        return source.read(0, source.shape[0])[None, None]
    array = source.read(start, stop)
    if len(source.shape) == 3:
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if arrays.layout == "nhwc" else array
