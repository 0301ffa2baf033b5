"""Processes that decode the pairs of a batch, one for each of its threads."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Pipe
from queue import Empty, SimpleQueue

from ssimtool.batch.isolated.memory import SharedMemory, new_memory
from ssimtool.batch.isolated.messages import (
    Admitted,
    Announced,
    Failed,
    Files,
    Frame,
    Placed,
    Setup,
)
from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.frames import PairFrames
from ssimtool.readers.options import Reading
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.readers.samples import Pair

LATE = 5.0  # seconds after its time limit that a process is ended from outside
# The new process has the modules of this one, wherever it got them from. Ctrl-C is for this one.
BOOT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
sys.path[:] = connection.recv()
from ssimtool.batch.isolated.process import serve

serve(connection, int(sys.argv[2]), connection.recv())
"""
Admit = Callable[[int], object]


class Decoders:
    """Processes for the threads of a batch.

    Args:
        reading: how to read a pair.
        seconds: the time to decode the files of a pair.
        memory: bytes that a process may take beyond those that the headers of its files announce.
        debug: whether the processes may write to standard error.
    """

    def __init__(self, reading: Reading, seconds: float, memory: int, *, debug: bool) -> None:
        self._setup = Setup(reading=reading, seconds=seconds, memory=memory, debug=debug)
        self._ready: SimpleQueue[Decoder] = SimpleQueue()
        self._own = threading.local()
        self._started: list[Decoder] = []
        self._closed = False
        self._lock = threading.Lock()

    def start(self, count: int) -> None:
        """Start processes ahead, which load their modules meanwhile."""
        for _ in range(count):
            self._ready.put(self._new())

    def read(
        self, reference: str, distorted: str, region: RegionOfInterest, admit: Admit
    ) -> PairFrames:
        """Read a pair, or the first frames of two stacks, in the process of this thread.

        The arrays are valid until this thread calls `release` or reads the next pair, those of a
        frame other than the first until it reads the next frame.

        Args:
            reference, distorted: paths.
            region: the region of interest.
            admit: as for `readers.align.read_pair`.

        Raises:
            SsimtoolError: as `readers.frames.read_frames`; `crashed`, the process ended; `timeout`,
                it took too long.
        """
        files = Files(reference, distorted, region)
        try:
            decoder = self._decoder()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SsimtoolError(
                "crashed",
                f"{shown(distorted)}: no process to decode it can be started ({reason}); use fewer "
                "--jobs",
            ) from None
        first = decoder.ask(files, files, admit)
        read = decoder.frames_of(files)
        return PairFrames(first.pair_in(decoder.memory), first.numbers, read)

    def release(self, most: int) -> None:
        """Give the memory of this thread's last pair back, if it is more than `most` bytes."""
        decoder: Decoder | None = getattr(self._own, "decoder", None)
        if decoder is not None and decoder.memory.size > most:
            decoder.memory.release()

    def close(self) -> None:
        """End all processes. Threads that still read get the error `crashed`."""
        with self._lock:
            self._closed = True
            for decoder in self._started:
                decoder.end()

    def _decoder(self) -> Decoder:
        decoder: Decoder | None = getattr(self._own, "decoder", None)
        if decoder is None or decoder.has_ended:
            try:
                decoder = self._ready.get_nowait()
            except Empty:
                decoder = self._new()
            self._own.decoder = decoder
        return decoder

    def _new(self) -> Decoder:
        with self._lock:
            if self._closed:
                raise SsimtoolError("crashed", "the run has ended")
            self._started = [d for d in self._started if not d.has_ended]
            decoder = Decoder(self._setup)
            self._started.append(decoder)
        return decoder


class Decoder:
    """One process, and the memory that it shares with this one."""

    def __init__(self, setup: Setup) -> None:
        self._seconds, self._is_late = setup.seconds, False
        own, other = Pipe()
        with other:
            descriptor = new_memory()
            self.memory = SharedMemory(descriptor)
            passed = other.fileno(), descriptor
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT, *map(str, passed)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=None if setup.debug else subprocess.DEVNULL,  # libraries print as they crash
                pass_fds=passed,
                process_group=0,  # signals of the terminal are for this process
            )
        self._connection = own
        with suppress(OSError):  # ended already; the first request finds that
            own.send(sys.path)
            own.send(setup)

    @property
    def has_ended(self) -> bool:
        """True if the process is no longer there."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def frames_of(self, files: Files) -> Callable[[int], Pair]:
        """Return a function that reads another frame of the last pair."""
        return lambda number: self.ask(Frame(number), files, _refused).pair_in(self.memory)

    def ask(self, request: Files | Frame, files: Files, admit: Admit) -> Placed:
        """Return the answer to a request.

        Raises:
            SsimtoolError: that of the request; `crashed` or `timeout`.
        """
        try:
            self._connection.send(request)
            answer = self._answer()
            while isinstance(answer, Announced):
                admit(answer.memory)
                self._connection.send(Admitted())
                answer = self._answer()
        except (EOFError, OSError):
            raise self._ended(files) from None
        if isinstance(answer, Failed):
            raise answer.error
        assert isinstance(answer, Placed)
        return answer

    def _answer(self) -> object:
        if not self._connection.poll(self._seconds + LATE):
            self._is_late = True  # its own clock did not end it: it is stopped, for example
            self._process.kill()
        return self._connection.recv()

    def _ended(self, files: Files) -> SsimtoolError:
        """Return the error of a process that ended while it decoded."""
        code = self._process.wait()
        self._connection.close()
        self.memory.close()
        name, other = shown(files.distorted), shown(files.reference)
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        if self._is_late or how == "SIGALRM":
            return SsimtoolError(
                "timeout",
                f"{name}: decoding it and {other} took longer than {self._seconds:g} s; use "
                "smaller files, or allow more with --timeout",
            )
        return SsimtoolError(
            "crashed",
            f"{name}: a decoder crashed ({how}) on it or on {other}, expected two images; check "
            "both files",
        )


def _refused(memory: int) -> None:
    raise AssertionError(f"a frame announced {memory} bytes")
