"""Pictures of the pairs that a report shows: chosen from its records, read again, and drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from ssimtool.batch.summary import worst_first
from ssimtool.catalog import Definition
from ssimtool.devices import usable_cores
from ssimtool.errors import SsimtoolError
from ssimtool.plugins import METRIC_NAMES
from ssimtool.readers.align import Reading
from ssimtool.readers.files import STDIN, are_names, check_regular, reading, shown
from ssimtool.readers.frames import read_frames
from ssimtool.readers.masks import with_mask
from ssimtool.readers.options import RECORDED, unrecorded
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pictures import Case, draw
from ssimtool.scoring.arguments import check_value_range
from ssimtool.scoring.pair import compare, map_of
from ssimtool.settings import CompareSettings

# Relative difference that two devices or two backends may cause, with a margin: for 1 - SSIM in
# float32, they cause 1e-6. A larger difference means that the images have changed.
SAME = 1e-4


class Places:
    """Folders in which recorded paths are looked for.

    `beside` collects the relative paths that exist only next to the scores; threads may share it.

    Args:
        base: folder of relative paths.
        scores: folder of the scores; None: they are not in a folder.
        max_bytes: limit of each image, as for `open_image`.
    """

    def __init__(
        self, base: Path, scores: Path | None = None, *, max_bytes: int | None = None
    ) -> None:
        self._base, self._scores, self.max_bytes = base, scores, max_bytes
        self.beside: set[str] = set()

    def path_of(self, recorded: str) -> str:
        """Return the path of an image from here.

        Raises:
            SsimtoolError: the image was standard input, is no regular file, or has a name that no
                file can have.
        """
        if recorded == STDIN:
            raise SsimtoolError("not_found", "standard input: cannot be read again")
        if not are_names(recorded):
            raise SsimtoolError("not_found", f"{shown(recorded)}: cannot be the name of a file")
        with reading(recorded):
            path = self._base / recorded
            if self._scores is not None and not path.exists():
                beside = self._scores / recorded
                if beside.exists():
                    self.beside.add(recorded)
                    path = beside
            check_regular(str(path))
        return str(path)


def chosen(comparisons: Sequence[Comparison], worst: int) -> tuple[int, ...]:
    """Return the indices of the worst comparisons and of as many failed ones, worst first."""
    order = worst_first(comparisons)
    failed = [i for i in order if comparisons[i].status == "fail"][:worst]
    shown = {*order[:worst], *failed}
    return tuple(i for i in order if i in shown)


def cases_of(
    comparisons: Sequence[Comparison],
    indices: Sequence[int],
    *,
    places: Places,
    budget: int,
    jobs: int | None = None,
) -> Iterator[Case]:
    """Yield the comparisons at the indices with their pictures, in order.

    Args:
        comparisons: all comparisons.
        indices: indices of the comparisons to draw.
        places: folders in which the images are looked for.
        budget: maximum size in bytes of the pictures of one pair.
        jobs: number of threads; None: one per core, at most four.

    Yields:
        cases; a case has a remark if a file is missing or has changed.
    """
    # More than four threads would need memory without a gain: large images are read slowly.
    with ThreadPoolExecutor(jobs or min(4, usable_cores())) as threads:
        yield from threads.map(partial(_case, comparisons, places, budget), indices)


def _case(comparisons: Sequence[Comparison], places: Places, budget: int, index: int) -> Case:
    record = comparisons[index]
    try:
        pair = _read_again(record, places)
        scoring = _scoring(record)
        pictures = draw(pair, map_of(pair, scoring), budget=budget)
        return Case(index, pictures, _remark(record, pair, scoring))
    except SsimtoolError as error:
        return Case(index, None, error.message)
    except MemoryError:
        return Case(index, None, f"{shown(record.distorted)}: does not fit into memory")
    except (ValueError, TypeError) as error:  # options of another version of ssimtool
        return Case(index, None, f"the record cannot be computed again: {error}")


def _read_again(record: Comparison, places: Places) -> Pair:
    reference, distorted = map(places.path_of, (record.reference, record.distorted))
    options = {name: value for name, value in record.reading.items() if name in RECORDED}
    # JSON has no tuples
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in options.items()}
    check_value_range(options.get("value_range"), options.get("data_range"))
    # The size at the time of scoring is allowed, whatever --max-pixels was then.
    limit = max(Reading().max_pixels, (record.width or 0) * (record.height or 0))
    reading = Reading(**options, max_pixels=limit, max_bytes=places.max_bytes)
    frames = read_frames(reference, distorted, reading)
    pair = frames.at(record.frames.of_report) if record.frames else frames.first
    mask = None if record.mask is None else places.path_of(record.mask)
    region = RegionOfInterest(mask=mask, regions=record.regions)
    return with_mask(pair, region, **unrecorded(reading))


def _scoring(record: Comparison) -> CompareSettings:
    parts: Mapping[str, object] = record.definition or {"name": "wang2004"}
    known = {field.name for field in fields(Definition)}
    options: dict[str, Any] = {name: part for name, part in parts.items() if name in known}
    definition = Definition(**options)
    metrics = tuple(name for name in record.metrics if name in METRIC_NAMES)
    scales = record.scales or CompareSettings().scales
    return CompareSettings(metrics=metrics, definition=definition, scales=scales)


def _remark(record: Comparison, pair: Pair, scoring: CompareSettings) -> str | None:
    """Return which frame of a stack is shown, and how the images have changed, if they have."""
    changed, frames = _changed(record, pair, scoring), record.frames
    if frames is None:
        return changed
    return f"frame {frames.of_report} of {frames.count} is shown" + (
        f"; {changed}" if changed else ""
    )


def _scores_then(record: Comparison) -> Mapping[str, float]:
    """Return the scores of the images that are shown: of stacks, those of the shown frame."""
    if record.frames is None:
        return record.metrics
    shown_frame, worst = record.frames.of_report, record.frames.worst
    return {name: each.value for name, each in worst.items() if each.frame == shown_frame}


def _changed(record: Comparison, pair: Pair, scoring: CompareSettings) -> str | None:
    """Return the difference between the images now and when they were scored, if any."""
    height, width, _ = pair.reference.shape
    if (record.width, record.height) not in ((width, height), (None, None)):
        return f"changed since: was {record.width}x{record.height}, is {width}x{height} pixels"
    for name, value in compare(pair, scoring).metrics.items():
        was = _scores_then(record).get(name)
        if was is not None and not math.isclose(was, value, rel_tol=SAME, abs_tol=1e-9):
            return f"changed since: {name} was {was:.6g}, is {value:.6g}"
    return None
