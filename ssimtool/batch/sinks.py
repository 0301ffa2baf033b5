"""Sinks for the records of many pairs: a journal, a stream of lines, or a summary at the end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssimtool.batch.journal import Journal, is_finished
from ssimtool.batch.text_sinks import JobSummarySink, Sink, StreamSink, WholeSink
from ssimtool.errors import OutputError, printable
from ssimtool.output import (
    Reserved,
    check_distinct,
    reserved,
    wants_colour,
    writing,
)
from ssimtool.readers.regions import ALL, RegionOfInterest
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.reports.formats import FORMATS, batch_format, format_of_output
from ssimtool.reports.text import ndjson_text
from ssimtool.reports.view import View
from ssimtool.settings import CompareSettings, Settings

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

    `output` None is standard output. `names` are the metrics of each record, `requested` those of
    `-f value`. The format's summary for CI is appended to the file `job_summary`.
    """

    format: str | None
    output: str | None
    names: Sequence[str]
    requested: Sequence[str]
    resume: bool
    overwrite: bool
    job_summary: str | None = None


def formats_of(target: Target) -> tuple[str, str | None]:
    """Return the format of the output, and that of standard output in addition to a file.

    Where no format is requested, the suffix of the file determines its format, and the table is
    printed.

    Raises:
        ArgumentError: the suffix is that of a format that `batch` does not have.
    """
    form = format_of_output("batch", target.format, target.output)
    return form, "table" if target.format is None and form != "table" else None


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
        thresholds=[[t["metric"], t["op"], t["value"]] for t in record["thresholds"]],
        mask=record["mask"],
        regions=record["regions"],
        precision=scoring.precision,
        scales=scoring.scales_stated,
    )


@contextmanager
def sinks(
    target: Target, settings: Settings, inputs: Sequence[str]
) -> Iterator[tuple[list[Sink], Journal | None]]:
    """Open the outputs before the computation; yield the sinks, and the journal if there is one.

    Raises:
        OutputError: an output cannot be written, or must not be overwritten.
    """
    form, beside = formats_of(target)
    shown: list[Sink] = [_sink(beside, target, None)] if beside else []
    job = FORMATS[form].job_summary
    if job is not None and target.job_summary is not None:
        shown.append(JobSummarySink(target.job_summary, batch_format(job)))
    path = target.output
    if path is None or form != JOURNAL or not _is_regular(path):
        if target.resume:
            problem = (
                "--resume requires a file to continue"
                if path is None
                else (f"{printable(path)}: cannot be resumed, only NDJSON can")
            )
            raise OutputError(f"{problem}: pass --output FILE.ndjson")
        with reserved([path] if path is not None else [], inputs=inputs) as files:
            yield [_sink(form, target, files[0] if files else None), *shown], None
        return
    check_free(path, target, inputs)
    journal = _journal(path, target, settings)
    try:
        yield [JournalSink(journal), *shown], journal
    finally:
        journal.close()


def _sink(name: str, target: Target, file: Reserved | None) -> Sink:
    view = View(
        names=target.names,
        requested=target.requested,
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=file is None and wants_colour(),
    )
    sink = StreamSink if FORMATS[name].streamed else WholeSink
    return sink(batch_format(name), view, file)


def _is_regular(path: str) -> bool:
    return bool(path) and (os.path.isfile(path) or not os.path.exists(path))


def check_free(path: str, target: Target, inputs: Sequence[str]) -> None:
    """Check that the output overwrites neither an input nor the records of an unfinished run.

    Raises:
        OutputError: it would.
    """
    check_distinct([path], inputs)
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
