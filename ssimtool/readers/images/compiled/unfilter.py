"""Undo the filters of PNG for rows of 8-bit RGB (W3C PNG, section 9), compiled by Numba.

Indices are cast to unsigned. Negative indices would count from the end, which costs a branch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types

import ssimtool.kernels.compiling  # noqa: F401  # logs that this module is compiled

MASK = np.int32(255)


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile at import, so that a decoding thread has nothing to load.

    The result is cached for the next process if a cache folder is writable.
    """
    filtered = types.Array(types.uint8, 2, "C", readonly=True)
    signature = types.boolean(filtered, types.uint8[:, ::1], types.int64)
    try:
        return njit(signature, nogil=True, cache=True)(function)
    except (RuntimeError, OSError):  # no cache folder is writable
        return njit(signature, nogil=True)(function)


@njit(nogil=True)
def nearest(a, b, c):  # type: ignore[no-untyped-def]
    """Paeth's predictor: the one of a, b, c that is nearest to a + b − c, the first in a tie.

    With lo = min(a, b) and hi = max(a, b), it is lo if hi ≤ 3c − a − b, hi if 3c − a − b ≤ lo, and
    c otherwise. This takes a third of the time of comparing three distances.
    """
    t = 3 * c - b - a
    lo, hi = min(a, b), max(a, b)
    low = lo if hi <= t else c
    return hi if t <= lo else low


@njit(nogil=True)
def _sub(line, row):  # type: ignore[no-untyped-def]
    a0 = a1 = a2 = np.int32(0)
    for j in range(0, len(row), 3):
        i, k, m = np.uint64(j), np.uint64(j + 1), np.uint64(j + 2)
        a0, a1, a2 = (a0 + line[i]) & MASK, (a1 + line[k]) & MASK, (a2 + line[m]) & MASK
        row[i], row[k], row[m] = a0, a1, a2


@njit(nogil=True)
def _up(line, above, row):  # type: ignore[no-untyped-def]
    for j in range(len(row)):
        i = np.uint64(j)
        row[i] = line[i] + above[i]


@njit(nogil=True)
def _average(line, above, row):  # type: ignore[no-untyped-def]
    a0 = a1 = a2 = np.int32(0)
    for j in range(0, len(row), 3):
        i, k, m = np.uint64(j), np.uint64(j + 1), np.uint64(j + 2)
        a0 = (line[i] + ((a0 + above[i]) >> 1)) & MASK
        a1 = (line[k] + ((a1 + above[k]) >> 1)) & MASK
        a2 = (line[m] + ((a2 + above[m]) >> 1)) & MASK
        row[i], row[k], row[m] = a0, a1, a2


@njit(nogil=True)
def _paeth(line, above, row):  # type: ignore[no-untyped-def]
    a0 = a1 = a2 = c0 = c1 = c2 = np.int32(0)
    for j in range(0, len(row), 3):
        i, k, m = np.uint64(j), np.uint64(j + 1), np.uint64(j + 2)
        b0, b1, b2 = np.int32(above[i]), np.int32(above[k]), np.int32(above[m])
        a0 = np.int32((np.int32(line[i]) + nearest(a0, b0, c0)) & MASK)
        a1 = np.int32((np.int32(line[k]) + nearest(a1, b1, c1)) & MASK)
        a2 = np.int32((np.int32(line[m]) + nearest(a2, b2, c2)) & MASK)
        row[i], row[k], row[m] = a0, a1, a2
        c0, c1, c2 = b0, b1, b2


@_compiled
def unfilter(filtered, out, first):  # type: ignore[no-untyped-def]
    """Write rows of an image from `first` on.

    Args:
        filtered: (rows, 1 + 3·width), uint8: a filter type and the filtered samples of each row.
        out: (height, 3·width), uint8: the image, complete up to row `first`.
        first: the row of the image to write the first row of `filtered` to.

    Returns:
        whether PNG defines every filter type.
    """
    nothing = np.zeros(out.shape[1], np.uint8)
    for r in range(len(filtered)):
        kind, line, row = filtered[r, 0], filtered[r, 1:], out[first + r]
        above = out[first + r - 1] if first + r else nothing
        if kind == 0:
            row[:] = line
        elif kind == 1:
            _sub(line, row)
        elif kind == 2:
            _up(line, above, row)
        elif kind == 3:
            _average(line, above, row)
        elif kind == 4:
            _paeth(line, above, row)
        else:
            return False
    return True
