"""The use case of `explain`: SSIM of a pair by every definition, and the effect of each part in
which a definition differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ssimtool import __version__
from ssimtool.catalog import DEFINITIONS, Definition
from ssimtool.definitions import steps_between
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.kernels.formula import smallest_side
from ssimtool.readers.align import read_pair, recorded
from ssimtool.readers.memory import name_of
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.explanation import Difference, Explained, Explanation
from ssimtool.scoring.failures import failure_of
from ssimtool.scoring.images import CompareRequest
from ssimtool.scoring.pair import compare, execution_of
from ssimtool.settings import CompareSettings

Scored = Callable[[Definition], Comparison | SsimtoolError]
FIRST = "wang2004"  # the definition of the paper; the others are compared with it


def explain_once(request: CompareRequest, *, debug: bool = False) -> Explanation:
    """Explain the SSIM of two images in a process that computes nothing else.

    Args:
        request: the images and the settings.
        debug: raise errors instead of returning them as records.

    Returns:
        the explanation; an error that the user can fix is a record of the status `error`.

    Raises:
        UnavailableError: a device or a backend is not present.
    """
    try:
        pair = read_pair(request.reference, request.distorted, request.reading)
        execution = execution_of(request.settings)
        return explain(pair, request.settings, execution=execution)
    except Exception as error:
        failure = failure_of(error)
        if failure is None or debug:
            raise
        return Explanation(
            status="error",
            reference=name_of(request.reference),
            distorted=name_of(request.distorted),
            reading=recorded(request.reading),
            version=__version__,
            error=failure,
        )


def explain(
    pair: Pair, settings: CompareSettings, *, execution: Execution | None = None
) -> Explanation:
    """Score one pair by every definition of the catalogue.

    Args:
        pair: the images.
        settings: the device, the backend and the precision.
        execution: the device and the backend; None chooses them from `settings`.

    Raises:
        SsimtoolError: the images are too small for every definition, or a result is not finite.
        UnavailableError: a device or a backend is not present.
    """
    placement = execution or execution_of(settings)
    height, width, _ = pair.reference.shape
    settled = {name: row.for_size(height, width) for name, row in DEFINITIONS.items()}

    @cache  # a definition between two others may itself be in the catalogue
    def scored(definition: Definition) -> Comparison | SsimtoolError:
        try:
            ssim_settings = replace(settings, metrics=("ssim",), definition=definition)
            return compare(pair, ssim_settings, execution=placement)
        except SsimtoolError as error:
            return error

    records = {name: scored(row) for name, row in settled.items()}
    computed = [record for record in records.values() if isinstance(record, Comparison)]
    for record in records.values():
        if isinstance(record, SsimtoolError) and (not computed or record.code != "too_small"):
            raise record
    first = settled[FIRST]
    return Explanation(
        definitions=tuple(
            _explained(record, settled[name], _differences(first, settled[name], scored))
            for name, record in records.items()
        ),
        **_shared(computed[0]),
    )


def _shared(record: Comparison) -> dict[str, Any]:
    """Return the fields that all comparisons of the pair have in common."""
    names = (
        "status", "reference", "distorted", "width", "height", "channels", "sample_type",
        "data_range", "identical", "colour", "reading", "steps", "device", "backend", "precision",
        "version", "warnings",
    )  # fmt: skip
    return {name: getattr(record, name) for name in names}


def _explained(
    record: Comparison | SsimtoolError, definition: Definition, differs: tuple[Difference, ...]
) -> Explained:
    comparison = record if isinstance(record, Comparison) else None
    metrics: Mapping[str, float] = comparison.metrics if comparison else {}
    return Explained(
        name=definition.name,
        ssim=metrics.get("ssim"),
        ssim_loss=metrics.get("ssim_loss"),
        per_channel=comparison.per_channel["ssim"] if comparison else (),
        differs=differs,
        returned_by=definition.returned_by,
        definition=parts_of(definition),
        reason=None if comparison else "needs {0}x{0} pixels".format(smallest_side(definition)),
    )


def _differences(
    first: Definition, definition: Definition, scored: Scored
) -> tuple[Difference, ...]:
    """Return the change of SSIM with each part, exchanged one after the other."""
    differences = []
    before = first
    for part, after in steps_between(first, definition):
        there, here = (_ssim(scored(variant)) for variant in (before, after))
        change = None if there is None or here is None else here - there
        differences.append(Difference(part, WORDS[part](after), WORDS[part](first), change))
        before = after
    return tuple(differences)


def _ssim(record: Comparison | SsimtoolError) -> float | None:
    """Return SSIM, or None if the image is too small."""
    return None if isinstance(record, SsimtoolError) else record.metrics["ssim"]


def _window(definition: Definition) -> str:
    size = f"{definition.window_size}x{definition.window_size}"
    sigma = f", sigma {definition.sigma:g}" if definition.window == "gaussian" else ""
    return f"{definition.window} {size}{sigma}"


def _border(definition: Definition) -> str:
    padded = {"valid": "valid windows"}
    return padded.get(definition.border, f"{definition.border} padding, full map")


def _downsample(definition: Definition) -> str:
    factor = definition.downsample
    return "not reduced" if factor == 1 else f"{factor}x{factor} means first"


WORDS = {
    "window": _window,
    "constants": lambda d: f"k1 {d.k1:g}, k2 {d.k2:g}",
    "covariance": lambda d: f"{d.covariance} covariance",
    "border": _border,
    "downsample": _downsample,
}
