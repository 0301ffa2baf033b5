"""A batch from its input to its exit code."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ssimtool.batch.journal import Journal, Kept, key_of
from ssimtool.batch.map_folder import MapFolder
from ssimtool.batch.pool import Batch
from ssimtool.batch.request import BatchRequest, Terminal
from ssimtool.batch.sinks import Target, settings_of, sinks
from ssimtool.batch.tally import BINS, Tally, bins_of, scored, scored_before
from ssimtool.batch.text_sinks import Sink
from ssimtool.batch.worker import Resources, Scorer
from ssimtool.errors import EXIT_INTERRUPTED, SsimtoolError, printable
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.lists.pairs import PairInput, find_pairs
from ssimtool.records.batch import Summary, Unmatched
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import EXIT_CODES, Failure
from ssimtool.reports.rows import counts_line

if TYPE_CHECKING:
    from ssimtool.readers.samples import Pair

PATIENCE = 0.5  # seconds for the threads of a run that was ended to end by themselves


@dataclass(frozen=True)
class Job:
    """A pair on its way: the file of its map, and its record where an earlier run left one."""

    given: PairInput
    map: str | None = None
    kept: Kept | None = None


Done = tuple[Job, Comparison | None]  # None where the record was kept


def run(
    request: BatchRequest,
    target: Target,
    resources: Resources,
    terminal: Terminal,
) -> int:
    """Scores the pairs, writes what is request for, and returns the exit code.

    Args:
        request: what is compared, and how.
        target: what is written.
        resources: what it may use.
        terminal: who is told how it goes.

    Raises:
        OutputError: an output that cannot be written.
        UnavailableError: a device or a backend that is not present.
    """
    inputs = [request.manifest] if request.manifest else [request.reference, request.distorted]
    inputs += [request.region.mask] if request.region.mask else []
    settings = settings_of(request.settings, request.reading, request.region)
    with sinks(target, settings, inputs) as (writers, journal):
        scorer = Scorer(
            request.reading,
            request.max_pixels,
            request.settings,
            resources,
            region=request.region,
            debug=request.debug,
        )
        return _Run(request, writers, journal, scorer, resources.jobs, terminal).whole()


class _Run:
    """One run: what its threads share, and how far it is."""

    def __init__(
        self,
        request: BatchRequest,
        writers: Sequence[Sink],
        journal: Journal | None,
        scorer: Scorer,
        jobs: int,
        terminal: Terminal,
    ) -> None:
        self.terminal = terminal
        self.request, self.writers, self.journal, self.scorer = request, writers, journal, scorer
        self.jobs = jobs
        self.tally = Tally(metrics=request.settings.metrics, worst=request.worst)
        self.maps = MapFolder(request.maps, request.map_style) if request.maps is not None else None
        self.batch: Batch[Job, Done] = Batch(self._work, jobs=jobs)
        scorer.start(self.batch.grow)
        self.total: int | None = None
        self.unmatched = Unmatched()
        self.cut = self.interrupted = False  # ended before the input did, by Ctrl-C
        self.unread = self.drawing = False  # nobody reads any more; the worst are drawn
        self.warnings: list[str] = []  # the first
        self.warned = 0

    def whole(self) -> int:
        """From the first pair to the exit code."""
        begun = time.monotonic()
        with self.terminal.interruptible(self._end):
            try:
                self._score()
                self._add_left_over()
                worst = self.maps and self.request.maps_for == "worst" and not self.cut
                drawn = self._draw_worst() if worst else ()
                self.cut = self.cut or self.interrupted
                summary = self._summary(time.monotonic() - begun, drawn)
                bins = bins_of(self.tally.values(self.request.settings.metrics[0]), BINS)
                for writer in self.writers:
                    writer.end(summary, bins, whole=not self.cut)
            finally:
                self.batch.stop()
                self.batch.wait(PATIENCE)
                self.scorer.close()
        self._tell(summary)
        return EXIT_INTERRUPTED if self.interrupted else EXIT_CODES[summary.status]

    def _end(self) -> None:
        self.interrupted = True
        self.batch.stop()

    def _score(self) -> None:
        with self.terminal.progress(shown=not self.request.quiet) as show:
            results = self.batch.run(self._jobs())
            try:
                for place, (job, record) in enumerate(results):
                    goes_on = self._take(place, job, record)
                    if record is not None and record.error is not None:
                        show.note(f"error: {printable(record.error.message)}")
                    show.update(self.tally, self.total)
                    if not goes_on:
                        self.cut = True
                        break
            except SsimtoolError as error:  # of the input as a whole: no folder, no manifest
                if self.request.debug:
                    raise
                show.note(f"error: {printable(error.message)}")
                self._take_failure(Failure(error.code, error.message))
        self.cut = self.cut or self.interrupted

    def _jobs(self) -> Iterator[Job]:
        """The pairs of the input, in a thread of its own: it may wait for the next one."""
        for given in self._given():
            path = self.maps.path_of(given) if self.maps and given.problem is None else None
            kept = None
            if self.journal is not None and self.journal.resumed:
                key = key_of(given.id, given.reference, given.distorted)
                kept = self.journal.take(key, partial(self._fits, given=given, path=path))
            yield Job(given, path, kept)

    def _given(self) -> Iterable[PairInput]:
        request = self.request
        if request.manifest is not None:
            return read_manifest(request.manifest, null=request.null)
        pairs, self.unmatched = find_pairs(request.reference, request.distorted, request.files)
        self.total = len(pairs)
        return pairs

    def _fits(self, record: Mapping[str, Any], *, given: PairInput, path: str | None) -> bool:
        """Whether a record is what would be computed now."""
        if record["columns"] != dict(given.columns):
            return False
        if path is None or not self._is_drawn(record["status"]):
            return True
        return bool(record["map"] == path and os.path.exists(path))

    def _is_drawn(self, status: str) -> bool:
        chosen = self.request.maps_for
        return self.drawing or chosen == "all" or (chosen == "failed" and status == "fail")

    def _work(self, job: Job) -> Done:
        if job.kept is not None:
            return job, None
        return job, self.scorer.score(
            job.given, lambda pair, record: self._drawn(job, pair, record)
        )

    def _drawn(self, job: Job, pair: Pair, record: Comparison) -> Comparison:
        if self.maps is None or job.map is None or not self._is_drawn(record.status):
            return record
        self.maps.write(job.map, pair, record, self.request.settings, self.scorer.execution)
        return replace(record, map=job.map)

    def _take(self, place: int, job: Job, record: Comparison | None) -> bool:
        """Counts and writes a record; whether the run goes on."""
        if job.kept is not None and self.journal is not None:
            self.journal.keep(job.kept)
            self.tally.add(place, scored_before(job.kept.record, job.map))
        if record is None:
            return True
        for writer in self.writers:
            self.unread |= not writer.add(record)
        self.tally.add(place, scored(record, job.map))
        self.warned += bool(record.warnings)
        self.warnings = self.warnings or list(record.warnings[:1])
        return not self.unread and not (record.error is not None and self.request.stop_on_error)

    def _take_failure(self, failure: Failure) -> None:
        manifest = self.request.manifest
        given = PairInput(
            reference=self.request.reference if manifest is None else manifest,
            distorted=self.request.distorted,
        )
        self._take(self.tally.pairs, Job(given), self.scorer.failed(given, failure))

    def _add_left_over(self) -> None:
        """Records of earlier runs whose pairs did not come, or not yet: they stay, and count."""
        if self.journal is None or not self.journal.resumed:
            return
        left = 0
        for left, record in enumerate(self.journal.left_over(whole=not self.cut), 1):  # noqa: B007  # read below
            self.tally.add(self.tally.pairs, scored_before(record))
        if left and not self.cut and not self.request.quiet:
            self.terminal.warn(
                f"warning: {left} pair(s) of the output are not in the input; their records stay"
            )

    def _draw_worst(self) -> tuple[str | None, ...]:
        """Writes the maps of the pairs that turned out worst, in a run of their own.

        Returns:
            their files, in the order of the summary.
        """
        self.drawing = True
        self.batch = Batch(self._work, jobs=self.jobs)
        jobs = [
            Job(PairInput(reference=p.reference, distorted=p.distorted, columns=p.columns), p.map)
            for p in self.tally.worst_first()
        ]
        drawn = tuple(record.map if record else None for _, record in self.batch.run(jobs))
        return () if self.interrupted else drawn

    def _summary(self, elapsed: float, drawn: tuple[str | None, ...]) -> Summary:
        summary = self.tally.summary(
            self.request.statistics,
            unmatched=self.unmatched,
            strict=self.request.strict,
            interrupted=self.cut,
            elapsed=elapsed,
        )
        if drawn:
            worst = map(lambda pair, path: replace(pair, map=path), summary.worst, drawn)
            summary = replace(summary, worst=tuple(worst))
        return summary

    def _tell(self, summary: Summary) -> None:
        """What became of the whole, on standard error."""
        if self.unread:
            return
        alone = len(summary.unmatched.reference) + len(summary.unmatched.distorted)
        if alone and self.request.strict:
            self.terminal.warn(
                f"error: {alone} file(s) without a partner, expected none with --strict"
            )
        elif alone and not self.request.quiet:
            self.terminal.warn(f"warning: {alone} file(s) without a partner were left out")
        if self.warned and not self.request.quiet:
            first = printable(self.warnings[0])
            self.terminal.warn(f"warning: {self.warned} pair(s) have warnings, the first: {first}")
        if summary.error:
            text = f"{summary.error} of {summary.pairs} pair(s) could not be compared"
            self.terminal.warn(f"error: {text}")
        self.tally.failures.report(summary, self.terminal.warn)
        if not self.request.quiet and not any(writer.has_summary for writer in self.writers):
            self.terminal.warn(counts_line(summary))
