"""`ssimtool.compare_many`: compare many pairs from Python, in order, on several threads."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ssimtool.batch.pair_reader import Resources
from ssimtool.batch.pool import Batch
from ssimtool.batch.worker import Scorer
from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.definitions import Border, Definition, find_definition
from ssimtool.devices import usable_cores
from ssimtool.errors import SsimtoolError
from ssimtool.readers.lists.folders import Filter
from ssimtool.readers.lists.pairs import PairInput, find_pairs, nothing_paired
from ssimtool.readers.memory import ImageInput, name_of
from ssimtool.readers.regions import Region, RegionOfInterest
from ssimtool.records.batch import Unmatched
from ssimtool.records.comparison import Comparison
from ssimtool.scoring.arguments import compare_settings, reading_of
from ssimtool.scoring.failures import in_python
from ssimtool.settings import BackendName, Channels, ImageLayout, Precision

if TYPE_CHECKING:
    from pandas import DataFrame

Folder: TypeAlias = "str | os.PathLike[str]"
MEMORY = 2 << 30  # bytes, the default of `ssimtool batch`
PATIENCE = 0.5  # seconds to wait for threads to end


class Comparisons:
    """Iterator over the records of many pairs, in the order of the pairs.

    A pair that cannot be compared gives a record with the status `error`. To end early, leave the
    loop: no new pair is started once the iterator is closed or garbage collected.

    Args:
        pairs: pairs to compare.
        scorer: scores the pairs.
        jobs: number of threads.
        unmatched: files of two folders without a partner.
    """

    def __init__(
        self, pairs: Iterable[PairInput], scorer: Scorer, jobs: int, unmatched: Unmatched
    ) -> None:
        self.unmatched = unmatched
        self._records = _scored(pairs, scorer, jobs)

    def __iter__(self) -> Iterator[Comparison]:
        return self

    def __next__(self) -> Comparison:
        return next(self._records)

    def close(self) -> None:
        """End the run: drop pairs in flight, and start no new one."""
        self._records.close()

    def to_pandas(self) -> DataFrame:
        """Return the remaining records as a table.

        Each pair is a row and each field of the record a column. Nested fields are columns such as
        `metrics.ssim` and `error.code`.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError('to_pandas needs pandas: pip install "pandas"') from None
        return pandas.DataFrame([_flat(record) for record in self])


def compare_many(
    pairs: Folder | Iterable[tuple[ImageInput, ImageInput]],
    distorted: Folder | None = None,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    allow_empty: bool = False,
    metrics: str | Sequence[str] = DEFAULT_METRICS,
    definition: str | Definition = "wang2004",
    border: Border | None = None,
    scales: int | None = None,
    mask: ImageInput | None = None,
    regions: Sequence[Region] = (),
    data_range: float | None = None,
    value_range: tuple[float, float] | None = None,
    channels: Channels = "rgb",
    background: str = "checker",
    resize: bool = False,
    frame: int | None = None,
    layout: ImageLayout = "auto",
    max_pixels: int = 2**29,
    max_bytes: int | None = None,
    device: str = "auto",
    backend: BackendName = "auto",
    precision: Precision = "single",
    jobs: int | None = None,
    memory: int = MEMORY,
) -> Comparisons:
    """Compare many pairs, as `ssimtool batch` does.

    Args:
        pairs: an iterable of (reference, distorted), each as for `ssimtool.compare`; or the folder
            of the references (or one file for all), with `distorted`.
        distorted: the folder of the distorted images. Files are paired by their path, then by their
            path without the suffix if that is unique.
        include, exclude: globs for the files of folders.
        allow_empty: whether folders may have no pair.
        metrics, definition, border, scales, mask, regions, data_range, value_range, channels,
            background, resize, frame, layout, max_pixels, max_bytes, device, backend: as for
            `ssimtool.compare`; `mask` and `regions` apply to every pair.
        precision: of SSIM: `single`, right to 1e-6 of 1 − SSIM or to 1e-7, or `double`.
        jobs: number of threads; None: the cores that this process may use.
        memory: bytes for the pairs in flight; a pair that needs more waits and runs alone.

    Returns:
        an iterator of records (`ssimtool.records.comparison.Comparison`). It yields a record as
        soon as this record and all before it are done. `.to_pandas()` returns a table, `.unmatched`
        holds the files without a partner.

    Raises:
        SsimtoolError: a folder cannot be read; `empty`, folders have no pair.
        ValueError: an argument is outside its range.
        TypeError: an image has a type that is not accepted.

    >>> import numpy as np
    >>> white, grey = np.full((16, 16), 255, np.uint8), np.full((16, 16), 251, np.uint8)
    >>> [r.metrics["mse"] for r in compare_many([(white, white), (white, grey)], metrics="mse")]
    [0.0, 16.0]
    """
    count = _count_of(jobs)
    options = channels, data_range, value_range, background, resize, frame, layout, max_pixels
    reading = reading_of(*options, max_bytes)
    region = RegionOfInterest(mask=None if mask is None else name_of(mask), regions=tuple(regions))
    chosen = find_definition(definition, border=border)
    settings = compare_settings(metrics, chosen, scales, region, device, backend, precision)
    resources = Resources(jobs=count, memory=memory, own_process=False)
    scorer = Scorer(reading, settings, resources, region=region, mask=mask)
    files = Filter(include=tuple(include), exclude=tuple(exclude))
    inputs, unmatched = _inputs(pairs, distorted, files, allow_empty)
    return Comparisons(inputs, scorer, count, unmatched)


def _count_of(jobs: int | None) -> int:
    count = usable_cores() if jobs is None else jobs
    if count < 1:
        raise ValueError(f"jobs is {jobs}: expected 1 or more")
    return count


def _inputs(
    pairs: Folder | Iterable[tuple[ImageInput, ImageInput]],
    distorted: Folder | None,
    files: Filter,
    allow_empty: bool,
) -> tuple[Iterable[PairInput], Unmatched]:
    """Return the pairs to compare, and the files of two folders without a partner."""
    if isinstance(pairs, (str, os.PathLike)):
        if distorted is None:
            raise TypeError("distorted is missing: expected the folder of the distorted images")
        return _of_folders(os.fsdecode(pairs), os.fsdecode(distorted), files, allow_empty)
    if distorted is not None:
        raise TypeError(
            "distorted was passed with pairs of images: expected two folders, or pairs only"
        )
    return map(_input, pairs), Unmatched()


def _of_folders(
    reference: str, distorted: str, files: Filter, allow_empty: bool
) -> tuple[Sequence[PairInput], Unmatched]:
    """Return the pairs of two folders, at least one unless `allow_empty`."""
    try:
        pairs, unmatched = find_pairs(reference, distorted, files, allow_empty=allow_empty)
        if not (pairs or allow_empty):
            raise nothing_paired(reference, distorted, unmatched)
    except SsimtoolError as error:
        raise SsimtoolError(error.code, in_python(error.message)) from None
    return pairs, unmatched


def _input(pair: tuple[ImageInput, ImageInput]) -> PairInput:
    try:
        reference, distorted = pair
    except (TypeError, ValueError):
        raise TypeError(f"{pair!r:.80} is not a pair: expected (reference, distorted)") from None
    names = name_of(reference), name_of(distorted)
    return PairInput(reference=names[0], distorted=names[1], images=(reference, distorted))


def _scored(
    pairs: Iterable[PairInput], scorer: Scorer, jobs: int
) -> Generator[Comparison, None, None]:
    pool: Batch[PairInput, Comparison] = Batch(
        lambda pair: scorer.score(pair, lambda scored: scored.record), jobs=jobs
    )
    scorer.start(pool.grow)
    try:
        yield from map(_in_python, pool.run(pairs))
    finally:
        pool.stop()
        pool.wait(PATIENCE)
        scorer.close()


def _in_python(record: Comparison) -> Comparison:
    """Return a record whose error names arguments of Python, not options of the command line."""
    if record.error is None:
        return record
    return replace(record, error=replace(record.error, message=in_python(record.error.message)))


def _flat(record: Comparison) -> dict[str, Any]:
    """Return the fields of a record by name, with nested fields as `outer.inner`."""
    fields = asdict(record)
    nested = ("metrics", "definition", "error", "columns", "frames")
    flat = {name: value for name, value in fields.items() if name not in nested}
    for name in nested:
        flat |= {f"{name}.{part}": value for part, value in (fields[name] or {}).items()}
    return flat
