"""Scores of metrics on tensors, by one fused pass or by a call of the metric's function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from ssimtool.catalog import Function, Metric
from ssimtool.errors import SsimtoolError, is_out_of_memory
from ssimtool.kernels.fused_metrics import fused_parts
from ssimtool.loading import LOADING
from ssimtool.metrics import public as metrics
from ssimtool.plugins import error_words, plugin_words
from ssimtool.readers.files import shown
from ssimtool.readers.samples import Pair
from ssimtool.settings import CompareSettings

OUR_FUNCTIONS = "ssimtool.metrics.public"


def function_of(row: Metric) -> Callable[..., Any]:
    """Return the function of a metric; it is imported if the row names it."""
    if not isinstance(row.function, str):
        return row.function
    module, _, name = row.function.rpartition(":")
    with LOADING:
        function: Callable[..., Any] = getattr(import_module(module or OUR_FUNCTIONS), name)
    return function


def call(
    row: Metric, x: Tensor, y: Tensor, *, dtype: torch.dtype, arguments: Mapping[str, Any]
) -> Tensor:
    """Return the score of each image, (N,).

    Args:
        row: the metric.
        x: the references, (N, C, H, W), of any dtype.
        y: the distorted images, of the same shape and dtype.
        dtype: floating dtype that the images are converted to for a function that takes no
            `dtype`.
        arguments: values of all keyword arguments that a row can take.

    Raises:
        SsimtoolError: `plugin`, the function of a plug-in raised, cannot be imported or did not
            return (N,) floats. The message does not name the file; `of_pair` adds it.
    """
    options = {name: arguments[name] for name in row.takes}
    if "dtype" not in row.takes:
        # A plug-in gets a copy: what it writes there must not reach other metrics.
        x, y = (image.to(dtype, copy=row.distribution is not None) for image in (x, y))
    try:
        return _checked(function_of(row)(x, y, **options), x)
    except (Exception, SystemExit) as error:
        if row.distribution is None or is_out_of_memory(error):
            raise
        raise SsimtoolError("plugin", plugin_words(row, f"failed: {error_words(error)}")) from error


def of_pair(error: SsimtoolError, pair: Pair) -> SsimtoolError:
    """Return the error of a metric with the name of the distorted file in its message."""
    return SsimtoolError(error.code, f"{shown(pair.distorted_path)}: {error.message}")


def _checked(result: object, x: Tensor) -> Tensor:
    if not isinstance(result, Tensor):
        raise TypeError(f"returned {type(result).__name__}, expected a tensor of shape (N,)")
    if result.shape != x.shape[:1]:
        raise ValueError(f"returned shape {tuple(result.shape)}, expected {tuple(x.shape[:1])}")
    if not result.is_floating_point():
        raise TypeError(f"returned {result.dtype}, expected a floating dtype")
    return result.detach().to(x.device)


def fused_scores(
    functions: Iterable[Function],
    x: Tensor,
    y: Tensor,
    data_range: float,
    settings: CompareSettings,
    dtype: torch.dtype,
) -> tuple[dict[Function, Tensor], str]:
    """Return the scores of one fused pass over both images, by the functions that it replaces, and
    the precision of SSIM."""
    parts = fused_parts(functions)
    structure, errors = "structure" in parts, "errors" in parts
    formula = metrics.formula_of(settings.definition.for_size(*x.shape[2:]), data_range)
    means = metrics.one_pass(x, y, formula, dtype, structure=structure, errors=errors)
    scores: dict[Function, Tensor] = {}
    if structure:
        scores["ssim_loss"] = means.structure[0]
    if "scales" in parts:
        of_scales = metrics.formula_of_scales(settings.definition, data_range)
        weights = metrics.scale_weights(settings.scales)
        losses = metrics.ms_ssim_losses(x, y, of_scales, weights, dtype, fused=True)
        scores["ms_ssim_loss"] = losses[0]
    if errors:
        scores |= {"mse": means.mse, "mae": means.mae}
        scores["psnr"] = metrics.psnr_of(means.mse, data_range)
    wide = dtype == torch.float64 or bool(means.wide.all())
    return scores, "float64" if wide else "float32"
