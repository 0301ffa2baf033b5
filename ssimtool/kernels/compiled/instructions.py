"""Instructions for whole vectors, from which intrinsics are built."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from llvmlite import binding, ir
from numba import types

LINE_BYTES = 64  # of a cache line
LANES = 16  # parts of a split line (`layout`): the samples of float32 in a cache line
BLOCK = 4  # rows and columns of a transposed block
COUNT, NUMBER = ir.IntType(64), ir.IntType(32)
FUSED = ("contract",)  # a product and a sum may be rounded once


def _vector_bytes() -> int:
    """Return the size of the vectors of the processor that Numba compiles for.

    Where they are shorter than 32 bytes, two of them do for one, which costs nothing."""
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = ",".join(f"+{k}" for k, v in binding.get_host_cpu_features().items() if v)
    return 64 if "+avx512f" in features else 32


VECTOR_BYTES = _vector_bytes()
FEW_REGISTERS = VECTOR_BYTES < LINE_BYTES  # some 16, where AVX-512 has 32


def lanes_of(kind: Any) -> int:
    """Return the number of lanes of a vector."""
    lanes: int = VECTOR_BYTES * 8 // kind.bitwidth
    return lanes


class Vectors:
    """Instructions for the vectors of an intrinsic, whose arguments are lines and offsets."""

    def __init__(self, intrinsic_of: Sequence[Any], kind: Any, lanes: int) -> None:
        self.context, self.builder, self.signature, self.arguments = intrinsic_of
        self.kind, self.lanes, self.bytes = kind, lanes, kind.bitwidth // 8
        self.type = ir.VectorType(self.context.get_data_type(kind), lanes)

    def of(self, lanes: int) -> Vectors:
        """Return the instructions for vectors of another length."""
        parts = self.context, self.builder, self.signature, self.arguments
        return Vectors(parts, self.kind, lanes)

    def place(self, argument: int, offset: Any) -> Any:
        array = self.context.make_array(self.signature.args[argument])
        data = array(self.context, self.builder, self.arguments[argument]).data
        return self.builder.gep(data, [offset])

    def load(self, argument: int, offset: Any) -> Any:
        at = self.builder.bitcast(self.place(argument, offset), self.type.as_pointer())
        loaded = self.builder.load(at)
        loaded.align = self.bytes  # the guaranteed alignment; a larger one is faster
        return loaded

    def store(self, argument: int, offset: Any, vector: Any) -> None:
        at = self.builder.bitcast(self.place(argument, offset), self.type.as_pointer())
        self.builder.store(vector, at).align = self.bytes

    def align_stack(self) -> None:
        """Let the stack of the function begin at a cache line, which nothing else ensures.

        Vectors that do not fit the registers wait there, and would take two accesses each."""
        self.builder.function.attributes.alignstack = LINE_BYTES
        self.builder.function.attributes.add("noinline")  # the attribute ends with the function

    def offsets(self, start: int, step: int, count: int) -> list[Any]:
        """Return `count` offsets, `step` apart, of which the arguments `start` and `step` hold
        numbers. If `step` is a tuple, they are as many positions apart as it is long: then their
        distance is known when the kernels are compiled."""
        tuple_type = self.signature.args[step]
        if isinstance(tuple_type, types.BaseTuple):
            return [self.further(start, k * len(tuple_type) * LANES) for k in range(count)]
        offsets = [self.arguments[start]]
        while len(offsets) < count:
            offsets.append(self.builder.add(offsets[-1], self.arguments[step]))
        return offsets

    def further(self, start: int, samples: int) -> Any:
        """Return an offset `samples` behind that of the argument `start`."""
        return self.builder.add(self.arguments[start], ir.Constant(COUNT, samples))

    def shuffled(self, a: Any, b: Any, chosen: Sequence[int]) -> Any:
        chosen_lanes = ir.Constant(ir.VectorType(NUMBER, len(chosen)), list(chosen))
        return self.builder.shuffle_vector(a, b, chosen_lanes)

    def weights(self, argument: int, count: int) -> list[Any]:
        """Return the first weights of a line, each in all lanes of a vector."""
        empty, vectors = ir.Constant(self.type, ir.Undefined), []
        for k in range(count):
            one = self.builder.load(self.place(argument, ir.Constant(COUNT, k)))
            first = self.builder.insert_element(empty, one, ir.Constant(NUMBER, 0))
            vectors.append(self.shuffled(first, empty, [0] * self.lanes))
        return vectors

    def joined(self, vectors: Sequence[Any]) -> Any:
        """Return vectors of equal length as one; there are 1, 2, 4 … of them."""
        while len(vectors) > 1:
            lanes = range(2 * vectors[0].type.count)
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [self.shuffled(a, b, lanes) for a, b in pairs]
        return vectors[0]

    def transposed(self, rows: Sequence[Any], blocks: int) -> list[Any]:
        """Return `BLOCK` vectors with each block of BLOCK · BLOCK samples transposed."""

        def chosen(*lanes: int) -> list[int]:  # from each block of the first vector, or the second
            return [
                lane % BLOCK + block * BLOCK + lane // BLOCK * self.lanes
                for block in range(blocks)
                for lane in lanes
            ]

        low = [self.shuffled(rows[i], rows[i + 1], chosen(0, 4, 1, 5)) for i in (0, 2)]
        high = [self.shuffled(rows[i], rows[i + 1], chosen(2, 6, 3, 7)) for i in (0, 2)]
        halves = chosen(0, 1, 4, 5), chosen(2, 3, 6, 7)
        return [self.shuffled(a, b, half) for a, b in (low, high) for half in halves]

    def times(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=FUSED)

    def plus(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=FUSED)

    def blurred(
        self, samples: Iterable[tuple[Any, ...]], weights: Sequence[Any], taps: int, count: int
    ) -> list[list[Any]]:
        """Return `count` weighted sums of `taps` values each, which begin one sample apart.

        `weights` are those up to the middle one. A sample is a tuple with a value of each series,
        and each series has its own sums. If `samples` is a generator, the instructions for a sample
        come where they are needed."""
        if FEW_REGISTERS:
            return self._streamed(samples, weights, taps, count)
        return [self._paired(values, weights, taps) for values in zip(*samples, strict=True)]

    def _paired(self, values: Sequence[Any], weights: Sequence[Any], taps: int) -> list[Any]:
        """Add the two values of each weight before they are multiplied."""
        sums, middle = [], taps // 2
        for first in range(len(values) - taps + 1):
            total = self.times(weights[middle], values[first + middle])
            for k in range(middle):
                both = self.builder.fadd(values[first + k], values[first + taps - 1 - k])
                total = self.plus(self.times(weights[k], both), total)
            sums.append(total)
        return sums

    def _streamed(
        self, samples: Iterable[tuple[Any, ...]], weights: Sequence[Any], taps: int, count: int
    ) -> list[list[Any]]:
        """Multiply and add each value for all sums at once: it need not be kept for later ones."""
        series: list[list[Any]] = []
        for i, values in enumerate(samples):
            series = series or [[None] * count for _ in values]
            for value, sums in zip(values, series, strict=True):
                for r in range(max(0, i - taps + 1), min(count, i + 1)):
                    product = self.times(weights[min(i - r, taps - 1 - i + r)], value)
                    sums[r] = product if sums[r] is None else self.plus(product, sums[r])
        return series
