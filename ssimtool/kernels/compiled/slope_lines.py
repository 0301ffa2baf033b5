"""Lines for slopes, of one thread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssimtool.kernels.compiled.slopes import count_of
from ssimtool.kernels.compiled.vectors import SHARED, on_a_cache_line
from ssimtool.kernels.compiling import plain


class Lines(NamedTuple):
    """Lines for slopes that one thread reuses.

    `raw` holds those of a row of windows, `inside` 1 where there are windows and 2 where they are
    counted here, `slots` the slopes of some rows, blurred along them, `blurred` those of `SHARED`
    rows of pixels. `factors` belong to the windows of each sample; `upper` and `lower` are weights
    of two rows of pixels. `losses` are those of a few rows of windows, `totals` those of an area,
    `peaks` the largest squared distances of their means from the centre."""

    raw: np.ndarray
    inside: np.ndarray
    slots: np.ndarray
    blurred: np.ndarray
    factors: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    losses: np.ndarray
    totals: np.ndarray
    peaks: np.ndarray


@plain
def new_lines(window, plan, slopes):
    """Return the lines of one thread for slopes."""
    kind, step = window.weights.dtype, count_of(slopes) * plan.pitch
    return Lines(
        raw=on_a_cache_line(step, kind),
        inside=on_a_cache_line(plan.pitch, kind),
        slots=on_a_cache_line((plan.chunk + plan.size + 2 * SHARED) * step, kind),
        blurred=on_a_cache_line(SHARED * step, kind),
        factors=np.zeros(plan.pitch, kind),
        upper=np.zeros(plan.size, kind),
        lower=np.zeros(plan.size, kind),
        losses=np.zeros(plan.pitch, kind),
        totals=np.zeros(plan.pitch),
        peaks=np.zeros(plan.pitch, kind),
    )
