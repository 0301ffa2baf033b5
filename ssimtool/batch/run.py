"""Run of a batch, from its input to its exit code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ssimtool.batch.causes import Causes
from ssimtool.batch.closing import PairWarnings, closing_lines
from ssimtool.batch.intake import Intake, Job
from ssimtool.batch.journal import Journal
from ssimtool.batch.map_folder import MapFolder
from ssimtool.batch.pair_reader import Resources
from ssimtool.batch.pool import Batch
from ssimtool.batch.request import BatchRequest, Terminal
from ssimtool.batch.sinks import Target, replaced_by, settings_of, sinks
from ssimtool.batch.tally import BINS, Tally, bins_of, scored, scored_before
from ssimtool.batch.text_sinks import Sink
from ssimtool.batch.worker import Scorer
from ssimtool.errors import EXIT_INTERRUPTED, EXIT_SOFTWARE, SsimtoolError, printable
from ssimtool.readers.align import recorded
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import EXIT_CODES, Failure
from ssimtool.same_file import OwnFiles

if TYPE_CHECKING:
    from ssimtool.scoring.frames import FramesScored

PATIENCE = 0.5  # seconds to wait for the threads of an ended run
Done = tuple[Job, Comparison | None]  # None if the record of an earlier run was kept


def run(
    request: BatchRequest,
    target: Target,
    resources: Resources,
    terminal: Terminal,
) -> int:
    """Score the pairs, write their records and the summary, and return the exit code.

    Args:
        request: pairs and settings.
        target: output and its format.
        resources: threads and memory of the run.
        terminal: functions that report the progress.

    Raises:
        OutputError: an output cannot be written.
        UnavailableError: a device or a backend is not present.
    """
    inputs = [*request.source.inputs, *filter(None, [request.region.mask])]
    own = OwnFiles(replaced_by(target))
    reading = recorded(request.reading)
    with sinks(target, settings_of(request.settings, reading, request.region), inputs) as (
        writers,
        journal,
    ):
        scorer = Scorer(
            request.reading,
            request.settings,
            resources,
            region=request.region,
            debug=request.debug,
        )
        return _Run(request, writers, journal, scorer, resources.jobs, terminal, own).whole()


class _Run:
    """One run: passes each record to the tally and the writers, in order, and closes them."""

    def __init__(
        self,
        request: BatchRequest,
        writers: Sequence[Sink],
        journal: Journal | None,
        scorer: Scorer,
        jobs: int,
        terminal: Terminal,
        own: OwnFiles,
    ) -> None:
        self.terminal = terminal
        self.request, self.writers, self.journal, self.scorer = request, writers, journal, scorer
        self.jobs = jobs
        self.tally = Tally(metrics=request.settings.metrics, worst=request.worst)
        self.errors, self.warnings = Causes(), PairWarnings()
        maps = request.maps
        self.maps = MapFolder(maps.folder, maps.style) if maps is not None else None
        self.intake = Intake(request, self.maps, journal, own)
        self.batch: Batch[Job, Done] = Batch(self._work, jobs=jobs)
        scorer.start(self.batch.grow)
        self.undrawn: list[Failure] = []  # errors of drawing the maps of the worst
        self.problem: Failure | None = None  # why the input could not be read or is empty
        self.cut = self.interrupted = False  # ended before the input did; by Ctrl-C
        self.unread = self.drawing = False  # the output has no reader; maps of the worst are drawn

    def whole(self) -> int:
        """Run the batch and return the exit code."""
        begun = time.monotonic()
        with self.terminal.interruptible(self._end):
            try:
                self._score()
                self._add_left_over()
                maps = self.request.maps
                worst = maps is not None and maps.pairs == "worst" and not self.cut
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
        for line in () if self.unread else self._closing_lines(summary):
            self.terminal.warn(line)
        return self._exit_code(summary)

    def _exit_code(self, summary: Summary) -> int:
        if self.interrupted:
            return EXIT_INTERRUPTED
        if self.errors.counts["internal"] or any(e.code == "internal" for e in self.undrawn):
            return EXIT_SOFTWARE
        return EXIT_CODES["error" if self.undrawn else summary.status]

    def _end(self) -> None:
        self.interrupted = True
        self.batch.stop()

    def _score(self) -> None:
        with self.terminal.progress(shown=not self.request.quiet) as show:
            results = self.batch.run(self.intake.jobs())
            try:
                for place, (job, record) in enumerate(results):
                    continues = self._take(place, job, record)
                    error = None if record is None else record.error
                    if error is not None and self.errors.add(error.code, error.message):
                        show.note(f"error: {printable(error.message)}")
                    show.update(self.tally, self.intake.total)
                    if not continues:
                        self.cut = True
                        break
            except SsimtoolError as error:  # the folder or the list cannot be read
                if self.request.debug:
                    raise
                show.note(f"error: {printable(error.message)}")
                self.problem = Failure(error.code, error.message)
        self.cut = self.cut or self.interrupted

    def _work(self, job: Job) -> Done:
        if job.kept is not None:
            return job, None
        return job, self.scorer.score(job.pair, lambda scored: self._drawn(job, scored))

    def _drawn(self, job: Job, scored: FramesScored) -> Comparison:
        maps, record = self.request.maps, scored.record
        if self.maps is None or maps is None or job.map is None:
            return record
        if not (self.drawing or maps.includes(record.status)):
            return record
        self.maps.write(
            job.map, scored.shown(), record, self.request.settings, self.scorer.execution
        )
        return replace(record, map=job.map)

    def _take(self, place: int, job: Job, record: Comparison | None) -> bool:
        """Count and write a record; return whether the run continues."""
        if job.kept is not None and self.journal is not None:
            self.journal.keep(job.kept)
            self.tally.add(place, scored_before(job.kept.record, job.map))
        if record is None:
            return True
        for writer in self.writers:
            self.unread |= not writer.add(record)
        self.tally.add(place, scored(record, job.map))
        self.warnings.add(record)
        return not self.unread and not (record.error is not None and self.request.stop_on_error)

    def _add_left_over(self) -> None:
        """Count the records of earlier runs whose pairs have not come in this run; they stay."""
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
        """Write the maps of the lowest-scoring pairs, in a second run over these pairs.

        Returns:
            the paths of the maps, in the order of the summary.
        """
        self.drawing = True
        self.batch = Batch(self._work, jobs=self.jobs)
        jobs = [
            Job(PairInput(reference=p.reference, distorted=p.distorted, columns=p.columns), p.map)
            for p in self.tally.worst_first()
        ]
        records = [record for _, record in self.batch.run(jobs) if record is not None]
        for error in filter(None, (record.error for record in records)):  # a file changed meanwhile
            self.undrawn.append(error)
            self.terminal.warn(f"error: no map of a pair: {printable(error.message)}")
        return () if self.interrupted else tuple(record.map for record in records)

    def _summary(self, elapsed: float, drawn: tuple[str | None, ...]) -> Summary:
        allowed = self.request.allow_empty and not self.tally.pairs
        summary = self.tally.summary(
            () if allowed else self.request.statistics,
            unmatched=self.intake.unmatched,
            problem=self.problem,
            interrupted=self.cut,
            elapsed=elapsed,
        )
        if drawn:
            worst = map(lambda pair, path: replace(pair, map=path), summary.worst, drawn)
            summary = replace(summary, worst=tuple(worst))
        return summary

    def _closing_lines(self, summary: Summary) -> Iterator[str]:
        for warning in () if self.request.quiet else self.intake.warnings:
            yield f"warning: {printable(warning)}"
        yield from closing_lines(
            summary,
            self.tally.failures,
            self.errors,
            self.warnings,
            quiet=self.request.quiet,
            has_summary=any(writer.has_summary for writer in self.writers),
        )
