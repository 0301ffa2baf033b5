"""Image with its header read, which is decoded later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ssimtool.readers.samples import FrameStack, Samples


@dataclass(frozen=True)
class Opened:
    """Image with its header read, but not its samples.

    `pixels` is 0 for an array. `memory` is the approximate number of bytes of the samples and of
    their decoder. `is_fast` says whether the samples are decoded at once, without Pillow, the GIL
    or a second copy. `decode(cancelled)` returns the samples; if it can, it stops with
    CancelledError once `cancelled()` is true. `frames` are the frames of a stack, unless one of
    them was chosen; `decode` then returns the first, with a warning.
    """

    pixels: int
    memory: int
    is_fast: bool
    decode: Callable[[Callable[[], bool]], Samples]
    frames: FrameStack | None = None

    def beside(self, size: int) -> Opened:
        """Return the image if as many more bytes are held until it is decoded."""
        frames = self.frames and replace(self.frames, memory=self.frames.memory + size)
        return replace(self, memory=self.memory + size, frames=frames)
