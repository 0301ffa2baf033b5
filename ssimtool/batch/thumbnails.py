"""The pairs that a report shows: chosen among its records, read again, and drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from ssimtool.batch.summary import worst_first
from ssimtool.catalog import Definition
from ssimtool.errors import SsimtoolError
from ssimtool.plugins import METRIC_NAMES
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.files import STDIN, shown
from ssimtool.readers.masks import with_mask
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.readers.samples import Pair
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pictures import Case, draw
from ssimtool.scoring.pair import compare, map_of
from ssimtool.settings import CompareSettings

# What two devices or two kernels may differ by, relatively, with room; beyond it, the images are
# others than those that were scored. Of 1 - SSIM in float32 it is 1e-6.
SAME = 1e-4


def chosen(comparisons: Sequence[Comparison], worst: int) -> tuple[int, ...]:
    """Which comparisons are shown: the worst, and as many of those that fail; worst first."""
    order = worst_first(comparisons)
    failed = [i for i in order if comparisons[i].status == "fail"][:worst]
    shown = {*order[:worst], *failed}
    return tuple(i for i in order if i in shown)


def cases_of(
    comparisons: Sequence[Comparison],
    indices: Sequence[int],
    *,
    base: Path,
    budget: int,
    jobs: int | None = None,
) -> Iterator[Case]:
    """Those of the comparisons, with pictures, in order.

    Args:
        comparisons: all of them.
        indices: which of them are drawn.
        base: the folder that relative paths start from.
        budget: the bytes that the pictures of one pair may take.
        jobs: threads; None is one for each core, four at most.

    Yields:
        cases; where a file is gone or is another, the case says so.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # More than four pairs in memory at a time would be for nothing: what is large is read slowly.
    with ThreadPoolExecutor(jobs or min(4, cores or 1)) as threads:
        yield from threads.map(partial(_case, comparisons, base, budget), indices)


def _case(comparisons: Sequence[Comparison], base: Path, budget: int, index: int) -> Case:
    record = comparisons[index]
    try:
        pair = _read_again(record, base)
        scoring = _scoring(record)
        pictures = draw(pair, map_of(pair, scoring), budget=budget)
        return Case(index, pictures, _changed(record, pair, scoring))
    except SsimtoolError as error:
        return Case(index, None, error.message)
    except MemoryError:
        return Case(index, None, f"{shown(record.distorted)}: does not fit into memory")
    except (ValueError, TypeError) as error:  # options of a version that has others
        return Case(index, None, f"the record cannot be computed again: {error}")


def _read_again(record: Comparison, base: Path) -> Pair:
    reference, distorted = _found(record.reference, base), _found(record.distorted, base)
    known = {field.name for field in fields(Reading)}
    options = {name: value for name, value in record.reading.items() if name in known}
    if isinstance(options.get("background"), list):  # JSON has no tuples
        options["background"] = tuple(options["background"])
    # As large as it was when it was scored, whatever --max-pixels said then.
    limit = max(Reading().max_pixels, (record.width or 0) * (record.height or 0))
    pair = read_pair(reference, distorted, Reading(**options, max_pixels=limit))
    mask = None if record.mask is None else _found(record.mask, base)
    return with_mask(pair, RegionOfInterest(mask=mask, regions=record.regions), max_pixels=limit)


def _found(path: str, base: Path) -> str:
    if path == STDIN:
        raise SsimtoolError("not_found", "standard input: was read once and is gone")
    return str(base / path)


def _scoring(record: Comparison) -> CompareSettings:
    parts: Mapping[str, object] = record.definition or {"name": "wang2004"}
    known = {field.name for field in fields(Definition)}
    given: dict[str, Any] = {name: part for name, part in parts.items() if name in known}
    definition = Definition(**given)
    metrics = tuple(name for name in record.metrics if name in METRIC_NAMES)
    scales = record.scales or CompareSettings().scales
    return CompareSettings(metrics=metrics, definition=definition, scales=scales)


def _changed(record: Comparison, pair: Pair, scoring: CompareSettings) -> str | None:
    """What is different about the images since they were scored."""
    height, width, _ = pair.reference.shape
    if (record.width, record.height) not in ((width, height), (None, None)):
        return f"changed since: was {record.width}x{record.height}, is {width}x{height} pixels"
    for name, value in compare(pair, scoring).metrics.items():
        was = record.metrics.get(name)
        if was is not None and not math.isclose(was, value, rel_tol=SAME, abs_tol=1e-9):
            return f"changed since: {name} was {was:.6g}, is {value:.6g}"
    return None
