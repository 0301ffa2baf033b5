"""Messages between a batch and the processes that decode for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ssimtool.batch.isolated.memory import Array, SharedMemory, aligned
from ssimtool.readers.options import Reading
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.readers.samples import Pair

NOTHING: Array = np.empty(0, np.uint8)
ARRAYS = ("reference", "distorted", "weight")


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The first message to a process: how to read, and its limits.

    `seconds` is the time for the files of a pair, `memory` the bytes that the process may take
    beyond those that the headers of the files announce.
    """

    reading: Reading
    seconds: float
    memory: int
    debug: bool = False


@dataclass(frozen=True)
class Files:
    """A request for a pair, or for the first frames of two stacks."""

    reference: str
    distorted: str
    region: RegionOfInterest


@dataclass(frozen=True)
class Frame:
    """A request for another frame of the last pair."""

    number: int


@dataclass(frozen=True)
class Announced:
    """The pair needs so many bytes; the process waits for `Admitted`."""

    memory: int


@dataclass(frozen=True)
class Admitted:
    """The pair may be decoded."""


@dataclass(frozen=True)
class Placed:
    """A pair whose arrays are in the shared memory of `size` bytes.

    `pair` has no arrays; `places` has the offset, the shape and the dtype of each. `numbers` are
    those of the frames.
    """

    pair: Pair
    places: dict[str, tuple[int, tuple[int, ...], str]] = field(default_factory=dict)
    size: int = 0
    numbers: tuple[int, ...] = (0,)

    def pair_in(self, memory: SharedMemory) -> Pair:
        """Return the pair with its arrays."""
        memory.see(self.size)
        arrays: dict[str, Any] = {k: memory.array(*place) for k, place in self.places.items()}
        return replace(self.pair, **arrays)


@dataclass(frozen=True)
class Failed:
    """The error of a request."""

    error: Exception


def place(pair: Pair, memory: SharedMemory, start: int = 0) -> Placed:
    """Write the arrays of a pair into shared memory, from an offset on, if they are not there.

    Raises:
        OSError: there is no room.
    """
    arrays: dict[str, Array] = {
        name: array for name in ARRAYS if (array := getattr(pair, name)) is not None
    }
    places, end = {}, aligned(start)
    for name, array in arrays.items():
        places[name] = end, array.shape, array.dtype.str
        end += aligned(array.nbytes)
    for name, array in arrays.items():
        if memory.offset_of(array) == places[name][0]:
            continue
        # Another array could be written over it.
        arrays[name] = array.copy() if memory.overlaps(array) else array
    is_there = {name: memory.offset_of(array) == places[name][0] for name, array in arrays.items()}
    memory.grow(end)
    for name, array in arrays.items():
        if not is_there[name]:
            memory.array(*places[name])[...] = array
    bare = replace(pair, reference=NOTHING, distorted=NOTHING, weight=None)
    return Placed(bare, places, end)
