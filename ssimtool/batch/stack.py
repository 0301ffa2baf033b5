"""Pairs of one size computed together in a stack, for throughput on a GPU."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import torch
from torch import Tensor

from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError, is_out_of_memory
from ssimtool.kernels.plain.blocks import sendable
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison
from ssimtool.scoring.numbers import of_pair
from ssimtool.scoring.pair import Functions, Values, compare, functions_of, record_of
from ssimtool.scoring.tensors import computed_by, score
from ssimtool.scoring.transfer import to_tensor
from ssimtool.settings import CompareSettings, Computed

MOST = 64  # pairs at once; above about 16, a GPU gains little from more
Outcome = Comparison | SsimtoolError


def compare_stack(
    pairs: Sequence[Pair], how: CompareSettings, execution: Execution
) -> list[Outcome]:
    """Score pairs of one shape, dtype and data range together, with the results of `compare`.

    Returns:
        the record of each pair, or its error.

    Raises:
        SsimtoolError: `too_small`.
        RuntimeError: the memory is too small for all pairs at once.
    """
    device = torch.device(execution.device)
    first = pairs[0]
    functions = functions_of(first, how)
    try:
        return _computed(functions, pairs, how, device)
    except SsimtoolError as error:  # from a plug-in: score one by one to see which pair fails
        if len(pairs) == 1:
            return [of_pair(error, first)]
        return [compare_stack([pair], how, execution)[0] for pair in pairs]


def _computed(
    functions: Functions, pairs: Sequence[Pair], how: CompareSettings, device: torch.device
) -> list[Outcome]:
    x, y = (_stacked([getattr(p, r) for p in pairs], device) for r in ("reference", "distorted"))
    computed = computed_by(x)
    scored = [
        score(row, x, y, pairs[0].data_range, how).reshape(-1, len(pairs))
        for row in functions.values()
    ]
    columns = torch.cat(scored).T.tolist()  # one transfer: (N, numbers)
    counts = [len(part) for part in scored]
    return [
        _record(pair, how, dict(zip(functions, _split(numbers, counts), strict=True)), computed)
        for pair, numbers in zip(pairs, columns, strict=True)
    ]


def _split(numbers: list[float], counts: Sequence[int]) -> Iterator[list[float]]:
    at = 0
    for count in counts:
        yield numbers[at : at + count]
        at += count


def _record(pair: Pair, how: CompareSettings, values: Values, computed: Computed) -> Outcome:
    try:
        return record_of(pair, how, values, computed)
    except SsimtoolError as error:
        return error


def _stacked(images: Sequence[Array], device: torch.device) -> Tensor:
    """Stack images (H, W, C) to (N, C, H, W) on the device, through pinned memory for CUDA."""
    first = sendable(to_tensor(images[0]), device)
    pinned = device.type == "cuda"
    stack = torch.empty((len(images), *first.shape), dtype=first.dtype, pin_memory=pinned)
    for place, image in zip(stack, images, strict=True):
        place.copy_(to_tensor(image))
    return stack.to(device, non_blocking=pinned).permute(0, 3, 1, 2)


@dataclass(eq=False)
class _Waiting:
    """Pair whose thread waits for the outcome."""

    pair: Pair
    ready: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | BaseException | None = None

    def answer(self, outcome: Outcome | BaseException) -> None:
        self.outcome = outcome
        self.ready.set()


class Stacker:
    """Computation of the pairs of several threads: one stack is computed while the next gathers.

    `most` is the number of pairs in a stack. It decreases if the memory of the device is too small.
    """

    def __init__(
        self,
        how: CompareSettings,
        execution: Execution,
        *,
        most: int = MOST,
        name: str | None = None,
    ) -> None:
        self.how, self.execution, self.most = how, execution, most
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def compare(self, pair: Pair) -> Comparison:
        """Score a pair for the calling thread, with the result of `scoring.pair.compare`.

        A pair with a mask is computed alone.
        """
        if pair.weight is not None:
            return compare(pair, self.how, execution=self.execution)
        waiting = _Waiting(pair)
        self._queue.put(waiting)
        waiting.ready.wait()
        if isinstance(waiting.outcome, Comparison):
            return waiting.outcome
        raise waiting.outcome or RuntimeError("no answer")

    def close(self) -> None:
        """End the thread after all pending pairs are computed."""
        self._queue.put(None)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            groups: dict[Hashable, list[_Waiting]] = {}
            for one in (first, *self._gathered()):
                groups.setdefault(_kind(one.pair), []).append(one)
            for group in groups.values():
                self._compute(group)

    def _gathered(self) -> Iterator[_Waiting]:
        """Yield the pairs that wait at the moment."""
        while True:
            try:
                one = self._queue.get_nowait()
            except Empty:
                return
            if one is None:
                self._queue.put(None)
                return
            yield one

    def _compute(self, group: Sequence[_Waiting]) -> None:
        """Answer all pairs, at most `most` at once; halve a stack that does not fit into memory."""
        while group:
            part = group[: self.most]
            try:
                outcomes: Sequence[Outcome | BaseException]
                outcomes = compare_stack([one.pair for one in part], self.how, self.execution)
            except BaseException as error:  # noqa: BLE001  # raised in the waiting threads
                if len(part) > 1 and isinstance(error, RuntimeError) and is_out_of_memory(error):
                    self.most = len(part) // 2
                    del error  # its frames hold tensors on the device
                    torch.cuda.empty_cache()
                    continue
                outcomes = [error] * len(part)
            for one, outcome in zip(part, outcomes, strict=True):
                one.answer(outcome)
            group = group[len(part) :]


def _kind(pair: Pair) -> Hashable:
    """Return the key that pairs of one stack share: shape, dtypes and data range."""
    dtypes = pair.reference.dtype.str, pair.distorted.dtype.str
    return pair.reference.shape, dtypes, pair.data_range
