"""Open and check the four arrays of a training run, and read them in chunks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssimtool.errors import SsimtoolError
from ssimtool.readers.arrays.archives import open_dump
from ssimtool.readers.arrays.latents import check_posterior
from ssimtool.readers.arrays.sources import ArraySource, open_array
from ssimtool.readers.samples import Array
from ssimtool.settings import BatchLayout, ImageShape

CHUNK = 1 << 21  # samples of recon read at a time: 16 MB in float64
KEYS = ("recon", "raw", "mu", "logvar")
FLAT_CHANNELS = (1, 3)  # of a flattened square image
FLAT_SIDE = 8  # least side of one: narrower rows are those of small images, as often as not


@dataclass(frozen=True)
class Arrays:
    """Arrays of one evaluation; mu and logvar are None if they are not needed.

    `flattened` is the shape (C, H, W) of each row of recon and raw if they are (N, C·H·W).
    """

    recon: ArraySource
    raw: ArraySource
    mu: ArraySource | None
    logvar: ArraySource | None
    layout: BatchLayout
    flattened: ImageShape | None = None

    @property
    def samples(self) -> int:
        """Number of samples; an array of two axes is one sample unless its rows are."""
        return self.recon.shape[0] if self.flattened or len(self.recon.shape) > 2 else 1

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
    def image_shape(self) -> ImageShape:
        """Shape of one sample, (C, H, W)."""
        if self.flattened:
            return self.flattened
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


def open_arrays(
    paths: tuple[str, ...],
    *,
    latents: bool,
    layout: BatchLayout,
    image_shape: ImageShape | None = None,
    max_bytes: int | None = None,
) -> Arrays:
    """Open the arrays of RECON RAW [MU LOGVAR], or of one DUMP.npz.

    Args:
        paths: one, two or four files.
        latents: whether mu and logvar are needed.
        layout: layout of arrays with four axes, and of flattened rows.
        image_shape: shape (C, H, W) of the images if recon and raw are flattened, (N, C·H·W).
        max_bytes: the limit of `open_array`.

    Raises:
        SsimtoolError: a file cannot be read, or the arrays do not match.
    """
    needed = KEYS if latents else KEYS[:2]
    if len(paths) == 1:
        named = open_dump(paths[0], needed, max_bytes=max_bytes)
    else:
        pairs = zip(needed, paths, strict=False)
        named = {key: open_array(path, max_bytes=max_bytes) for key, path in pairs}
    mu, logvar = (named[key] if latents else None for key in KEYS[2:])
    whole = image_shape == (1, *named["recon"].shape)  # one image, as two axes are without it
    flattened = None if whole else image_shape
    arrays = Arrays(named["recon"], named["raw"], mu, logvar, layout, flattened)
    _check_images(arrays)
    if not whole:
        _check_rows(arrays)
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


def _check_rows(arrays: Arrays) -> None:
    """Check that rows are images exactly if an image shape was given."""
    name, shape = arrays.recon.name, arrays.recon.shape
    if arrays.flattened:
        size = math.prod(arrays.flattened)
        if math.prod(shape[1:]) != size:
            raise SsimtoolError(
                "shape_mismatch",
                f"{name}: has shape {shape}, expected (N, {size}) for images of shape "
                f"{arrays.flattened}; pass the --image-shape that was flattened",
            )
        return
    if len(shape) != 2:
        return
    rows, width = shape
    beside = arrays.mu is not None and arrays.mu.shape[:1] == (rows,)
    squares = [(c, side, side) for c in FLAT_CHANNELS if (side := _side(width, c)) >= FLAT_SIDE]
    # one image beside the latents of one sample, or as high as wide
    is_image = rows == width or (arrays.mu is not None and arrays.mu.shape[:1] == (1,) != (rows,))
    if (beside and rows > 1) or (squares and not is_image):
        example = f" (e.g. {','.join(map(str, squares[0]))})" if squares else ""
        why = f"{rows} rows as {arrays.mu.name}, " if beside and arrays.mu else ""
        raise SsimtoolError(
            "shape_mismatch",
            f"{name}: has shape {shape}, {why}which looks like {rows} flattened images; pass "
            f"--image-shape C,H,W of one row{example}, or 1,{rows},{width} if it is one image",
        )


def _side(width: int, channels: int) -> int:
    """Return the side of a square image of `width` values; 0 if there is none."""
    side = math.isqrt(width // channels)
    return side if side * side * channels == width else 0


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
    if len(source.shape) == 2 and not arrays.flattened:
        return source.read(0, source.shape[0])[None, None]
    array = source.read(start, stop)
    if arrays.flattened:
        c, h, w = arrays.flattened
        array = array.reshape(-1, *((h, w, c) if arrays.layout == "nhwc" else (c, h, w)))
    elif len(source.shape) == 3:
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if arrays.layout == "nhwc" else array
