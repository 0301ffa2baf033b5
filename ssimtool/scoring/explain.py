"""The use case of a number that differs: every definition of SSIM on a pair, and what each owes to
which of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ssimtool.catalog import DEFINITIONS, Definition
from ssimtool.definitions import steps_between
from ssimtool.errors import SsimtoolError
from ssimtool.kernels.formula import smallest_side
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.explanation import Difference, Explained, Explanation
from ssimtool.scoring.pair import compare
from ssimtool.settings import CompareSettings

Scored = Callable[[Definition], Comparison | SsimtoolError]
FIRST = "wang2004"  # the paper's: the others are held against it


def explain(pair: Pair, how: CompareSettings) -> Explanation:
    """Every definition of the catalogue on one pair.

    Args:
        pair: what is compared.
        how: the device and the backend.

    Raises:
        SsimtoolError: the images are too small for each of them, or a result is beyond floats.
        ValueError: a device that is not present.
    """
    height, width, _ = pair.reference.shape
    settled = {name: row.for_size(height, width) for name, row in DEFINITIONS.items()}

    @cache  # what stands between two definitions may be another of them
    def scored(definition: Definition) -> Comparison | SsimtoolError:
        try:
            return compare(pair, replace(how, metrics=("ssim",), definition=definition))
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
    """What the comparisons have in common."""
    names = (
        "status", "reference", "distorted", "width", "height", "channels", "sample_type",
        "data_range", "identical", "colour", "reading", "steps", "device", "backend", "precision",
        "version", "warnings",
    )  # fmt: skip
    return {name: getattr(record, name) for name in names}


def _explained(
    record: Comparison | SsimtoolError, definition: Definition, differs: tuple[Difference, ...]
) -> Explained:
    found = record if isinstance(record, Comparison) else None
    metrics: Mapping[str, float] = found.metrics if found else {}
    return Explained(
        name=definition.name,
        ssim=metrics.get("ssim"),
        ssim_loss=metrics.get("ssim_loss"),
        per_channel=found.per_channel["ssim"] if found else (),
        differs=differs,
        returned_by=definition.returned_by,
        definition=parts_of(definition),
        reason=None if found else "needs {0}x{0} pixels".format(smallest_side(definition)),
    )


def _differences(
    first: Definition, definition: Definition, scored: Scored
) -> tuple[Difference, ...]:
    """What exchanging one part after the other changes."""
    found = []
    before = first
    for part, after in steps_between(first, definition):
        there, here = (_ssim(scored(which)) for which in (before, after))
        change = None if there is None or here is None else here - there
        found.append(Difference(part, WORDS[part](after), WORDS[part](first), change))
        before = after
    return tuple(found)


def _ssim(found: Comparison | SsimtoolError) -> float | None:
    """SSIM, or None where the image is too small."""
    return None if isinstance(found, SsimtoolError) else found.metrics["ssim"]


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
