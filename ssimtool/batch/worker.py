"""What a thread of a batch does with a pair: read it, score it, and whatever else is to be done.

The modules that this takes are loaded by a thread of its own, while the first pairs are decoded.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ssimtool import __version__
from ssimtool.batch.pool import THREAD_NAME, Budget
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import STDIN, shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.regions import ALL, MASK, RegionOfInterest, region_of
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure
from ssimtool.scoring.failures import failure_of
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.readers.memory import ImageInput
    from ssimtool.readers.samples import Pair

# Of the memory, the part that the threads keep to decode their next pairs into.
KEPT = 0.25
Finish = Callable[["Pair", Comparison], Comparison]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a run may use.

    Args:
        jobs: threads.
        memory: bytes, of the pairs in flight.
        warm: whether all is loaded before the first pair comes.
        own_process: whether nothing else computes in this process: then torch is told to compute
            with one thread beside others of ours, and modules that Numba would load for nothing are
            kept from it.
    """

    jobs: int
    memory: int
    warm: bool = False
    own_process: bool = True


def computes_together(execution: Execution) -> bool:
    """Whether pairs are computed in stacks, as a GPU wants them."""
    return execution.device.startswith("cuda")


class Scorer:
    """Scores pairs, in as many threads as call it.

    Args:
        reading: the fields of `readers.align.Reading` that stand in a record.
        max_pixels: likewise, of what does not.
        settings: what is computed.
        resources: what it may use.
        region: which pixels are compared of the pairs that do not say it themselves.
        mask: the mask of `region`, where it is in memory.
        debug: an error is raised, and makes no record.
    """

    def __init__(
        self,
        reading: Mapping[str, Any],
        max_pixels: int,
        settings: CompareSettings,
        resources: Resources,
        *,
        region: RegionOfInterest = ALL,
        mask: ImageInput | None = None,
        debug: bool = False,
    ) -> None:
        self._debug, self._region, self._mask = debug, region, mask
        self._reading, self._max_pixels, self._settings = reading, max_pixels, settings
        self._resources = resources
        self.execution: Execution | None = None  # once it is settled
        self._budget = Budget(int((1 - KEPT) * resources.memory))
        # The second scale of MS-SSIM is a quarter of the samples, 8 bits as float32: as many bytes.
        self._more = 1 if settings.scales_stated is None else 2
        self._can_read, self._can_score = threading.Event(), threading.Event()
        self._own = threading.local()
        self._failed: BaseException | None = None
        self._how: Reading
        self._compare: Callable[[Pair], Comparison]
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
            from ssimtool.scoring.pair import compare, execution_of, load_kernels, load_torch_for

            threads = 1 if self._resources.jobs > 1 else None
            execution = self.execution = execution_of(self._settings, threads=threads)
            self._compare = partial(compare, settings=self._settings, execution=execution)
            if computes_together(execution):
                self._stack(execution, grow)
            elif not execution.loads_torch:
                if self._resources.own_process:
                    load_kernels()
                load_torch_for(self._settings)
            if self._resources.warm:
                from ssimtool.batch.warming import warm_up

                warm_up(self._how, self._settings)
        except BaseException as error:  # noqa: BLE001  # raised by the threads that wait for it
            self._failed = error
        self._can_read.set()
        self._can_score.set()

    def _stack(self, execution: Execution, grow: Callable[[int], object]) -> None:
        """On a GPU, pairs are computed together."""
        from ssimtool.batch.stack import MOST, Stacker

        stacker = Stacker(self._settings, execution, name=THREAD_NAME)
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
        except Exception as error:
            failure = failure_of(error, path=shown(given.distorted))
            if failure is None or self._debug:
                raise
            if failure.code == "too_large":
                self._own.pair = None
            record = self.failed(given, failure)
        return replace(record, id=given.id, columns=given.columns)

    def failed(self, given: PairInput, failure: Failure) -> Comparison:
        """The record of a pair that has no number."""
        try:
            region = region_of(given.columns, self._region)
        except ValueError:  # which is what the failure is about
            region = RegionOfInterest(mask=given.columns.get(MASK) or self._region.mask)
        return Comparison(
            status="error",
            id=given.id,
            reference=given.reference,
            distorted=given.distorted,
            definition=parts_of(self._settings.definition),
            reading=self._reading,
            mask=region.mask,
            regions=region.regions,
            columns=given.columns,
            version=__version__,
            error=failure,
        )

    def _scored(self, given: PairInput, finish: Finish) -> Comparison:
        if given.problem is not None:
            return self.failed(given, given.problem)
        if given.images is None and STDIN in (given.reference, given.distorted):
            raise SsimtoolError(
                "unsupported",
                "standard input is no image of a batch, expected a file; write ./- for one of that "
                "name",
            )
        region = self._region_of(given)
        self._wait(self._can_read)
        from ssimtool.readers.align import read_pair

        threads = 1 if self._resources.jobs > 1 else None
        last = getattr(self._own, "pair", None)
        with self._budget.share() as take:
            pair = read_pair(
                *(given.images or (given.reference, given.distorted)),
                self._how,
                threads=threads,
                into=last,
                # A mask takes less than the two images do; MS-SSIM comes with no mask.
                admit=lambda size: take((2 if region else self._more) * size),
            )
            masked = self._with_mask(pair, region) if region else pair
            self._wait(self._can_score)
            self._compute_alone()
            self._own.pair = pair if given.images is None and self._may_keep(pair) else None
            return finish(masked, self._compare(masked))

    def _region_of(self, given: PairInput) -> RegionOfInterest:
        try:
            return region_of(given.columns, self._region)
        except ValueError as error:
            raise SsimtoolError(
                "unsupported", f"{shown(given.distorted)}: {error}; correct the manifest"
            ) from None

    def _with_mask(self, pair: Pair, region: RegionOfInterest) -> Pair:
        """Return the pair with its region of interest; what computes that is loaded, as other pairs
        have no use for it."""
        from ssimtool.readers.masks import with_mask
        from ssimtool.scoring import tensors  # noqa: F401  # for what it loads

        image = self._mask if region.mask == self._region.mask else None
        return with_mask(pair, region, image=image, max_pixels=self._max_pixels)

    def _compute_alone(self) -> None:
        """Beside other threads that compute, torch takes no more than this one."""
        several = self._resources.own_process and self._resources.jobs > 1
        if several and "torch" in sys.modules and not hasattr(self._own, "alone"):
            sys.modules["torch"].set_num_threads(1)
            self._own.alone = True

    def _may_keep(self, pair: Pair) -> bool:
        size = pair.reference.nbytes + pair.distorted.nbytes
        return size <= KEPT * self._resources.memory / self._resources.jobs
