"""The process that decodes pairs for another one, and ends with it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

import numpy as np

from ssimtool.batch.isolated.memory import SharedMemory
from ssimtool.batch.isolated.messages import (
    Admitted,
    Announced,
    Failed,
    Files,
    Frame,
    Placed,
    Setup,
    place,
)
from ssimtool.readers.frames import PairFrames, read_frames
from ssimtool.readers.images.fast import load_for_many
from ssimtool.readers.images.opening import set_up_pillow
from ssimtool.readers.masks import mask_once
from ssimtool.readers.options import unrecorded
from ssimtool.readers.samples import Pair

# The header announces the samples and their decoder; conversions make copies of the samples.
COPIES = 3
MANY = 8  # pairs after which more are expected
KEPT_BLOCK = 31 << 20  # bytes; glibc keeps no larger ones
LIBRARIES = 1 << 30  # bytes of address space for libraries that are loaded later


class Clock:
    """Time that is left for the files of a pair. The system ends the process when it is over.

    No code of this process is needed for that, so a decoder that never returns is ended as well.
    """

    def __init__(self) -> None:
        self._left = 0.0

    def wind(self, seconds: float) -> None:
        """Begin with a new pair."""
        self._left = seconds

    def run(self) -> None:
        """Let the time run."""
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, self._left)

    def stop(self) -> None:
        """Stop the time, for as long as this process waits."""
        if sys.platform != "win32":
            self._left = max(signal.setitimer(signal.ITIMER_REAL, 0)[0], 1e-3)


class Server:
    """Answers requests, one after another."""

    def __init__(self, connection: Connection, memory: SharedMemory, setup: Setup) -> None:
        self._connection, self._memory, self._setup = connection, memory, setup
        self._clock = Clock()
        self._loaded = _address_space()
        self._last: Pair | None = None  # its memory is used for the next one
        self._frames: PairFrames | None = None
        self._pairs = 0
        self._end = 0  # of the first frames of two stacks

    def serve(self) -> None:
        """Answer requests until the other process ends."""
        with suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                request = self._connection.recv()
                if isinstance(request, Files):
                    self._clock.wind(self._setup.seconds)
                self._answer(request)

    def _answer(self, request: Files | Frame) -> None:
        self._clock.run()
        answer: Placed | Failed
        try:
            answer = self._placed(request)
        except Exception as error:  # noqa: BLE001  # passed to the other process
            self._last = None
            answer = Failed(_passable(error, debug=self._setup.debug))
        self._clock.stop()
        self._connection.send(answer)

    def _placed(self, request: Files | Frame) -> Placed:
        if isinstance(request, Frame):
            assert self._frames is not None
            return place(self._frames.at(request.number), self._memory, self._end)
        self._frames = None
        self._pairs += 1
        if self._pairs == MANY:
            load_for_many()
            self._loaded = _address_space()
        self._limit(0)
        options = self._setup.reading
        frames = read_frames(
            request.reference,
            request.distorted,
            options,
            threads=1,  # the threads of the batch decode in parallel
            into=self._last,
            admit=self._admit,
        )
        if request.region:
            frames = frames.prepared(mask_once(request.region, **unrecorded(options)))
        placed = place(frames.first, self._memory)
        if frames.are_several:
            self._last, self._frames, self._end = None, frames, placed.size
        else:
            self._last = placed.pair_in(self._memory)
        return Placed(placed.pair, placed.places, placed.size, frames.numbers)

    def _admit(self, memory: int) -> None:
        """Wait until the other process has memory for the pair."""
        self._clock.stop()
        self._connection.send(Announced(memory))
        answer = self._connection.recv()
        assert isinstance(answer, Admitted)
        self._limit(memory)
        self._clock.run()

    def _limit(self, announced: int) -> None:
        """Limit the address space, on Linux: then a lack of memory is an error of this process."""
        if sys.platform == "linux":
            import resource

            more = max(LIBRARIES, self._setup.memory) + COPIES * announced
            limit = self._loaded + self._memory.size + more
            _, most = resource.getrlimit(resource.RLIMIT_AS)  # of `ulimit -v`
            if most != resource.RLIM_INFINITY:
                limit = min(limit, most)
            resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _passable(error: Exception, *, debug: bool) -> Exception:
    """Return an error that the other process can read, with its traceback there if `debug`."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # whatever it holds cannot be passed
        error = RuntimeError(f"{type(error).__name__}: {error}")
    if debug:
        error.add_note(traceback.format_exc())
    return error


def _address_space() -> int:
    """Return the bytes of the address space that are taken."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def serve(connection: Connection, descriptor: int, setup: Setup) -> None:
    """Decode what the other process requests, until it ends."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    set_up_pillow()
    # glibc keeps freed blocks up to the size of the largest one that it has seen, and returns the
    # others to the system, which clears their memory anew. The samples of a pair, which are large,
    # are not among its blocks here.
    np.empty(KEPT_BLOCK, np.uint8)
    Server(connection, SharedMemory(descriptor), setup).serve()
