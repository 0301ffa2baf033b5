"""The multiply-add rate of the processor: the limit that arithmetic sets to the kernels."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from ssimtool.kernels.compiled.instructions import FUSED, Vectors, lanes_of

# The blurs of four quantities in two directions take 8 · 11 multiply-adds a sample, and the rest
# some 30 operations.
OPERATIONS = 118
# Independent sums: more than an addition takes cycles in each of two units, and fewer than there
# are registers. Vectors that take two registers each need half as many.
CHAINS = (6, 12)
ROUNDS = 2_000_000


def _typed_chains(typing: Any, values: Any, rounds: Any, chains: Any) -> Any:
    """Multiply and add `rounds` times in each of as many vectors as the tuple `chains` is long, by
    the first numbers of `values`."""

    def generate(*intrinsic_of: Any) -> Any:
        context, builder, _, arguments = intrinsic_of
        v = Vectors(intrinsic_of, values.dtype, lanes_of(values.dtype))
        factor, term = v.weights(0, 2)
        sums = [cgutils.alloca_once_value(builder, term) for _ in chains]
        with cgutils.for_range(builder, arguments[1]):
            for place in sums:
                product = builder.fmul(builder.load(place), factor, flags=FUSED)
                builder.store(builder.fadd(product, term, flags=FUSED), place)
        for k, place in enumerate(sums):
            v.store(0, ir.Constant(ir.IntType(64), 2 + k * v.lanes), builder.load(place))
        return context.get_dummy_value()

    return types.void(values, rounds, chains), generate


_multiply_and_add: Any = intrinsic(_typed_chains)


@njit(nogil=True)
def multiply_and_add(values: Any, rounds: Any, chains: Any) -> None:
    """Keep the multiply-add units of a core busy."""
    _multiply_and_add(values, rounds, chains)


def lanes() -> int:
    """Samples of float32 in a vector of the instruction set that Numba compiles for."""
    return lanes_of(types.float32)


def rate(threads: int) -> float:
    """Multiply-adds of whole vectors a second, of all threads together."""
    return max(_rate(threads, (0,) * chains) for chains in CHAINS)


def _rate(threads: int, chains: tuple[int, ...]) -> float:
    lines = [np.full(2 + len(chains) * lanes(), 0.5, np.float32) for _ in range(threads)]

    def run(rounds: int) -> float:
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            list(pool.map(lambda line: multiply_and_add(line, rounds, chains), lines))
            return time.perf_counter() - start

    run(1000)  # compiles, and wakes the cores
    return threads * len(chains) * ROUNDS / run(ROUNDS)


def limit(threads: int) -> float:
    """Samples a second that the arithmetic of a forward pass allows."""
    return rate(threads) * lanes() / OPERATIONS
