"""The frames of two stacks in words, for every report."""

from __future__ import annotations

from ssimtool.plugins import known_metric
from ssimtool.records.comparison import Comparison
from ssimtool.records.frames import Frames
from ssimtool.reports.rows import number_words, title_of


def frames_words(record: Comparison) -> str | None:
    """Return the number of the frames and the worst ones; None for two images.

    Metrics whose worst frame is the same are named together.
    """
    frames = record.frames
    if frames is None:
        return None
    if frames.identical == frames.count:
        return f"{frames.count}, all identical"
    identical = f" ({frames.identical} identical)" if frames.identical else ""
    return "; ".join([f"{frames.count}{identical}, scores are means", *_worst(frames)])


def frames_lines(record: Comparison) -> tuple[tuple[str, str], ...]:
    """Return the role and the words of the frames; empty for two images."""
    words = frames_words(record)
    return () if words is None else (("frames", words),)


def _worst(frames: Frames) -> list[str]:
    by_frame: dict[int, list[str]] = {}
    for name in _named(frames):
        worst = frames.worst[name]
        by_frame.setdefault(worst.frame, []).append(
            f"{title_of(name)} {number_words(name, worst.value)}"
        )
    return [f"worst {', '.join(values)} at frame {frame}" for frame, values in by_frame.items()]


def _named(frames: Frames) -> list[str]:
    """Return the metrics to name: not a loss beside the similarity that it completes to 1."""
    rows = {name: known_metric(name) for name in frames.worst}
    completed = {row.function for row in rows.values() if row is not None and row.complement}
    return [
        name
        for name, row in rows.items()
        if row is None or row.complement or row.function not in completed
    ]


def ssim_of_map(record: Comparison) -> float | None:
    """Return the SSIM of what the map shows: the pair, or the worst frame of two stacks."""
    if record.frames is None:
        return record.metrics.get("ssim")
    worst = record.frames.worst.get("ssim")
    return None if worst is None else worst.value


def frame_words_of_map(record: Comparison) -> str | None:
    """Return which frame of how many the map shows; None for two images."""
    frames = record.frames
    return None if frames is None else f"frame {frames.of_map} of {frames.count}"
