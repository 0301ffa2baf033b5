"""Scores and SSIM map of a pair on arrays, on the CPU, without torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ssimtool.catalog import Function
from ssimtool.devices import Execution
from ssimtool.kernels.formula import Formula, formula_of, formula_of_scales, scale_weights
from ssimtool.kernels.fused_metrics import fused_parts
from ssimtool.kernels.means import READ_DTYPES, ImagePass, LossMap, Means, Reduction
from ssimtool.kernels.pyramid import ms_ssim_pass
from ssimtool.readers.samples import Array, Pair
from ssimtool.scoring.bands import bands
from ssimtool.scoring.map_size import MAP_SAMPLES, definition_of_map, enlarged
from ssimtool.settings import CompareSettings, Computed

LEAST_RANGE = 1e-100


class Engine(NamedTuple):
    """Functions that compute, by NumPy or by the fused kernels. `is_wide`: always in float64."""

    backend: str
    is_wide: bool
    image_pass: ImagePass
    reduced_image: Reduction
    loss_map: LossMap


def numbers_of(
    functions: Iterable[Function], pair: Pair, settings: CompareSettings, execution: Execution
) -> tuple[dict[Function, list[float]], Computed] | None:
    """Compute the numbers that the metrics of a pair are derived from.

    Args:
        functions: functions of `FUSED_METRICS`.
        pair: the images, without a mask.
        settings: the definition, the scales and the precision.
        execution: where to compute.

    Returns:
        the numbers of each function, and what computed them; None if the kernels cannot be loaded,
        do not read samples of this type, or return a number that is not finite.
    """
    x, y = pair.reference, pair.distorted
    engine = _engine_of(pair, execution)
    if engine is None:
        return None
    parts = fused_parts(functions)
    double = engine.is_wide or settings.precision == "double" or x.dtype.name == "float64"
    formula = formula_of(settings.definition.for_size(*x.shape[:2]), pair.data_range)
    structure, errors = "structure" in parts, "errors" in parts
    means = engine.image_pass(x, y, formula, wide=double, structure=structure, errors=errors)
    losses, wide = {"ssim_loss": means.structure[0]}, double or bool(means.wide[0])
    if "scales" in parts:
        losses["ms_ssim_loss"], widened = ms_ssim_pass(
            x,
            y,
            formula_of_scales(settings.definition, pair.data_range),
            scale_weights(settings.scales),
            wide=double,
            image_pass=engine.image_pass,
            reduced_image=engine.reduced_image,
        )
        wide = wide or widened
    if not all(np.isfinite(loss).all() for loss in losses.values()):
        return None
    values: dict[Function, list[float]] = {name: loss.tolist() for name, loss in losses.items()}
    values |= _errors(means, pair.data_range)
    return values, Computed("cpu", engine.backend, "float64" if wide else "float32")


def _errors(means: Means, data_range: float) -> dict[Function, list[float]]:
    """Return the errors; the PSNR of identical images is infinite."""
    square, absolute = means.errors[0].tolist()
    with np.errstate(divide="ignore"):
        decibels = float(10 * np.log10(np.float64(data_range) ** 2 / np.float64(square)))
    return {"mse": [square], "mae": [absolute], "psnr": [decibels]}


def map_of(pair: Pair, settings: CompareSettings, execution: Execution) -> Array | None:
    """Return the SSIM map, as `tensors.map_of` does; None where `numbers_of` would return it."""
    x, y = pair.reference, pair.distorted
    engine = _engine_of(pair, execution)
    if engine is None:
        return None
    height, width = x.shape[:2]
    definition = definition_of_map(settings.definition, height, width)
    factor = definition.downsample or 1
    if factor > 1:
        x, y = (engine.reduced_image(image, factor, np.float64) for image in (x, y))
        definition = replace(definition, downsample=1)
    formula = formula_of(definition, pair.data_range)
    ssim_map = np.empty(x.shape[:2], np.float32)
    for band in bands(len(x), max(1, MAP_SAMPLES // x[0].size), definition):
        losses = engine.loss_map(x[band.source], y[band.source], formula)
        if losses is None:
            return None
        ssim_map[band.core] = (1 - losses[band.kept]).mean(axis=2)
    return enlarged(ssim_map, factor, height, width)


def are_read(x: Array, y: Array) -> bool:
    """Return whether the passes read the dtype of two images."""
    return x.dtype.name in READ_DTYPES and x.dtype == y.dtype


def _engine_of(pair: Pair, execution: Execution) -> Engine | None:
    """Return what computes a pair; None if it cannot be loaded or does not read the samples."""
    x, y = pair.reference, pair.distorted
    # a range whose square overflows is refused, with its reason, by the functions on tensors
    if not are_read(x, y) or not LEAST_RANGE <= pair.data_range <= 1 / LEAST_RANGE:
        return None
    if execution.backend == "numpy":
        from ssimtool.kernels import small

        if small.is_precise(x, y, pair.data_range):
            return by_numpy()
    try:
        from ssimtool.kernels import arrays
    except ImportError:
        return None
    threads = execution.threads
    return Engine(
        backend="fused",
        is_wide=False,
        image_pass=partial(arrays.image_pass, threads=threads),
        reduced_image=partial(arrays.reduced_image, threads=threads),
        loss_map=partial(arrays.loss_map, threads=threads),
    )


def by_numpy() -> Engine:
    """Return the functions that compute by NumPy."""
    from ssimtool.kernels import small

    def image_pass(
        x: Array, y: Array, formula: Formula, *, wide: bool, structure: bool, errors: bool
    ) -> Means:
        return small.image_pass(x, y, formula, structure=structure, errors=errors)

    return Engine("numpy", True, image_pass, small.reduced_image, small.loss_map)
