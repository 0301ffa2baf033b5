"""Split lines: samples in an order in which neighbours are whole vectors apart.

A line of samples is cut into `LANES` parts of equal length, which lie side by side. With parts of
`part` samples, sample p is in lane p // part at position p % part:

    line    0 1 2 3 4 5 6 7 …          part = 2
    split   0 2 4 6 …   1 3 5 7 …      position 0, then position 1

A narrow image has too few samples for this: there the parts are the rows of as many images.

The blur along a row then reads vectors that begin where a cache line does, as the blur down the
columns does. The line goes on behind the last position: there each lane repeats the beginning of
the next lane.
"""

from __future__ import annotations

from ssimtool.kernels.compiled.instructions import BLOCK, LANES, VECTOR_BYTES
from ssimtool.kernels.compiled.vectors import write_copy, write_joined, write_split
from ssimtool.kernels.compiling import formula, plain, pointwise


@formula
def place(p, part):
    """Return where sample p is in a split line."""
    return p % part * LANES + p // part


@pointwise
def split(line, at, part, out, to):
    """Write LANES · part samples as a split line.

    This may read up to BLOCK samples more, and write up to BLOCK positions."""
    last = max(part - BLOCK, 0)
    for lane in range(0, LANES, VECTOR_BYTES // line.itemsize):
        for i in range(0, part, BLOCK):
            k = min(i, last)
            write_split(line, at + lane * part + k, part, out, to + k * LANES + lane)


@pointwise
def join(line, at, part, out, to):
    """Write the samples of a split line in their order: the inverse of `split`, with its limits."""
    last = max(part - BLOCK, 0)
    for lane in range(0, LANES, VECTOR_BYTES // line.itemsize):
        for i in range(0, part, BLOCK):
            k = min(i, last)
            write_joined(line, at + k * LANES + lane, part, out, to + lane * part + k)


@pointwise
def continue_lines(lines, count, pitch, part, beyond):
    """Write `beyond` positions more of `count` split lines, `pitch` apart.

    The last one is the first to be written: the others read across the end of the line, and would
    wait for what has just been written there."""
    last_lane, last = (beyond - 1) // part + 1, (beyond - 1) % part
    for line in range(count):
        source = line * pitch
        lane, i, to = last_lane, last, source + (part + beyond - 1) * LANES
        for _ in range(beyond):
            write_copy(lines, source + i * LANES + lane, to)
            i, to = i - 1, to - LANES
            if i < 0:
                i, lane = part - 1, lane - 1


@plain
def add_samples(line, first, last, part, sums):
    """Add some samples of a split line to the sums of their channels, len(sums) of them."""
    q = 0
    for lane in range(first // part, LANES):
        start = lane * part
        for i in range(max(first - start, 0), min(part, last - start)):
            sums[q] += line[i * LANES + lane]
            q = q + 1 if q + 1 < len(sums) else 0


@plain
def largest_sample(line, first, last, part, largest):
    """Return the largest of some samples of a split line, or `largest`."""
    for lane in range(first // part, LANES):
        start = lane * part
        for i in range(max(first - start, 0), min(part, last - start)):
            value = line[i * LANES + lane]
            largest = value if value > largest else largest
    return largest
