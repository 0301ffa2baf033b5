"""Work of a batch thread: read a pair, score it, and finish its record.

A separate thread loads the modules for this while the first pairs are decoded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ssimtool import __version__
from ssimtool.batch.pair_reader import KEPT, PairReader, Resources
from ssimtool.batch.pool import THREAD_NAME, Budget
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.loading import LOADING, part_of_loaded
from ssimtool.readers.files import check_batch_input, shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.options import Reading, recorded
from ssimtool.readers.regions import ALL, MASK, RegionOfInterest, region_of
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure
from ssimtool.scoring.failures import failure_of, unexpected
from ssimtool.settings import CompareSettings

if TYPE_CHECKING:
    from ssimtool.readers.memory import ImageInput
    from ssimtool.readers.samples import Pair
    from ssimtool.scoring.frames import FramesScored

Finish = Callable[["FramesScored"], Comparison]


def computes_together(execution: Execution) -> bool:
    """Return whether to compute pairs in stacks, for throughput on a GPU."""
    return execution.device.startswith("cuda")


class Scorer:
    """Scorer of pairs; several threads may call it.

    Args:
        reading: how to read a pair.
        settings: metrics, definition and thresholds.
        resources: threads and memory.
        region: region of interest of pairs that do not name their own.
        mask: the mask of `region`, if it is in memory.
        debug: whether to raise errors instead of recording them.
    """

    def __init__(
        self,
        reading: Reading,
        settings: CompareSettings,
        resources: Resources,
        *,
        region: RegionOfInterest = ALL,
        mask: ImageInput | None = None,
        debug: bool = False,
    ) -> None:
        self._debug, self._region = debug, region
        self._reading, self._settings = reading, settings
        self._resources = resources
        self._threads = 1 if resources.jobs > 1 else None  # for each pair
        self.execution: Execution | None = None  # set once it is decided
        self._budget = Budget(int((1 - KEPT) * resources.memory))
        # The second scale of MS-SSIM has a quarter of the samples, as float32 instead of 8 bits:
        # the same number of bytes.
        self._more = 1 if settings.scales_stated is None else 2
        self._can_read, self._can_score = threading.Event(), threading.Event()
        self._own = threading.local()
        self._failed: BaseException | None = None
        self._compare: Callable[[Pair], Comparison]
        self._close: Callable[[], object] = lambda: None
        self._reader = PairReader(
            reading, resources, threads=self._threads, region=region, mask=mask, debug=debug
        )

    def start(self, grow: Callable[[int], object]) -> None:
        """Start to load the modules.

        Args:
            grow: function that adds threads. Pairs in stacks need more threads, because a thread
                that waits for its stack decodes nothing.
        """
        self._reader.start()
        threading.Thread(target=self._load, args=(grow,), name=THREAD_NAME, daemon=True).start()

    def close(self) -> None:
        """End the computation after all started pairs are done."""
        self._close()
        self._reader.close()

    def _load(self, grow: Callable[[int], object]) -> None:
        try:
            from ssimtool.readers.images.opening import set_up_pillow

            set_up_pillow()
            self._can_read.set()
            with LOADING:
                from ssimtool.kernels.loading import load_kernels
                from ssimtool.scoring.pair import compare, execution_of, load_torch_for

                execution = self.execution = execution_of(self._settings, threads=self._threads)
                self._compare = partial(compare, settings=self._settings, execution=execution)
                if computes_together(execution):
                    self._stack(execution, grow)
                elif not execution.loads_torch:
                    if self._resources.own_process:
                        load_kernels()
                    load_torch_for(self._settings)
            if self._resources.warm:
                from ssimtool.batch.warming import warm_up

                warm_up(self._reading, self._settings)
        except BaseException as error:  # noqa: BLE001  # raised in the waiting threads
            self._failed = error
        self._can_read.set()
        self._can_score.set()

    def _stack(self, execution: Execution, grow: Callable[[int], object]) -> None:
        """Compute pairs together, on a GPU."""
        from ssimtool.batch.stack import MOST, Stacker

        stacker = Stacker(self._settings, execution, name=THREAD_NAME)
        self._compare, self._close = stacker.compare, stacker.close
        grow(min(MOST, 2 * self._resources.jobs))

    def _wait(self, loaded: threading.Event) -> None:
        loaded.wait()
        if self._failed is not None:
            raise self._failed

    def score(self, inputs: PairInput, finish: Finish) -> Comparison:
        """Return the record of a pair, or an error record if it cannot be compared.

        Args:
            inputs: paths or images of the pair.
            finish: function that returns the final record of a scored pair.
        """
        try:
            record = self._scored(inputs, finish)
        except Exception as error:
            name = shown(inputs.distorted)
            failure = failure_of(error, path=name) or unexpected(error, path=name)
            if failure is None or self._debug or error is self._failed:
                raise
            if failure.code == "too_large":
                self._reader.forget()
            record = self.failed(inputs, failure)
        warnings = (*inputs.warnings, *record.warnings)
        return replace(record, id=inputs.id, columns=inputs.columns, warnings=warnings)

    def failed(self, inputs: PairInput, failure: Failure) -> Comparison:
        """Return the error record of a pair."""
        try:
            region = region_of(inputs.columns, self._region)
        except ValueError:  # this error is the failure itself
            region = RegionOfInterest(mask=inputs.columns.get(MASK) or self._region.mask)
        return Comparison(
            status="error",
            id=inputs.id,
            reference=inputs.reference,
            distorted=inputs.distorted,
            definition=parts_of(self._settings.definition),
            reading=recorded(self._reading),
            mask=region.mask,
            regions=region.regions,
            columns=inputs.columns,
            version=__version__,
            error=failure,
        )

    def _scored(self, inputs: PairInput, finish: Finish) -> Comparison:
        if inputs.problem is not None:
            return self.failed(inputs, inputs.problem)
        check_batch_input(*(inputs.images or (inputs.reference, inputs.distorted)))
        region = self._region_of(inputs)
        with self._budget.share() as take:
            # A mask needs less memory than the two images; MS-SSIM has no mask.
            self._wait(self._can_read)
            more = 2 if region else self._more
            frames = self._reader.read(inputs, region, lambda size: take(more * size))
            self._wait(self._can_score)
            from ssimtool.scoring.frames import score_frames

            self._compute_alone()
            try:
                return finish(score_frames(frames, self._settings, self._compare))
            finally:
                self._reader.release()

    def _region_of(self, inputs: PairInput) -> RegionOfInterest:
        try:
            return region_of(inputs.columns, self._region)
        except ValueError as error:
            raise SsimtoolError(
                "unsupported", f"{shown(inputs.distorted)}: {error}; correct the manifest"
            ) from None

    def _compute_alone(self) -> None:
        """Limit torch to the calling thread if other threads compute too."""
        several = self._resources.own_process and self._resources.jobs > 1
        set_threads = part_of_loaded("torch", "set_num_threads") if several else None
        if set_threads is not None and not hasattr(self._own, "alone"):
            set_threads(1)
            self._own.alone = True
