"""Sinks for the records of many pairs: a journal, a stream of lines, or a summary at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ssimtool.batch.journal import Journal, is_finished
from ssimtool.batch.report_sink import ReportSink
from ssimtool.batch.summary import WORST
from ssimtool.batch.text_sinks import JobSummarySink, Sink, StreamSink, WholeSink
from ssimtool.errors import OutputError, printable
from ssimtool.output import Reserved, make_folder_of, reserved, writing
from ssimtool.readers.regions import ALL, RegionOfInterest
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.reports.formats import FORMATS, batch_format, formats_for
from ssimtool.reports.outputs import Output
from ssimtool.reports.stream import ARRAY
from ssimtool.reports.text import ndjson_text
from ssimtool.reports.view import View
from ssimtool.same_file import check_distinct
from ssimtool.settings import CompareSettings, Settings, limits_of

JOURNAL = "ndjson"  # the format of a file that another run can resume


@dataclass(frozen=True)
class JournalSink:
    """Journal file that another run can resume."""

    journal: Journal
    has_summary = True

    def add(self, record: Comparison) -> bool:
        """Write the record as a complete line."""
        with self._writing():
            self.journal.append(ndjson_text(record))
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Write the summary, and sort the lines in the order of the input."""
        with self._writing():
            self.journal.finish(ndjson_text(summary), whole=whole)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(
                f"cannot write {self.journal.name}: {reason}; the lines written so far are "
                "complete, pass --resume to continue"
            ) from None


@dataclass(frozen=True, kw_only=True)
class Target:
    """Outputs of a batch.

    `table`: the table is also printed on standard output. `view` has the metrics of each record,
    those of `-f value`, and the width and the colour of standard output. `several`: the command is
    `compare`, whose JSON is an array of the records. `worst` is the number of pairs with pictures
    in a report. The format's summary for CI is appended to the file `job_summary`.
    """

    outputs: tuple[Output, ...]
    table: bool
    worst: int = WORST
    several: bool = False
    view: View
    resume: bool
    overwrite: bool
    job_summary: str | None = None


def settings_of(
    scoring: CompareSettings, reading: Mapping[str, Any], region: RegionOfInterest = ALL
) -> Settings:
    """Return the settings that all records of a journal share, as JSON values."""
    empty = Comparison(
        status="ok",
        reference="",
        distorted="",
        definition=parts_of(scoring.definition),
        reading=reading,
        mask=region.mask,
        regions=region.regions,
        thresholds=tuple(t.judge(0) for t in scoring.thresholds),
        version="",
    )
    record = json.loads(ndjson_text(empty))
    return Settings(
        definition=record["definition"],
        reading=record["reading"],
        metrics=scoring.metrics,
        thresholds=limits_of(record),
        mask=record["mask"],
        regions=record["regions"],
        precision=scoring.precision,
        scales=scoring.scales_stated,
    )


def replaced_by(target: Target) -> list[str]:
    """Return the files with content that the outputs replace.

    A journal that is resumed is none of them: its content is checked, and is no image.
    """
    files = [output for output in target.outputs if output.path and os.path.isfile(output.path)]
    return [
        output.path
        for output in files
        if output.path is not None
        and os.path.getsize(output.path)
        and not (target.resume and output.format == JOURNAL)
    ]


@contextmanager
def sinks(
    target: Target, settings: Settings, inputs: Sequence[str]
) -> Iterator[tuple[list[Sink], Journal | None]]:
    """Open the outputs before the computation; yield the sinks, and the journal if there is one.

    Raises:
        OutputError: an output cannot be written, or must not be overwritten.
    """
    path = _journal_of(target)
    others = [output for output in target.outputs if path is None or output.path != path]
    names = [output.path for output in others if output.path is not None]
    check_distinct([*names, *([path] if path is not None else [])], inputs)
    if path is not None:
        check_free(path, target)
    with reserved(names, inputs=inputs) as files, ExitStack() as stack:
        journal = None
        if path is not None:
            journal = _journal(path, target, settings)
            stack.callback(journal.close)
        opened = iter(files)
        shown = [
            _sink(output.format, target, None if output.path is None else next(opened), path)
            for output in others
        ]
        first: list[Sink] = [] if journal is None else [JournalSink(journal)]
        yield [*first, *shown, *_beside(target)], journal


def _journal_of(target: Target) -> str | None:
    """Return the file that another run can resume: the first NDJSON.

    Raises:
        OutputError: there is none, but the run shall resume it.
    """
    paths = [output.path for output in target.outputs if output.format == JOURNAL]
    path = next((path for path in paths if path is not None and _is_regular(path)), None)
    if target.resume and path is None:
        other = next((output.path for output in target.outputs if output.path is not None), None)
        problem = (
            "--resume requires a file to continue"
            if other is None
            else f"{printable(other)}: cannot be resumed, only NDJSON can"
        )
        raise OutputError(f"{problem}: pass --output FILE.ndjson")
    return path


def _beside(target: Target) -> Iterator[Sink]:
    """Yield the sinks that are not outputs: the table on standard output, and a job summary."""
    if target.table:
        yield _sink("table", target, None, None)
    jobs = {FORMATS[output.format].job_summary for output in target.outputs} - {None}
    for name in jobs:
        if name is not None and target.job_summary is not None:
            yield JobSummarySink(target.job_summary, batch_format(name))


def _sink(name: str, target: Target, file: Reserved | None, journal: str | None) -> Sink:
    view = (
        target.view
        if file is None
        else replace(target.view, width=None, colour=False, terminal=False)
    )
    # A run that is resumed passes on only the new records; its journal has all.
    from_journal = target.resume and file is not None and name in formats_for("report")
    if FORMATS[name].overview or from_journal:
        return ReportSink(name, file, journal, target.worst, view)
    sink = StreamSink if FORMATS[name].streamed else WholeSink
    form = ARRAY if name == "json" and target.several else batch_format(name)
    return sink(form, view, file)


def _is_regular(path: str) -> bool:
    return bool(path) and (os.path.isfile(path) or not os.path.exists(path))


def check_free(path: str, target: Target) -> None:
    """Check that the output does not overwrite the records of an unfinished run.

    Raises:
        OutputError: it would.
    """
    if target.resume or target.overwrite or not os.path.exists(path):
        return
    with writing(path):
        finished = is_finished(Path(path))
    if not finished:
        raise OutputError(
            f"{printable(path)}: already exists and does not end with the summary of a finished "
            "run; pass --resume to continue it, or --overwrite to replace it"
        )


def _journal(path: str, target: Target, settings: Settings) -> Journal:
    make_folder_of(path)
    with writing(path):
        journal = Journal(path, resumed=target.resume)
    try:
        if target.resume:
            with writing(path):
                journal.load(settings)
    except ValueError as error:
        journal.close()
        raise OutputError(str(error)) from None
    return journal
