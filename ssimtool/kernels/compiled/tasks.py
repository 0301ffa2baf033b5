"""A queue from which threads take their tasks, one at a time, without the GIL.

Giving each thread an equal share would let it wait for one that started later or has half a core;
calling a kernel for each task would cost some 20 us to pass its arguments.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ssimtool.kernels.compiling import formula


def _typed_count(typing: Any, queue: Any) -> Any:
    """Add 1 to the first number of the queue, and return what it was, as one step for all
    threads."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = context.make_array(queue)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", first, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(queue), generate


count_one: Any = intrinsic(_typed_count)


@formula
def next_task(queue):
    """Take a task: return its number, or −1 if none is left.

    `queue` holds the number of the next task, and that of all."""
    if queue[0] >= queue[1]:
        return -1
    task = count_one(queue)
    return task if task < queue[1] else -1
