"""Parser of thresholds: `[STAT:][METRIC=]VALUE`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import fields

from ssimtool.catalog import metric_key
from ssimtool.errors import ArgumentError
from ssimtool.plugins import METRIC_NAMES, known_metric, unknown_metric
from ssimtool.records import statistics
from ssimtool.records.verdicts import OfFrames, Op, StatisticThreshold, Threshold

PAIR_VALUE, STATISTIC_VALUE = "[METRIC=]VALUE", "[STAT:][METRIC=]VALUE"
NAMED_VALUE, FRAMES_VALUE = "FIGURE=VALUE", "[worst:][METRIC=]VALUE"
# Statistics of all pairs that a threshold may name.
STATISTICS = tuple(
    f.name
    for f in fields(statistics.Statistics)
    if f.name in statistics.STATISTICS and f.name != "std"
)
WORST: OfFrames = "worst"  # the worst frame of each pair of stacks


def parse_thresholds(
    under: Sequence[str],
    over: Sequence[str],
    *,
    metrics: Collection[str],
    default: str | None = "ssim",
    has_frames: bool = False,
) -> tuple[Threshold, ...]:
    """Return the thresholds on one pair, in the order under, over.

    Args:
        under: texts `[METRIC=]VALUE`; a lower score fails.
        over: texts of the same form; a higher score fails.
        metrics: names of metrics that are allowed.
        default: the metric of a text without a name; None: each text must name one.
        has_frames: whether `worst:` may precede the metric, for the worst frame.

    Raises:
        ArgumentError: a text cannot be parsed.

    >>> parse_thresholds(["0.9"], ["mse=4"], metrics=["ssim", "mse"])[1]
    Threshold(metric='mse', op='over', value=4.0, statistic=None)
    """
    form = FRAMES_VALUE if has_frames else PAIR_VALUE if default else NAMED_VALUE
    thresholds = []
    for op, text in _by_op(under, over):
        statistic, name, _, value = _parsed(op, text, metrics, form, default)
        if statistic == WORST and has_frames:
            thresholds.append(Threshold(name, op, value, WORST))
            continue
        if statistic:
            raise _error(
                op, f"{text!r} names a statistic, but one pair has none: leave out {statistic}:"
            )
        thresholds.append(Threshold(name, op, value))
    return tuple(thresholds)


def parse_batch_thresholds(
    under: Sequence[str], over: Sequence[str], *, metrics: Collection[str]
) -> tuple[tuple[Threshold, ...], tuple[StatisticThreshold, ...]]:
    """Return the thresholds on each pair (or its worst frame), and those on statistics of all.

    Args:
        under: texts `[STAT:][METRIC=]VALUE`; a lower number fails.
        over: texts of the same form; a higher number fails.
        metrics: names of metrics that are allowed.

    Raises:
        ArgumentError: a text cannot be parsed.
    """
    parsed = [
        _parsed(op, text, metrics, STATISTIC_VALUE, "ssim") for op, text in _by_op(under, over)
    ]
    return (
        tuple(
            Threshold(metric, op, value, WORST if stat else None)
            for stat, metric, op, value in parsed
            if stat in ("", WORST)
        ),
        tuple(StatisticThreshold(*parts) for parts in parsed if parts[0] not in ("", WORST)),
    )


def _by_op(under: Sequence[str], over: Sequence[str]) -> list[tuple[Op, str]]:
    return [("under", text) for text in under] + [("over", text) for text in over]


def _parsed(
    op: Op, text: str, metrics: Collection[str], form: str, default: str | None
) -> tuple[str, str, Op, float]:
    """Return the statistic (empty for none), the metric (or `default`), the side and the value."""
    head, _, number = text.rpartition("=")
    if not head and ":" in number:
        head, number = number.split(":", 1)
        head += ":"
    statistic, colon, name = head.rpartition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise _error(op, f"{text!r} is not {form}")
    if colon and statistic not in (*STATISTICS, WORST):
        raise _error(op, f"{text!r}: {statistic!r} is not one of {', '.join((*STATISTICS, WORST))}")
    name = metric_key(name or default or "")
    if not name:
        raise _error(op, f"{text!r} is not {form}: name one of {', '.join(metrics)}")
    if name not in metrics:
        ours = metrics is METRIC_NAMES
        why = unknown_metric(name) if ours else f"{name!r} is not one of {', '.join(metrics)}"
        raise _error(op, f"{text!r}: {why}")
    _check_range(op, text, name, value)
    return statistic, name, op, value


def _check_range(op: Op, text: str, name: str, value: float) -> None:
    """Check that a metric can be on both sides of a threshold, or equal to it."""
    row = known_metric(name)
    lowest, highest = (None, None) if row is None else (row.lowest, row.highest)
    if highest is not None and value > highest:
        always = "always" if op == "under" else "never"
        percent = highest == 1 and 10 <= value <= 100
        hint = f"; did you mean {value / 100:g}?" if percent else ""
    elif lowest is not None and value < lowest:
        always, hint = ("never" if op == "under" else "always"), ""
    else:
        return
    span = "" if row is None else row.range
    raise _error(op, f"{text!r} would {always} fail: {name} is in the range {span}{hint}")


def _error(op: Op, message: str) -> ArgumentError:
    return ArgumentError(message, argument=f"fail_{op}")
