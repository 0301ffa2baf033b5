"""Read the frames of two stacks one after another, as pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, align, decode_both, memory_of, open_both
from ssimtool.readers.files import shown
from ssimtool.readers.images.opening import Opened
from ssimtool.readers.memory import ImageInput, name_of
from ssimtool.readers.samples import FrameStack, Pair

# Frames in memory at once: the first one, which stays, and the one that is compared.
HELD = 2


def _refused(number: int) -> Pair:
    raise ValueError(f"there is no frame {number}: the pair is not one of stacks")


@dataclass(frozen=True)
class PairFrames:
    """Two images, or two stacks of as many frames.

    `first` is the pair, or the pair of the first frames. `numbers` are those of the frames in the
    reference; a single 0 means two images. `read(number)` reads the pair of one frame.
    """

    first: Pair
    numbers: tuple[int, ...] = (0,)
    read: Callable[[int], Pair] = _refused

    @property
    def are_several(self) -> bool:
        """Whether the pair is one of stacks."""
        return len(self.numbers) > 1

    def prepared(self, prepare: Callable[[Pair], Pair]) -> PairFrames:
        """Return the frames with a function applied to the pair of each."""
        return PairFrames(prepare(self.first), self.numbers, lambda n: prepare(self.read(n)))

    def at(self, number: int) -> Pair:
        """Return the pair of one frame.

        Raises:
            SsimtoolError: the frame cannot be read.
        """
        return self.first if number == self.numbers[0] else self.read(number)

    def each(self) -> Iterator[tuple[int, Pair]]:
        """Yield the number and the pair of each frame; only `first` is kept in memory.

        Raises:
            SsimtoolError: a frame cannot be read, or the two cannot be compared.
        """
        for number in self.numbers:
            yield number, self.at(number)


def read_frames(
    reference: ImageInput,
    distorted: ImageInput,
    options: Reading,
    *,
    threads: int | None = None,
    meanwhile: Callable[[], object] = lambda: None,
    into: Pair | None = None,
    admit: Callable[[int], object] = lambda memory: None,
) -> PairFrames:
    """Read two images like `read_pair`, or the first frames of two stacks.

    Args:
        reference, distorted, options, threads, meanwhile, into, admit: the arguments of
            `read_pair`. For stacks, `admit` gets the bytes of the frames in memory at once.

    Returns:
        the pair, or the frames; without `options.frame`, two files of one frame are a pair.

    Raises:
        SsimtoolError: a file cannot be read, or the two cannot be compared; `frame_mismatch`, the
            two have different numbers of frames.
    """
    x, y = open_both(reference, distorted, options, into)
    if x.frames is None and y.frames is None:
        admit(memory_of(x, y, options))
        return PairFrames(decode_both(x, y, options, threads=threads, meanwhile=meanwhile))
    stacks = _of_one_length(x, y, name_of(reference), name_of(distorted))
    admit(HELD * memory_of(x, y, options))
    numbers = stacks[0].numbers
    of_distorted = dict(zip(numbers, stacks[1].numbers, strict=True))

    def read(number: int) -> Pair:
        with frame_named(number):
            first = stacks[0].read(number)
            return align(first, stacks[1].read(of_distorted[number]), options)

    return PairFrames(read(numbers[0]), numbers, read)


@contextmanager
def frame_named(number: int) -> Iterator[None]:
    """Add the number of the frame to an error.

    Raises:
        SsimtoolError: the error.
    """
    try:
        yield
    except SsimtoolError as error:
        raise SsimtoolError(error.code, f"{error.message} (frame {number})") from error


def _of_one_length(
    x: Opened, y: Opened, reference: str, distorted: str
) -> tuple[FrameStack, FrameStack]:
    if x.frames and y.frames and len(x.frames.numbers) == len(y.frames.numbers):
        return x.frames, y.frames
    expected, held = (len(o.frames.numbers) if o.frames else 1 for o in (x, y))
    if 1 in (expected, held):
        advice = f"compare one frame of the stack with --frame (0 to {max(expected, held) - 1})"
    else:
        last = min(expected, held) - 1
        advice = f"use as many frames, or compare one of each with --frame (0 to {last})"
    raise SsimtoolError(
        "frame_mismatch",
        f"{shown(distorted)}: has {_frames(held)}, expected {_frames(expected)} as in "
        f"{shown(reference)}; {advice}",
    )


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"
