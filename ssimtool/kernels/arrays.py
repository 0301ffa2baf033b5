"""The way forward over samples as they lie, without torch: the means of 1 − SSIM and of the errors.

Each row of windows is blurred down the columns straight from the samples as they lie (8 or 16
bits, float32 or float64, planar or interleaved), then along the row, and becomes 1 − SSIM while it
is in the caches; no map is held unless it is asked for. Sums are kept in float64, by bands whose
height depends on the shape alone, so the result does not depend on the number of threads.

The kernels divide once for each window, by a product of fourth powers of the samples, which leaves
the numbers of float32 with samples near 1e9 or a data range near 1e-9. What is not finite is
therefore computed again by plain torch operations, by who calls this.
"""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.compiled.forward import Sides, forward
from ssimtool.kernels.compiling import call
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.plans import Shape, more_of, plan_of, window_of
from ssimtool.kernels.reduction import reduced_planes
from ssimtool.kernels.threads import share

Numbers = NDArray[np.float64]
READ_DTYPES = ("uint8", "uint16", "float32", "float64")  # the dtypes that the kernels read


class Means(NamedTuple):
    """`structure` is the mean of 1 − SSIM of each channel, (N, C); `errors` the mean squared and
    absolute error of each image, (N, 2). 0 where they are not asked for."""

    structure: Numbers
    errors: Numbers


def forward_pass(
    pair: Sides,
    shape: Shape,
    formula: Formula,
    *,
    interleaved: bool,
    wide: bool,
    structure: bool,
    errors: bool,
    ssim_map: NDArray[Any] | None = None,
    threads: int | None = None,
) -> Means:
    """One pass over two batches of images.

    Args:
        pair: their samples.
        shape: (N, C, H, W).
        formula: which SSIM.
        interleaved: whether the channels of a pixel lie side by side.
        wide: whether it is computed in float64, else in float32.
        structure, errors: what is asked for.
        ssim_map: where the map goes, one line of the computing dtype; None: nowhere.
        threads: how many may compute; None: as many as torch may use.
    """
    n, c, h, w = shape
    kind = np.float64 if wide else np.float32
    if not structure:  # rows of windows are rows of the image then
        formula = replace(formula, weights=(1.0,), border="valid")
    plan, window = plan_of(shape, formula, interleaved=interleaved), window_of(formula, kind)
    more, count = more_of(plan, window), len(pair.planes_x)
    sums = np.zeros((count, plan.bands, plan.channels))
    wrong = np.zeros((count if errors else 0, plan.bands, 2))
    line = np.zeros(0, kind) if ssim_map is None else ssim_map
    asked, exact = 0 if structure else None, None if pair.x.dtype.kind == "f" else 0
    share(
        lambda first, last: call(
            forward, first, last, pair, window, more, plan, asked, exact, sums, wrong, line
        ),
        count * plan.bands,
        n * c * h * w,
        threads=threads,
    )
    means = sums.sum(axis=1).reshape(n, c) / (plan.rows * plan.columns)
    if not errors:
        return Means(means, np.zeros((n, 2)))
    return Means(means, wrong.sum(axis=1).reshape(n, -1, 2).sum(axis=1) / (c * h * w))


def image_pass(
    x: NDArray[Any],
    y: NDArray[Any],
    formula: Formula,
    *,
    wide: bool,
    structure: bool,
    errors: bool,
    threads: int | None = None,
) -> Means:
    """One pass over two images as decoders leave them.

    Args:
        x, y: (H, W, C), of one of the dtypes of `READ_DTYPES`.
        formula, wide, structure, errors, threads: as for `forward_pass`.
    """
    if structure and formula.downsample > 1:  # the errors are those of the images as they are
        kind, plain = np.float64 if wide else np.float32, replace(formula, downsample=1)
        near, far = (reduced_image(i, formula.downsample, kind, threads=threads) for i in (x, y))
        of_reduced = image_pass(
            near, far, plain, wide=wide, structure=True, errors=False, threads=threads
        )
        if not errors:
            return of_reduced
        found = image_pass(x, y, plain, wide=wide, structure=False, errors=True, threads=threads)
        return found._replace(structure=of_reduced.structure)
    h, w, c = x.shape
    x, y = _contiguous(x), _contiguous(y)  # held as long as their memory is read
    start = np.zeros(1, np.int64)
    return forward_pass(
        Sides(_line(x), _line(y), start, start, w * c, w * c),
        (1, c, h, w),
        formula,
        interleaved=True,
        wide=wide,
        structure=structure,
        errors=errors,
        threads=threads,
    )


def reduced_image(
    image: NDArray[Any], factor: int, kind: type[np.floating], *, threads: int | None = None
) -> NDArray[Any]:
    """An image (H, W, C) reduced by a factor, as `kind`: (H // factor, W // factor, C)."""
    h, w, c = image.shape
    image = _contiguous(image)  # held as long as its memory is read
    result = np.empty((h // factor, w // factor, c), kind)
    start = np.zeros(1, np.int64)
    reduced_planes(
        _line(image), start, w * c, (1, h, w, c), factor, result.reshape(-1), threads=threads
    )
    return result


def _contiguous(image: NDArray[Any]) -> NDArray[Any]:
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements=["C", "A"])


def _line(image: NDArray[Any]) -> NDArray[Any]:
    """The memory of an image. An array that may not be written to would be of another type to
    Numba, for which the kernels were compiled once more; they only read it."""
    memory = (ctypes.c_uint8 * image.nbytes).from_address(image.ctypes.data)
    return np.ctypeslib.as_array(memory).view(image.dtype)
