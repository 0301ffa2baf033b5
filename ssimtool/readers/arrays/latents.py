"""Open and check a saved posterior (mu, logvar), and read some of its rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.sources import ArraySource, open_array
from ssimtool.readers.samples import Array

CHUNK = 1 << 21  # values of mu read at a time: 8 MB of float32
KEYS = ("mu", "logvar")


@dataclass(frozen=True)
class Latents:
    """Arrays mu and logvar: floats of one shape, (N, ...)."""

    mu: ArraySource
    logvar: ArraySource

    @property
    def samples(self) -> int:
        """Number of samples, N."""
        return self.mu.shape[0]

    @property
    def dimensions(self) -> int:
        """Number of values per sample, D."""
        return int(np.prod(self.mu.shape[1:], dtype=object))

    @property
    def size(self) -> int:
        """Number of values of mu."""
        return self.samples * self.dimensions

    def release(self) -> None:
        """Release the memory of the rows read so far."""
        self.mu.release()
        self.logvar.release()


def open_latents(paths: tuple[str, ...], *, max_bytes: int | None = None) -> Latents:
    """Open the arrays of MU LOGVAR, or of one DUMP.npz with these keys.

    Args:
        paths: one or two files.
        max_bytes: the limit of `open_array`.

    Raises:
        SsimtoolError: a file cannot be read, or the arrays do not match.
    """
    if len(paths) == 1:
        named = open_dump(paths[0], KEYS, max_bytes=max_bytes)
    else:
        pairs = zip(KEYS, paths, strict=True)
        named = {key: open_array(path, max_bytes=max_bytes) for key, path in pairs}
    latents = Latents(named["mu"], named["logvar"])
    check_posterior(latents.mu, latents.logvar)
    shape = latents.mu.shape
    if not shape or 0 in shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{latents.mu.name}: has shape {shape}, expected (N, D) or (N, ...), none of them 0; "
            "save the posterior of at least one sample",
        )
    return latents


def check_posterior(mu: ArraySource, logvar: ArraySource) -> None:
    """Check that both arrays are floats of one shape.

    Raises:
        SsimtoolError: they are not.
    """
    for source in (mu, logvar):
        if source.dtype.kind != "f":
            raise SsimtoolError(
                "unsupported",
                f"{source.name}: has dtype {source.dtype}, expected floats; convert it",
            )
    if mu.shape != logvar.shape:
        raise SsimtoolError(
            "shape_mismatch",
            f"{mu.name}: has shape {mu.shape}, {logvar.name} {logvar.shape}, expected one shape; "
            "save both from the same batch",
        )


def rows(source: ArraySource) -> Iterator[Array]:
    """Samples of one array in order, (n, D): about CHUNK values, at least one sample at a time."""
    samples, rest = source.shape[0], int(np.prod(source.shape[1:], dtype=object))
    step = max(1, CHUNK // rest)
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        yield source.read(start, stop).reshape(stop - start, -1)
