"""Pairs of one size computed together, as a GPU wants them: the use case of many pairs there."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import torch
from torch import Tensor

from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError, is_out_of_memory
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison
from ssimtool.scoring.numbers import of_pair
from ssimtool.scoring.pair import Functions, Values, compare, functions_of, record_of
from ssimtool.scoring.tensors import computed_by, score, to_tensor
from ssimtool.settings import CompareSettings, Computed

MOST = 64  # pairs at once: from some 16 on, a GPU gains little more by another
Found = Comparison | SsimtoolError


def compare_stack(pairs: Sequence[Pair], how: CompareSettings, execution: Execution) -> list[Found]:
    """Pairs of one shape, dtype and data range, scored together; of each what `compare` gives.

    Returns:
        a record of each pair, or why it has none.

    Raises:
        SsimtoolError: `too_small`.
        RuntimeError: there is too little memory for all of them at once.
    """
    device = torch.device(execution.device)
    first = pairs[0]
    functions = functions_of(first, how)
    try:
        return _computed(functions, pairs, how, device)
    except SsimtoolError as error:  # a plug-in's: which pair it is about shows one by one
        if len(pairs) == 1:
            return [of_pair(error, first)]
        return [found for pair in pairs for found in compare_stack([pair], how, execution)]


def _computed(
    functions: Functions, pairs: Sequence[Pair], how: CompareSettings, device: torch.device
) -> list[Found]:
    x, y = (_stacked([getattr(p, r) for p in pairs], device) for r in ("reference", "distorted"))
    made = computed_by(x, y, how, "torch")
    scored = [
        score(row, x, y, pairs[0].data_range, how).reshape(-1, len(pairs))
        for row in functions.values()
    ]
    columns = torch.cat(scored).T.tolist()  # fetched at once: (N, numbers)
    counts = [len(part) for part in scored]
    return [
        _record(pair, how, dict(zip(functions, _split(numbers, counts), strict=True)), made)
        for pair, numbers in zip(pairs, columns, strict=True)
    ]


def _split(numbers: list[float], counts: Sequence[int]) -> Iterator[list[float]]:
    at = 0
    for count in counts:
        yield numbers[at : at + count]
        at += count


def _record(pair: Pair, how: CompareSettings, values: Values, made: Computed) -> Found:
    try:
        return record_of(pair, how, values, made)
    except SsimtoolError as error:
        return error


def _stacked(images: Sequence[Array], device: torch.device) -> Tensor:
    """(H, W, C) each, as (N, C, H, W) on the device: from pinned memory, where there is one."""
    first = to_tensor(images[0])
    pinned = device.type == "cuda"
    stack = torch.empty((len(images), *first.shape), dtype=first.dtype, pin_memory=pinned)
    for place, image in zip(stack, images, strict=True):
        place.copy_(to_tensor(image))
    return stack.to(device, non_blocking=pinned).permute(0, 3, 1, 2)


@dataclass(eq=False)
class _Waiting:
    """A pair whose thread waits for it."""

    pair: Pair
    ready: threading.Event = field(default_factory=threading.Event)
    found: Found | BaseException | None = None

    def answer(self, found: Found | BaseException) -> None:
        self.found = found
        self.ready.set()


class Stacker:
    """Computes what several threads ask for: while one stack is computed, the next one gathers.

    `most` is how many pairs it takes at once: fewer, once the memory of the device did not hold
    them.
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
        self._asked: SimpleQueue[_Waiting | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def compare(self, pair: Pair) -> Comparison:
        """Score a pair, as `scoring.pair.compare`, for the thread that asks; a pair with a mask is
        computed alone."""
        if pair.weight is not None:
            return compare(pair, self.how, execution=self.execution)
        waiting = _Waiting(pair)
        self._asked.put(waiting)
        waiting.ready.wait()
        if isinstance(waiting.found, Comparison):
            return waiting.found
        raise waiting.found or RuntimeError("no answer")

    def close(self) -> None:
        """Ends its thread, when all that was asked for is computed."""
        self._asked.put(None)

    def _run(self) -> None:
        while (first := self._asked.get()) is not None:
            groups: dict[Hashable, list[_Waiting]] = {}
            for one in (first, *self._gathered()):
                groups.setdefault(_kind(one.pair), []).append(one)
            for group in groups.values():
                self._compute(group)

    def _gathered(self) -> Iterator[_Waiting]:
        """Those that ask at the moment."""
        while True:
            try:
                one = self._asked.get_nowait()
            except Empty:
                return
            if one is None:
                self._asked.put(None)
                return
            yield one

    def _compute(self, group: Sequence[_Waiting]) -> None:
        """Answers all, `most` at once; what does not fit is computed in halves."""
        while group:
            part = group[: self.most]
            try:
                found: Sequence[Found | BaseException]
                found = compare_stack([one.pair for one in part], self.how, self.execution)
            except BaseException as error:  # noqa: BLE001  # raised in the threads that ask
                if len(part) > 1 and isinstance(error, RuntimeError) and is_out_of_memory(error):
                    self.most = len(part) // 2
                    del error  # and with its frames what they hold on the device
                    torch.cuda.empty_cache()
                    continue
                found = [error] * len(part)
            for one, answer in zip(part, found, strict=True):
                one.answer(answer)
            group = group[len(part) :]


def _kind(pair: Pair) -> Hashable:
    """What pairs of one stack have in common."""
    dtypes = pair.reference.dtype.str, pair.distorted.dtype.str
    return pair.reference.shape, dtypes, pair.data_range
