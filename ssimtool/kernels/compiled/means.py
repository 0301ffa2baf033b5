"""Inner loops of downsampling: the means of blocks of samples."""

from __future__ import annotations

import numpy as np

from ssimtool.kernels.compiled.stages import clear_line
from ssimtool.kernels.compiled.tasks import next_task
from ssimtool.kernels.compiling import SOURCES, entry, plain, stage


@stage
def add_line(x, start, n, out):
    """Add n samples of `x` to `out`."""
    for j in range(n):
        out[np.uint64(j)] += x[np.uint64(start + j)]


@plain
def fold_line(line, columns, factor, channels, out, at):
    """Write the means of blocks of columns, from the sums of some rows."""
    samples = np.float64(factor * factor)
    for column in range(columns):
        for q in range(channels):
            total = line[column * factor * channels + q]
            for k in range(1, factor):
                total += line[(column * factor + k) * channels + q]
            out[at + column * channels + q] = total / samples


def _means(stamp):
    def means(queue, most, x, planes, step, factor, rows, columns, channels, kind, out):
        """Compute at most `most` tasks of the queue, each a row of a plane of `out`.

        `out` has no gaps. Sums are kept in the dtype of `kind`."""
        if stamp == "":
            return
        n = columns * factor * channels
        line = np.zeros(n, kind.dtype)
        for _ in range(most):
            task = next_task(queue)
            if task < 0:
                break
            plane, row = task // rows, task % rows
            clear_line(line, 0, n)
            for k in range(factor):
                add_line(x, planes[plane] + (row * factor + k) * step, n, line)
            fold_line(line, columns, factor, channels, out, task * columns * channels)

    return entry(means)


means = _means(SOURCES)
