"""The record of two stacks, from the records of their frames."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ssimtool.errors import SsimtoolError
from ssimtool.plugins import find_metric
from ssimtool.readers.files import shown
from ssimtool.readers.frames import PairFrames, frame_named
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison
from ssimtool.records.frames import Frames, WorstFrame
from ssimtool.records.verdicts import status_of
from ssimtool.settings import CompareSettings

NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class FramesScored:
    """The record of a pair of images or stacks, and the frame that the map shows.

    `shown()` returns the pair, of stacks that of the frame, which is read again.
    """

    record: Comparison
    shown: Callable[[], Pair]


def score_frames(
    frames: PairFrames,
    settings: CompareSettings,
    score: Callable[[Pair], Comparison],
) -> FramesScored:
    """Score two images, or all frames of two stacks, one after another.

    Args:
        frames: the pair, or the frames.
        settings: the metrics and the thresholds.
        score: returns the record of a pair.

    Raises:
        SsimtoolError: a frame cannot be read or scored; `data_range`, the frames do not share one.
    """
    if not frames.are_several:
        return FramesScored(score(frames.first), lambda: frames.first)
    records = []
    for number, frame in frames.each():
        with frame_named(number):
            records.append(score(frame))
    record, of_frames = record_of_frames(records, frames.numbers, settings)
    return FramesScored(record, lambda: frames.at(of_frames.of_map))


def record_of_frames(
    records: Sequence[Comparison], numbers: Sequence[int], settings: CompareSettings
) -> tuple[Comparison, Frames]:
    """Return the record of a pair of stacks, and its frames.

    Args:
        records: the records of the frames.
        numbers: the numbers of the frames.
        settings: the metrics and the thresholds.

    Raises:
        SsimtoolError: `data_range` or `channel_mismatch`, the frames do not share one.
    """
    _check_alike(records, numbers)
    metrics = {name: _mean_of_metric(name, records) for name in records[0].metrics}
    places = {name: _worst(name, records) for name in metrics}
    worst = {
        name: WorstFrame(records[place].metrics[name], numbers[place])
        for name, place in places.items()
    }
    verdicts = tuple(
        t.judge(worst[t.metric].value if t.statistic else metrics[t.metric])
        for t in settings.thresholds
    )
    identical = sum(bool(record.identical) for record in records)
    frames = Frames(count=len(records), identical=identical, worst=worst)
    record = replace(
        records[places[next(iter(metrics))]],
        status=status_of(verdicts),
        channels=max(record.channels or 0 for record in records),
        identical=identical == len(records),
        frames=frames,
        metrics=metrics,
        per_channel={name: _by_channel(name, records) for name in records[0].per_channel},
        precision=min(str(record.precision) for record in records),  # float32 before float64
        steps=_once([record.steps for record in records], numbers),
        thresholds=verdicts,
        warnings=(
            *_once([record.warnings for record in records], numbers),
            *_size_warnings(records),
        ),
    )
    return record, frames


def _loss_of(name: str, record: Comparison) -> str:
    """Return the metric whose complement a metric is, or the metric itself.

    1 - SSIM has digits that SSIM lacks: the mean and the worst frame are those of the loss.
    """
    row = find_metric(name)
    if not row.complement:
        return name
    rows = map(find_metric, record.metrics)
    losses = (r.name for r in rows if r.function == row.function and not r.complement)
    return next(losses, name)


def _mean_of_metric(name: str, records: Sequence[Comparison]) -> float:
    loss = _loss_of(name, records[0])
    mean = _mean([record.metrics[loss] for record in records])
    return mean if loss == name else 1 - mean


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values; infinity if all are infinite."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.inf


def _worst(name: str, records: Sequence[Comparison]) -> int:
    """Return the index of the frame with the worst value; of several, the first."""
    loss = _loss_of(name, records[0])
    values = [record.metrics[loss] for record in records]
    return values.index((min if find_metric(loss).better == "higher" else max)(values))


def _by_channel(name: str, records: Sequence[Comparison]) -> tuple[float, ...]:
    """Return the mean of each channel; a grey frame has its value in each."""
    count = max(len(record.per_channel[name]) for record in records)
    rows = [record.per_channel[name] for record in records]
    full = [row * count if len(row) == 1 else row for row in rows]
    return tuple(map(_mean, zip(*full, strict=True)))


def _check_alike(records: Sequence[Comparison], numbers: Sequence[int]) -> None:
    """Check that numbers of the frames can be averaged."""
    first = records[0]
    several = max(record.channels or 0 for record in records)
    for number, record in zip(numbers, records, strict=True):
        same_range = record.data_range == first.data_range
        if same_range and record.channels in (1, several):
            continue
        code = "channel_mismatch" if same_range else "data_range"
        there, here = (
            f"{r.channels} channels" if same_range else f"the data range {r.data_range:g}"
            for r in (first, record)
        )
        raise SsimtoolError(
            code,
            f"{shown(record.distorted)}: frame {number} has {here}, expected {there} as in frame "
            f"{numbers[0]}; compare one frame with --frame",
        )


def _once(texts: Sequence[Sequence[str]], numbers: Sequence[int]) -> tuple[str, ...]:
    """Return each step or warning once, in the order of appearance.

    Texts that differ only in numbers, such as ranges of samples, are one. A text that not all
    frames have, or not with these numbers, names the first frame that has it.
    """
    kinds: dict[tuple[str, int], dict[int, str]] = {}
    for number, of_frame in zip(numbers, texts, strict=True):
        count: Counter[str] = Counter()
        for text in of_frame:
            kind = NUMBER.sub("#", text)
            kinds.setdefault((kind, count[kind]), {})[number] = text
            count[kind] += 1
    return tuple(_text(frames, len(numbers)) for frames in kinds.values())


def _text(frames: dict[int, str], count: int) -> str:
    """Return one text for the frames that have it."""
    number, text = next(iter(frames.items()))
    if len(frames) == count and len(set(frames.values())) == 1:
        return text
    more = f" and {len(frames) - 1} more" if len(frames) > 1 else ""
    return f"{text} (frame {number}{more})"


def _size_warnings(records: Sequence[Comparison]) -> tuple[str, ...]:
    sizes = sorted({(r.width or 0, r.height or 0) for r in records}, key=math.prod)
    if len(sizes) == 1:
        return ()
    (w, h), (w2, h2) = sizes[0], sizes[-1]
    return (
        f"{shown(records[0].distorted)}: its frames differ in size, from {w}x{h} to {w2}x{h2}; "
        "each counts the same in the means",
    )
