"""Compile the kernels ahead of the first comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ssimtool.definitions import DEFINITIONS
from ssimtool.kernels.arrays import image_pass
from ssimtool.kernels.formula import NO_WINDOW, Formula, formula_of
from ssimtool.kernels.means import READ_DTYPES

SIDE = 512  # pixels: at this size the definition `piq` downsamples, by kernels of its own
PRECISIONS = {"single": False, "double": True}  # and whether it computes in float64


def compilations() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what the commands compute with the kernels, in words, and a function that does it.

    The first call of the function compiles, and keeps the machine code for the next process.
    """
    for name, formula in _formulas().items():
        for dtype in READ_DTYPES:
            for precision, wide in PRECISIONS.items():
                if wide or dtype != "float64":  # float64 is computed in double only
                    work = partial(_compute, formula, dtype, wide=wide)
                    yield f"{name} of {dtype} in {precision} precision", work


def _formulas() -> dict[str, Formula]:
    """Return formulas for which the kernels are compiled separately, by name."""
    versions = {(1, 1): ("MSE", NO_WINDOW)}
    for definition in DEFINITIONS.values():
        formula = formula_of(definition.for_size(SIDE, SIDE), 1)
        key = len(formula.weights), formula.downsample
        versions.setdefault(key, (f"SSIM {definition.name}", formula))
    return dict(versions.values())


def _compute(formula: Formula, dtype: str, *, wide: bool) -> None:
    image = np.zeros((SIDE, SIDE, 1), dtype)
    image_pass(image, image, formula, wide=wide, structure=formula is not NO_WINDOW, errors=True)
