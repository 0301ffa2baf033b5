"""The use case of one pair: two images made comparable, to a record and to a map.

On the CPU the fused kernels compute on the arrays as they were read, and torch is not loaded, which
takes longer than many a comparison.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from importlib import import_module

import numpy as np

from ssimtool import __version__
from ssimtool.catalog import Definition, Function, Metric
from ssimtool.devices import Execution, settle
from ssimtool.kernels import internals
from ssimtool.kernels.formula import formula_of, formula_of_scales, scale_weights
from ssimtool.kernels.fused_metrics import FUSED_METRICS, fused_parts
from ssimtool.plugins import find_metric, with_implied
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import status_of
from ssimtool.scoring.checks import check_numbers, check_requested, check_size
from ssimtool.settings import CompareSettings, Computed

Functions = dict[Function, Metric]  # and the first row that is made of each
Values = dict[Function, list[float]]


def compare(pair: Pair, how: CompareSettings, *, execution: Execution | None = None) -> Comparison:
    """Score one pair.

    Args:
        pair: two images made comparable.
        how: what is computed.
        execution: where, settled for all pairs of a process; None settles it for this one.

    Raises:
        SsimtoolError: `too_small`, smaller than the window; `non_finite`, a result beyond floats.
        UnavailableError: a device or a backend that is not present.
    """
    where = execution or execution_of(how)
    values, computed = _numbers(functions_of(pair, how), pair, how, where)
    return record_of(pair, how, values, computed)


def execution_of(
    how: CompareSettings, *, once: bool = False, threads: int | None = None
) -> Execution:
    """Settle where pairs are computed, as `devices.settle` with the settings' own requests.

    Raises:
        UnavailableError: a device or a backend that is not present.
    """
    size = how.definition.window_size
    return settle(how.device, how.backend, window_size=size, once=once, threads=threads)


def _asked(how: CompareSettings) -> tuple[str, ...]:
    return with_implied((*how.metrics, *(t.metric for t in how.thresholds)))


def functions_of(pair: Pair, how: CompareSettings) -> Functions:
    """What is to be computed of a pair.

    Raises:
        SsimtoolError: `too_small`; with a mask, `empty_mask` where no window lies around what
            counts, and `unsupported`, what has none.
    """
    rows = [find_metric(name) for name in _asked(how)]
    functions = {row.function: row for row in reversed(rows)}
    check_requested(_asked(how), pair, how)
    return functions


def record_of(pair: Pair, how: CompareSettings, values: Values, computed: Computed) -> Comparison:
    """The record of a pair.

    Args:
        pair: what was compared.
        how: what was asked for.
        values: by function, what it gave: a number per channel where it has a definition, else one.
        computed: by what they were computed.

    Raises:
        SsimtoolError: `non_finite`, a result beyond floats.
    """
    found, per_channel = _metrics(_asked(how), values)
    check_numbers(found, pair)
    verdicts = tuple(t.judge(found[t.metric]) for t in how.thresholds)
    height, width, channels = pair.reference.shape
    return Comparison(
        status=status_of(verdicts),
        reference=pair.reference_path,
        distorted=pair.distorted_path,
        width=width,
        height=height,
        channels=channels,
        sample_type=pair.sample_type,
        data_range=pair.data_range,
        identical=found.get("mse", 0) == 0 and _are_identical(pair),
        metrics=found,
        per_channel=per_channel,
        definition=parts_of(_definition_of(how, height, width)),
        scales=how.scales_stated,
        colour=pair.colour,
        reading=pair.reading,
        mask=pair.region.mask,
        regions=pair.region.regions,
        counted=pair.counted,
        steps=pair.steps,
        thresholds=verdicts,
        device=computed.device,
        backend=computed.backend,
        precision=computed.precision,
        version=__version__,
        warnings=pair.warnings,
    )


def _definition_of(how: CompareSettings, height: int, width: int) -> Definition:
    """The definition that was computed: MS-SSIM leaves out its reduction."""
    takes = [find_metric(name).takes for name in _asked(how)]
    if {"scales" in t for t in takes if "definition" in t} == {True}:
        return replace(how.definition, downsample=1)
    return how.definition.for_size(height, width)


def _are_identical(pair: Pair) -> bool:
    """Whether all samples that count are."""
    if pair.weight is None:
        return all(map(np.array_equal, pair.reference, pair.distorted))
    rows = zip(pair.reference, pair.distorted, pair.weight, strict=True)
    return all(np.array_equal(x[m > 0], y[m > 0]) for x, y, m in rows)


def map_of(pair: Pair, how: CompareSettings, *, execution: Execution | None = None) -> Array:
    """The SSIM map as large as the image, the mean over the channels.

    Args:
        pair, how, execution: as for `compare`.

    Returns:
        (H, W), float32, −1 to 1; NaN where nothing counts.

    Raises:
        SsimtoolError: `too_small`.
    """
    from ssimtool.scoring import tensors

    check_size(pair, how.definition)
    return tensors.map_of(pair, how, execution or execution_of(how))


def load_torch_for(how: CompareSettings) -> None:
    """Load torch ahead of the first pair, where a metric needs it beside the fused kernels."""
    if any(find_metric(name).function not in FUSED_METRICS for name in _asked(how)):
        from ssimtool.scoring import tensors  # noqa: F401  # for what it loads


def load_kernels() -> None:
    """Loads the kernels ahead of the first pair, for a process of our own; without Numba, torch is
    loaded when it computes."""
    with suppress(ImportError):
        internals.load_numba(lambda: import_module("ssimtool.kernels.arrays"))


def _numbers(
    functions: Functions, pair: Pair, how: CompareSettings, execution: Execution
) -> tuple[Values, Computed]:
    """The numbers of each function, one per channel where it takes a definition."""
    fused = {f: row for f, row in functions.items() if f in FUSED_METRICS}
    if fused and pair.weight is None and not execution.loads_torch:
        wide = how.precision == "double" or pair.reference.dtype.name == "float64"
        values = _on_arrays(fused, pair, how, wide=wide, threads=execution.threads)
        if values is not None:
            rest = {f: row for f, row in functions.items() if f not in fused}
            values |= _by_torch(rest, pair, how) if rest else {}
            return values, Computed("cpu", "fused", "float64" if wide else "float32")
    from ssimtool.scoring.tensors import numbers_of

    return numbers_of(functions, pair, how, execution)


def _by_torch(functions: Functions, pair: Pair, how: CompareSettings) -> Values:
    """The numbers that the fused kernels do not give of a pair that they compute on the CPU."""
    from ssimtool.scoring.tensors import numbers_of

    return numbers_of(functions, pair, how, Execution(device="cpu", backend="torch"))[0]


def _on_arrays(
    functions: Functions, pair: Pair, how: CompareSettings, *, wide: bool, threads: int | None
) -> Values | None:
    """The numbers by the fused kernels; None where they do not read such samples, cannot be
    loaded, or leave what floats hold."""
    try:
        from ssimtool.kernels.arrays import READ_DTYPES, image_pass
        from ssimtool.kernels.pyramid import ms_ssim_pass
    except ImportError:
        return None
    x, y = pair.reference, pair.distorted
    if x.dtype.name not in READ_DTYPES or x.dtype != y.dtype:
        return None
    parts = fused_parts(functions)
    formula = formula_of(how.definition.for_size(*x.shape[:2]), pair.data_range)
    asked = {"wide": wide, "structure": "structure" in parts, "errors": "errors" in parts}
    means = image_pass(x, y, formula, **asked, threads=threads)
    losses = {"ssim_loss": means.structure[0]}
    if "scales" in parts:
        of_scales = formula_of_scales(how.definition, pair.data_range)
        weights = scale_weights(how.scales)
        losses["ms_ssim_loss"] = ms_ssim_pass(x, y, of_scales, weights, wide=wide, threads=threads)
    if not all(np.isfinite(found).all() for found in losses.values()):
        return None
    square, absolute = means.errors[0].tolist()
    with np.errstate(divide="ignore"):  # identical images: inf
        decibels = float(10 * np.log10(np.float64(pair.data_range) ** 2 / np.float64(square)))
    return {
        **{name: found.tolist() for name, found in losses.items()},
        "mse": [square],
        "mae": [absolute],
        "psnr": [decibels],
    }


def _metrics(
    asked: tuple[str, ...], values: Values
) -> tuple[dict[str, float], dict[str, tuple[float, ...]]]:
    """Each metric, and each that has a definition by channel."""
    found: dict[str, float] = {}
    per_channel: dict[str, tuple[float, ...]] = {}
    for name in asked:
        row = find_metric(name)
        of_row = values[row.function]
        mean = sum(of_row) / len(of_row)
        found[name] = 1 - mean if row.complement else mean
        if "definition" in row.takes:
            per_channel[name] = tuple(1 - v if row.complement else v for v in of_row)
    return found, per_channel
