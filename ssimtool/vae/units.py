"""The unit of the loss: which samples of an array are 0 and 1 in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssimtool.readers.arrays.vae import Arrays
from ssimtool.readers.ranges import mapping_step
from ssimtool.readers.samples import range_of_type
from ssimtool.settings import LossSettings, ValueRange

STORED: ValueRange = (0, 1)  # samples as they are stored


def units_of(
    recon: np.dtype[Any], raw: np.dtype[Any], settings: LossSettings
) -> tuple[ValueRange, ValueRange]:
    """Return the samples of recon and of raw that are 0 and 1 in the unit of the loss.

    By default, integers are divided by the range of their type. A value range applies to floats, or
    to both arrays if both hold integers. With a data range, samples are taken as they are stored.
    """
    has_floats = "f" in (recon.kind, raw.kind)
    return _unit(recon, settings, has_floats), _unit(raw, settings, has_floats)


def _unit(dtype: np.dtype[Any], settings: LossSettings, has_floats: bool) -> ValueRange:
    if settings.data_range is not None:
        return STORED
    if settings.value_range is not None and (dtype.kind == "f" or not has_floats):
        return settings.value_range
    return 0, range_of_type(dtype) or 1


def unit_steps(arrays: Arrays, settings: LossSettings) -> list[str]:
    """Return how the samples were brought to the unit of the loss, as a record states it."""
    units = units_of(arrays.recon.dtype, arrays.raw.dtype, settings)
    return [
        f"{name}: {source.dtype} {mapping_step(unit) if unit[0] else f'divided by {unit[1]:g}'}"
        for name, source, unit in zip(
            ("recon", "raw"), (arrays.recon, arrays.raw), units, strict=True
        )
        if unit != STORED
    ]
