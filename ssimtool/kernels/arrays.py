"""Forward pass over samples in their memory layout, without torch: means of 1 − SSIM and errors.

The kernels read the samples directly (8 or 16 bits, float32 or float64, planar or interleaved).
They blur each row of windows down the columns, then along the row, and turn it into 1 − SSIM while
it is in the caches. No map is stored unless it is requested. Sums are kept in float64 for each band
of rows. The height of a band depends only on the shape, so the result does not depend on the number
of threads.

Images for which float32 is not precise enough (`precision`), or overflows, are computed again in
float64. The kernels divide once for each window, by a product of fourth powers of the samples,
which overflows for samples near 1e77. The caller therefore computes results that are not finite
again, by plain torch operations.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssimtool.kernels.compiled.forward import Sides, forward
from ssimtool.kernels.compiling import call
from ssimtool.kernels.formula import Formula
from ssimtool.kernels.means import FloatArray, Means
from ssimtool.kernels.plans import Shape, plan_of, window_of
from ssimtool.kernels.precision import are_far, needs_float64
from ssimtool.kernels.reduction import reduced_planes
from ssimtool.kernels.threads import share


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
    """Compute the means, and the map if requested, in one pass over two batches of images.

    Args:
        pair: the samples of both batches.
        shape: (N, C, H, W).
        formula: the formula of SSIM.
        interleaved: whether the channels of a pixel are adjacent in memory.
        wide: whether to compute in float64; otherwise float32 where it is precise enough.
        structure, errors: whether to compute 1 − SSIM, the errors.
        ssim_map: the array for the map, one line of float32 or float64; None computes no map.
        threads: the most threads that may compute; None: as many as torch may use.
    """
    wide = wide or pair.x.dtype == np.float64 or (structure and needs_float64(formula, *shape[2:]))
    flags = interleaved, structure, errors, threads
    means, far = _one_pass(pair, shape, formula, wide, ssim_map, *flags)
    if far is None:
        return means
    again = far.reshape(shape[0], -1).any(axis=1)
    planes = np.repeat(again, len(far) // shape[0])
    part = pair._replace(planes_x=pair.planes_x[planes], planes_y=pair.planes_y[planes])
    part_map = None
    if ssim_map is not None:
        part_map = np.empty(ssim_map.reshape(len(far), -1)[planes].size)
    part_shape = (int(again.sum()), *shape[1:])
    result, _ = _one_pass(part, part_shape, formula, True, part_map, *flags)
    means.structure[again], means.wide[again] = result.structure, True
    if ssim_map is not None and part_map is not None:
        ssim_map.reshape(len(far), -1)[planes] = part_map.reshape(int(planes.sum()), -1)
    return means


def _one_pass(
    pair: Sides,
    shape: Shape,
    formula: Formula,
    wide: bool,
    ssim_map: NDArray[Any] | None,
    interleaved: bool,
    structure: bool,
    errors: bool,
    threads: int | None,
) -> tuple[Means, NDArray[np.bool_] | None]:
    """Return the means, and for which planes they are too far from the centre or not finite; None:
    for none."""
    n, c, h, w = shape
    kind = np.float64 if wide else np.float32
    if not structure:  # with a window of 1, rows of windows are rows of the image
        formula = replace(formula, weights=(1.0,), border="valid")
    plan, window = plan_of(shape, formula, interleaved=interleaved), window_of(formula, kind)
    count = len(pair.planes_x)
    sums, peaks = np.zeros((count, plan.bands, plan.channels)), np.zeros((count, plan.bands))
    error_sums = np.zeros((count if errors else 0, plan.bands, 2))
    line = np.zeros(0, kind) if ssim_map is None else ssim_map
    if line.dtype != kind:  # the map of a batch that is computed again in part
        line = np.empty(len(line), kind)
    # Numba compiles one version for None and one for an integer.
    with_structure = 0 if structure else None
    exact = None if pair.x.dtype.kind == "f" else 0
    rest = pair, window, plan, with_structure, exact, sums, peaks, error_sums, line
    share(
        lambda queue, most: call(forward, queue, most, *rest),
        -(-count // plan.group) * plan.bands,
        n * c * h * w,
        threads=threads,
    )
    if ssim_map is not None and line is not ssim_map:
        ssim_map[:] = line
    totals = sums.sum(axis=1)
    is_doubtful = structure and not wide and not _are_near(peaks, totals, formula)
    far = _far(peaks, totals, formula) if is_doubtful else None
    means = totals.reshape(n, c) / (plan.rows * plan.columns)
    return Means(means, _means_of_errors(error_sums, shape), np.full(n, wide)), far


def _are_near(peaks: FloatArray, totals: FloatArray, formula: Formula) -> bool:
    """Return whether `_far` is true for no plane: sooner, as it is of nearly all batches."""
    return math.isfinite(totals.sum()) and not are_far(peaks.max(), formula)


def _far(peaks: FloatArray, totals: FloatArray, formula: Formula) -> NDArray[np.bool_]:
    """Return for which planes float32 is too far from the centre, or not finite."""
    result: NDArray[np.bool_] = are_far(peaks, formula).any(axis=1)
    return result | ~np.isfinite(totals).all(axis=1)


def _means_of_errors(sums: FloatArray, shape: Shape) -> FloatArray:
    n, *sides = shape
    if not len(sums):
        return np.zeros((n, 2))
    by_image: FloatArray = sums.sum(axis=1).reshape(n, -1, 2).sum(axis=1)
    return by_image / math.prod(sides)


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
    """Compute the means in one pass over two images in the layout of decoders.

    Args:
        x, y: (H, W, C), of a dtype in `means.READ_DTYPES`.
        formula, wide, structure, errors, threads: as for `forward_pass`.
    """
    if structure and formula.downsample > 1:  # the errors are those of the original images
        plain = replace(formula, downsample=1)
        small_x, small_y = (  # float32 would round the means of 3 × 3 pixels
            reduced_image(i, formula.downsample, np.float64, threads=threads) for i in (x, y)
        )
        of_reduced = image_pass(
            small_x, small_y, plain, wide=wide, structure=True, errors=False, threads=threads
        )
        if not errors:
            return of_reduced
        of_errors = image_pass(
            x, y, plain, wide=wide, structure=False, errors=True, threads=threads
        )
        return of_errors._replace(structure=of_reduced.structure, wide=of_reduced.wide)
    h, w, c = x.shape
    x, y = _contiguous(x), _contiguous(y)  # keep a reference while the kernels read their memory
    return forward_pass(
        _sides(x, y),
        (1, c, h, w),
        formula,
        interleaved=True,
        wide=wide,
        structure=structure,
        errors=errors,
        threads=threads,
    )


def loss_map(
    x: NDArray[Any], y: NDArray[Any], formula: Formula, *, threads: int | None = None
) -> FloatArray | None:
    """Return 1 − SSIM of every window of two images, computed in float64.

    Args:
        x, y: (H, W, C), of a dtype in `means.READ_DTYPES`.
        formula: the formula of SSIM, without downsampling.
        threads: as for `forward_pass`.

    Returns:
        (H', W', C); None if a number is not finite.
    """
    h, w, c = x.shape
    x, y = _contiguous(x), _contiguous(y)  # keep a reference while the kernels read their memory
    line = np.empty((h - formula.shrink) * (w - formula.shrink) * c)
    means = forward_pass(
        _sides(x, y),
        (1, c, h, w),
        formula,
        interleaved=True,
        wide=True,
        structure=True,
        errors=False,
        ssim_map=line,
        threads=threads,
    )
    if not np.isfinite(means.structure).all():
        return None
    return np.subtract(1, line, out=line).reshape(h - formula.shrink, w - formula.shrink, c)


def reduced_image(
    image: NDArray[Any], factor: int, kind: type[np.floating], *, threads: int | None = None
) -> NDArray[Any]:
    """Return an image downsampled by a factor: (H // factor, W // factor, C), as `kind`."""
    h, w, c = image.shape
    image = _contiguous(image)  # keep a reference while the kernels read its memory
    result = np.empty((h // factor, w // factor, c), kind)
    start = np.zeros(1, np.int64)
    reduced_planes(
        _line(image), start, w * c, (1, h, w, c), factor, result.reshape(-1), threads=threads
    )
    return result


def _sides(x: NDArray[Any], y: NDArray[Any]) -> Sides:
    """Return two contiguous images (H, W, C) as one plane each."""
    start, step = np.zeros(1, np.int64), x.shape[1] * x.shape[2]
    return Sides(_line(x), _line(y), start, start, step, step)


def _contiguous(image: NDArray[Any]) -> NDArray[Any]:
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements=["C", "A"])


def _line(image: NDArray[Any]) -> NDArray[Any]:
    """Return the memory of an image as one writable line.

    The kernels only read it. A read-only array has another type in Numba, so the kernels would be
    compiled a second time.
    """
    memory = (ctypes.c_uint8 * image.nbytes).from_address(image.ctypes.data)
    return np.ctypeslib.as_array(memory).view(image.dtype)
