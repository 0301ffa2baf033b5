"""What a thread of a batch does with a pair: read it, score it, and whatever else is to be done.

The modules that this takes are loaded by a thread of its own, while the first pairs are decoded.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ssimtool import __version__
from ssimtool.batch.pool import THREAD_NAME, Budget
from ssimtool.errors import NO_ROOM, SsimtoolError, is_out_of_memory
from ssimtool.readers.files import STDIN, shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.regions import ALL, MASK, RegionOfInterest, counting_of
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.readers.samples import Pair

# Of the memory, the part that the threads keep to decode their next pairs into.
KEPT = 0.25
Finish = Callable[["Pair", Comparison], Comparison]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """`jobs` threads and `memory` bytes; with `warm`, all is loaded before the first pair comes."""

    jobs: int
    memory: int
    warm: bool = False


class Scorer:
    """Scores pairs, in as many threads as call it.

    Args:
        reading: the fields of `readers.align.Reading` that stand in a record.
        max_pixels: likewise, of what does not.
        scoring: what is computed.
        resources: what it may use.
        check: called once all is loaded, before anything is computed; may raise.
        counting: what counts of the pairs that do not say it themselves.
        debug: an error is raised, and makes no record.
    """

    def __init__(
        self,
        reading: Mapping[str, Any],
        max_pixels: int,
        scoring: CompareSettings,
        resources: Resources,
        check: Callable[[], object],
        *,
        counting: RegionOfInterest = ALL,
        debug: bool = False,
    ) -> None:
        self._debug, self._counting = debug, counting
        self._reading, self._max_pixels, self._scoring = reading, max_pixels, scoring
        self._resources, self._check = resources, check
        self._budget = Budget(int((1 - KEPT) * resources.memory))
        # The second scale of MS-SSIM is a quarter of the samples, 8 bits as float32: as many bytes.
        self._more = 1 if scoring.scales_stated is None else 2
        self._can_read, self._can_score = threading.Event(), threading.Event()
        self._own = threading.local()
        self._failed: BaseException | None = None
        self._how: Reading
        self._compare: Callable[[Pair, CompareSettings], Comparison]
        self._close: Callable[[], object] = lambda: None

    def start(self, grow: Callable[[int], object]) -> None:
        """Begins to load.

        Args:
            grow: called with a number of threads that should call it as well: where pairs are
                computed together, those that wait for that decode nothing.
        """
        threading.Thread(target=self._load, args=(grow,), name=THREAD_NAME, daemon=True).start()

    def close(self) -> None:
        """Ends what computes, once all that was begun is done."""
        self._close()

    def _load(self, grow: Callable[[int], object]) -> None:
        try:
            from ssimtool.readers.align import Reading
            from ssimtool.readers.images.opening import set_up_pillow

            set_up_pillow()
            self._how = Reading(**self._reading, max_pixels=self._max_pixels)
            self._can_read.set()
            from ssimtool.scoring.pair import compare, load_kernels, load_torch_for, needs_torch

            self._check()
            self._compare = compare
            if needs_torch(self._scoring):
                self._stack(grow)
            else:
                load_kernels()
                load_torch_for(self._scoring)
            if self._resources.warm:
                _warm_up(self._how, self._scoring)
        except BaseException as error:  # noqa: BLE001  # raised by the threads that wait for it
            self._failed = error
        self._can_read.set()
        self._can_score.set()

    def _stack(self, grow: Callable[[int], object]) -> None:
        """On a GPU, pairs are computed together."""
        from ssimtool.scoring.tensors import choose_device

        if choose_device(self._scoring.device, self._scoring.backend).type != "cuda":
            return
        from ssimtool.batch.stack import MOST, Stacker

        stacker = Stacker(self._scoring, name=THREAD_NAME)
        self._compare, self._close = stacker.compare, stacker.close
        grow(min(MOST, 2 * self._resources.jobs))

    def _wait(self, loaded: threading.Event) -> None:
        loaded.wait()
        if self._failed is not None:
            raise self._failed

    def score(self, given: PairInput, finish: Finish) -> Comparison:
        """The record of a pair; of one that cannot be compared, an error record.

        Args:
            given: the pair.
            finish: called with the pair and its record, and gives the record that is kept.
        """
        try:
            record = self._scored(given, finish)
        except SsimtoolError as error:
            if self._debug:
                raise
            record = self.failed(given, Failure(error.code, error.message))
        except (MemoryError, RuntimeError) as error:
            if self._debug or not is_out_of_memory(error):
                raise
            self._own.pair = None
            message = f"{shown(given.distorted)}: {NO_ROOM}"
            record = self.failed(given, Failure("too_large", message))
        return replace(record, id=given.id, columns=given.columns)

    def failed(self, given: PairInput, failure: Failure) -> Comparison:
        """The record of a pair that has no number."""
        try:
            counting = counting_of(given.columns, self._counting)
        except ValueError:  # which is what the failure tells of
            counting = RegionOfInterest(mask=given.columns.get(MASK) or self._counting.mask)
        return Comparison(
            status="error",
            id=given.id,
            reference=given.reference,
            distorted=given.distorted,
            definition=parts_of(self._scoring.definition),
            reading=self._reading,
            mask=counting.mask,
            regions=counting.regions,
            columns=given.columns,
            version=__version__,
            error=failure,
        )

    def _scored(self, given: PairInput, finish: Finish) -> Comparison:
        if given.problem is not None:
            return self.failed(given, given.problem)
        if STDIN in (given.reference, given.distorted):
            raise SsimtoolError(
                "unsupported",
                "standard input is no image of a batch, expected a file; write ./- for one of that "
                "name",
            )
        counting = self._counting_of(given)
        self._wait(self._can_read)
        from ssimtool.readers.align import read_pair

        threads = 1 if self._resources.jobs > 1 else None
        last = getattr(self._own, "pair", None)
        with self._budget.share() as take:
            pair = read_pair(
                given.reference,
                given.distorted,
                self._how,
                threads=threads,
                into=last,
                # A mask takes less than the two images do; MS-SSIM comes with no mask.
                admit=lambda size: take((2 if counting else self._more) * size),
            )
            counted = self._with_mask(pair, counting) if counting else pair
            self._wait(self._can_score)
            self._compute_alone()
            self._own.pair = pair if self._may_keep(pair) else None
            return finish(counted, self._compare(counted, self._scoring))

    def _counting_of(self, given: PairInput) -> RegionOfInterest:
        try:
            return counting_of(given.columns, self._counting)
        except ValueError as error:
            raise SsimtoolError(
                "unsupported", f"{shown(given.distorted)}: {error}; correct the manifest"
            ) from None

    def _with_mask(self, pair: Pair, counting: RegionOfInterest) -> Pair:
        """The pair with what counts; what computes that is loaded, as other pairs have no use for
        it."""
        from ssimtool.readers.masks import with_mask
        from ssimtool.scoring import tensors as evaluate_tensors  # noqa: F401  # for what it loads

        return with_mask(pair, counting, max_pixels=self._max_pixels)

    def _compute_alone(self) -> None:
        """Beside other threads that compute, torch takes no more than this one."""
        if self._resources.jobs > 1 and "torch" in sys.modules and not hasattr(self._own, "alone"):
            sys.modules["torch"].set_num_threads(1)
            self._own.alone = True

    def _may_keep(self, pair: Pair) -> bool:
        size = pair.reference.nbytes + pair.distorted.nbytes
        return size <= KEPT * self._resources.memory / self._resources.jobs


def _warm_up(how: Reading, scoring: CompareSettings) -> None:
    """Loads what decodes and computes, by pairs that are made up, so that the first answer comes
    at once."""
    import tempfile

    import numpy as np
    from PIL import Image

    from ssimtool.readers.align import read_pair
    from ssimtool.readers.images.fast import LARGE
    from ssimtool.scoring.pair import compare

    side = 1 << (LARGE.bit_length() // 2)
    noise = (np.arange(3 * side * side, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8)
    picture = Image.fromarray(noise.reshape(side, side, 3))
    with tempfile.TemporaryDirectory() as folder, suppress(SsimtoolError):
        for suffix in (".jpg", ".png"):
            path = os.path.join(folder, f"warm{suffix}")
            picture.save(path)
            compare(read_pair(path, path, how), scoring)
