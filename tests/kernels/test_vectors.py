"""The blur in whole vectors, which the kernels take where vectors are as wide as a cache line: here
on whatever processor there is, beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from ssimtool.kernels.compiled.vectors import LINE_BYTES, blur_vectors, on_a_cache_line


@njit
def _blur(line, n, step, taps, weights, at):
    own, out = on_a_cache_line(len(line), line.dtype), on_a_cache_line(at + n, line.dtype)
    own[:] = line
    blur_vectors(own, n, step, taps, weights, out, at)
    return out, own.ctypes.data, out.ctypes.data


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("taps", [1, 3, 7, 11])
def test_the_blur_of_a_line(kind, step, taps):
    rng = np.random.default_rng(taps)
    half = rng.random(taps // 2 + 1)
    weights = np.concatenate([half, half[:-1][::-1]]).astype(kind)
    n, at = 96, 32
    line = rng.random(n + taps * step + 64).astype(kind)
    found, *places = _blur(line, n, (0,) * step, (0,) * taps, weights, at)
    exact = sum(
        np.float64(w) * line[k * step : k * step + n].astype(float) for k, w in enumerate(weights)
    )
    # each of 11 terms is rounded a few times, and their sum is 11 at most
    assert np.abs(found[at:] - exact).max() <= 40 * np.finfo(kind).eps
    assert not found[:at].any()
    assert [place % LINE_BYTES for place in places] == [0, 0]
