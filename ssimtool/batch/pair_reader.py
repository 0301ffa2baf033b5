"""Reading of the pairs of a batch: in this process, or in others that may crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssimtool.loading import LOADING
from ssimtool.readers.files import check_batch_input
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.options import Reading, unrecorded
from ssimtool.readers.regions import RegionOfInterest

if TYPE_CHECKING:
    from ssimtool.batch.isolated.decoders import Decoders
    from ssimtool.readers.frames import PairFrames
    from ssimtool.readers.memory import ImageInput
    from ssimtool.readers.samples import Pair

# Fraction of the memory that the threads keep as buffers for their next pairs.
KEPT = 0.25


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Resources of a run.

    Args:
        jobs: number of threads.
        memory: bytes for the pairs in flight.
        warm: whether to load everything before the first pair arrives.
        isolated_for: the seconds in which another process decodes the files of a pair; None: this
            process decodes.
        own_process: whether nothing else computes in this process. Then torch is limited to one
            thread per job, and Numba is kept from loading modules that are not needed.
    """

    jobs: int
    memory: int
    warm: bool = False
    isolated_for: float | None = None
    own_process: bool = True


class PairReader:
    """Reader of pairs; several threads may call it.

    Args:
        reading: how to read a pair.
        resources: threads and memory of the run.
        threads: threads that decode a pair; None: as many as are idle.
        region: region of interest of pairs that do not name their own.
        mask: the mask of `region`, if it is in memory.
        debug: whether errors keep their traceback.
    """

    def __init__(
        self,
        reading: Reading,
        resources: Resources,
        *,
        threads: int | None,
        region: RegionOfInterest,
        mask: ImageInput | None,
        debug: bool,
    ) -> None:
        self._reading, self._resources, self._threads = reading, resources, threads
        self._region, self._mask = region, mask
        self._own = threading.local()
        self._most_kept = int(KEPT * resources.memory / resources.jobs)
        self._decoders: Decoders | None = None
        if resources.isolated_for is not None:
            from ssimtool.batch.isolated.decoders import Decoders

            self._decoders = Decoders(
                reading, resources.isolated_for, resources.memory, debug=debug
            )

    def start(self) -> None:
        """Start the processes, if others decode."""
        if self._decoders is not None:
            self._decoders.start(self._resources.jobs)

    def close(self) -> None:
        """End the processes."""
        if self._decoders is not None:
            self._decoders.close()

    def release(self) -> None:
        """Release the memory of this thread's last pair, unless it is kept for the next one."""
        if self._decoders is not None:
            self._decoders.release(self._most_kept)

    def forget(self) -> None:
        """Release the memory that this thread keeps for its next pair."""
        self._own.pair = None

    def read(
        self, inputs: PairInput, region: RegionOfInterest, admit: Callable[[int], object]
    ) -> PairFrames:
        """Read a pair with its region of interest.

        Args:
            inputs: paths or images of the pair.
            region: the region of interest.
            admit: as for `readers.align.read_pair`.

        Returns:
            the pair, whose arrays are valid until this thread calls `release` or reads the next.

        Raises:
            SsimtoolError: a file cannot be read, or the images cannot be compared.
        """
        if self._decoders is not None and inputs.images is None:
            if region.mask is not None:
                check_batch_input(region.mask)
            return self._decoders.read(inputs.reference, inputs.distorted, region, admit)
        from ssimtool.readers.frames import read_frames

        frames = read_frames(
            *(inputs.images or (inputs.reference, inputs.distorted)),
            self._reading,
            threads=self._threads,
            into=getattr(self._own, "pair", None),
            admit=admit,
        )
        kept = inputs.images is None and not frames.are_several
        self._own.pair = frames.first if kept and self._may_keep(frames.first) else None
        return self._with_mask(frames, region) if region else frames

    def _with_mask(self, frames: PairFrames, region: RegionOfInterest) -> PairFrames:
        """Return the frames with their region of interest; load what few pairs need."""
        with LOADING:
            from ssimtool.readers.masks import mask_once
            from ssimtool.scoring import tensors  # noqa: F401  # loads torch
        image = self._mask if region.mask == self._region.mask else None
        check_batch_input(image if image is not None else region.mask)
        return frames.prepared(mask_once(region, image=image, **unrecorded(self._reading)))

    def _may_keep(self, pair: Pair) -> bool:
        return pair.reference.nbytes + pair.distorted.nbytes <= self._most_kept
