"""Instructions for whole vectors that LLVM does not find in loops.

Windows that follow one another share all but one of their rows, or columns. `SHARED` of them are
computed at a time: each sample is loaded once for all, and its distance from a sample in their
middle and the square of it are computed once. The weights are symmetric, so that with AVX-512 two
samples are added before they are multiplied. Where additions and multiplications have units of
their own, as on Zen, this takes two thirds of the time of multiplying and adding eleven times;
elsewhere as long. Without AVX-512, 16 registers do not hold the samples until their partners come;
there each sample is multiplied and added for all windows at once, which takes 6 % less time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ssimtool.kernels.compiled.instructions import (
    BLOCK,
    FUSED,
    LANES,
    LINE_BYTES,
    Vectors,
    lanes_of,
)
from ssimtool.kernels.compiling import plain

SHARED = 4  # windows at a time


def _typed_moments(
    typing: Any, lines: Any, at: Any, step: Any, gap: Any, taps: Any, weights: Any, out: Any,
    to: Any, out_step: Any, out_gap: Any,
) -> Any:  # fmt: skip
    """Write means and variances of `SHARED` windows, each of `taps` means and variances.

    The means are read from `at` on, `step` apart, each `gap` before its variance, or have none if
    `gap` is None; so in `out`. Only the length of the tuple `taps` matters."""
    count = len(taps)
    has_variances = not isinstance(gap, types.NoneType)

    def generate(*intrinsic_of: Any) -> Any:
        context, builder, _, arguments = intrinsic_of
        v = Vectors(intrinsic_of, lines.dtype, lanes_of(lines.dtype))
        v.align_stack()
        own_weights = v.weights(5, count // 2 + 1)
        offsets = v.offsets(1, 2, count + SHARED - 1)
        own = v.load(0, offsets[len(offsets) // 2])

        def samples() -> Iterator[tuple[Any, Any]]:
            for offset in offsets:
                value = builder.fsub(v.load(0, offset), own)
                square = v.times(value, value)
                if has_variances:
                    square = v.plus(square, v.load(0, builder.add(offset, arguments[3])))
                yield value, square

        means, squares = v.blurred(samples(), own_weights, count, SHARED)
        for mean, square, to in zip(means, squares, v.offsets(7, 8, SHARED), strict=True):
            v.store(6, to, builder.fadd(own, mean))
            variance = builder.fsub(square, v.times(mean, mean), flags=FUSED)
            v.store(6, builder.add(to, arguments[9]), variance)
        return context.get_dummy_value()

    arguments = lines, at, step, gap, taps, weights, out, to, out_step, out_gap
    return types.void(*arguments), generate


def _typed_blur(
    typing: Any, lines: Any, at: Any, step: Any, taps: Any, weights: Any, out: Any, to: Any
) -> Any:
    """Write out[to + r·step] = Σ_k weights[k]·lines[at + (r + k)·step] for r below `SHARED`."""
    count = len(taps)

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, lines.dtype, lanes_of(lines.dtype))
        v.align_stack()
        weights = v.weights(4, count // 2 + 1)
        samples = ((v.load(0, offset),) for offset in v.offsets(1, 2, count + SHARED - 1))
        (sums,) = v.blurred(samples, weights, count, SHARED)
        for total, to in zip(sums, v.offsets(6, 2, SHARED), strict=True):
            v.store(5, to, total)
        return intrinsic_of[0].get_dummy_value()

    return types.void(lines, at, step, taps, weights, out, to), generate


def _typed_two(
    typing: Any, lines: Any, at: Any, step: Any, taps: Any, upper: Any, lower: Any, out: Any,
    to: Any, out_step: Any,
) -> Any:  # fmt: skip
    """Write out[to] = Σ_k upper[k]·lines[at + k·step], and the same with `lower`, one step later,
    into out[to + out_step]. The weights may be any."""
    count = len(taps)

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, lines.dtype, lanes_of(lines.dtype))
        v.align_stack()
        values = [v.load(0, offset) for offset in v.offsets(1, 2, count + 1)]
        for r, to in enumerate(v.offsets(7, 8, 2)):
            weights = v.weights(4 + r, count)
            total = v.times(weights[0], values[r])
            for k in range(1, count):
                total = v.plus(v.times(weights[k], values[r + k]), total)
            v.store(6, to, total)
        return intrinsic_of[0].get_dummy_value()

    return types.void(lines, at, step, taps, upper, lower, out, to, out_step), generate


def _typed_split(typing: Any, line: Any, at: Any, part: Any, out: Any, to: Any) -> Any:
    """Write `BLOCK` samples of some parts of a line as positions of a split line."""

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, line.dtype, lanes_of(line.dtype))
        quarters = v.of(BLOCK)
        of_lanes = [quarters.load(0, offset) for offset in v.offsets(1, 2, v.lanes)]
        rows = [v.joined(of_lanes[i::BLOCK]) for i in range(BLOCK)]
        for k, position in enumerate(v.transposed(rows, v.lanes // BLOCK)):
            v.store(3, v.further(4, k * LANES), position)
        return intrinsic_of[0].get_dummy_value()

    return types.void(line, at, part, out, to), generate


def _typed_join(typing: Any, line: Any, at: Any, part: Any, out: Any, to: Any) -> Any:
    """Write `BLOCK` positions of a split line as samples of some parts of a line."""

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, line.dtype, lanes_of(line.dtype))
        quarters = v.of(BLOCK)
        blocks = v.lanes // BLOCK
        positions = [v.load(0, v.further(1, k * LANES)) for k in range(BLOCK)]
        rows, places = v.transposed(positions, blocks), v.offsets(4, 2, v.lanes)
        for lane, to in enumerate(places):  # in their order: a short part ends in the next one
            row, block = rows[lane % BLOCK], lane // BLOCK
            chosen = range(block * BLOCK, (block + 1) * BLOCK)
            quarters.store(3, to, v.shuffled(row, row, chosen))
        return intrinsic_of[0].get_dummy_value()

    return types.void(line, at, part, out, to), generate


def _typed_copy(typing: Any, lines: Any, at: Any, to: Any) -> Any:
    """Copy LANES samples within an array."""

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, lines.dtype, LANES)
        v.store(0, v.arguments[2], v.load(0, v.arguments[1]))
        return v.context.get_dummy_value()

    return types.void(lines, at, to), generate


def _typed_fetch(typing: Any, line: Any, at: Any) -> Any:
    """Fetch the cache line of a sample, so that it is there when the sample is read."""

    def generate(*intrinsic_of: Any) -> Any:
        v = Vectors(intrinsic_of, line.dtype, 1)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), (byte, flag, flag, flag))
        prefetch = v.builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        at = v.builder.bitcast(v.place(0, v.arguments[1]), byte)
        # to read, into the first cache, of data
        v.builder.call(prefetch, (at, *(ir.Constant(flag, k) for k in (0, 3, 1))))
        return v.context.get_dummy_value()

    return types.void(line, at), generate


write_moments: Any = intrinsic(_typed_moments)
write_blur: Any = intrinsic(_typed_blur)
write_two: Any = intrinsic(_typed_two)
write_split: Any = intrinsic(_typed_split)
write_joined: Any = intrinsic(_typed_join)
write_copy: Any = intrinsic(_typed_copy)
fetch_line: Any = intrinsic(_typed_fetch)


@plain
def on_a_cache_line(samples, kind):
    """Return a line of zeros that begins at a cache line."""
    line = np.zeros(samples + LANES, kind)
    skipped = -line.ctypes.data % LINE_BYTES // line.itemsize
    return line[skipped : skipped + samples]
