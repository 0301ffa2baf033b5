"""Sinks of a batch that write text: each record at once, all at the end, or only the summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import Protocol

from ssimtool.job_summary import append_job_summary
from ssimtool.output import Reserved, put_stdout, write, writing
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.pairs_csv import own_columns
from ssimtool.reports.view import BatchFormat, View

MOST_WAITING = 1000  # records in memory
KEPT_BYTES = 1 << 26  # of text kept in memory; more is kept on disk


class Sink(Protocol):
    """Sink for the records in order, then the summary; `has_summary`: whether it shows that."""

    @property
    def has_summary(self) -> bool: ...

    def add(self, record: Comparison) -> bool:
        """Write a record; return whether the output still has a reader."""

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Write the end; `whole`: whether the input was read to its end."""


class StreamSink:
    """Sink that writes each record at once, to standard output or to a file (atomically)."""

    def __init__(self, form: BatchFormat, view: View, file: Reserved | None) -> None:
        self._form, self._view, self._file = form, view, file
        self._begun = False
        self._waiting: list[Comparison] = []  # records before the head can be written
        self.has_summary = form.tail is not None

    def add(self, record: Comparison) -> bool:
        """Write a record; before the first one, the head."""
        if self._begun:
            return _put(self._form.between + self._form.line(record, self._view), self._file)
        self._waiting.append(record)
        return (len(self._waiting) < MOST_WAITING and self._waits(record)) or self._begin()

    def _waits(self, record: Comparison) -> bool:
        """Return whether the columns of a list are still unknown: an error of a line has none."""
        unknown = self._view.listed and record.status == "error" and not record.columns
        return self._form.waits_for_columns and unknown

    def _begin(self) -> bool:
        """Write the head, and the records that waited for it."""
        self._begun = True
        self._view = replace(self._view, columns=own_columns(self._waiting))
        lines = [self._form.line(record, self._view) for record in self._waiting]
        self._waiting.clear()
        return _put(self._form.head(None, self._view) + self._form.between.join(lines), self._file)

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Write the tail, and commit the file."""
        if not self._begun:
            self._begin()
        _put(self._form.tail(summary, bins, self._view) if self._form.tail else "", self._file)
        if self._file is not None:
            self._file.commit()


class WholeSink:
    """Sink that writes all records at the end, after a head that needs the summary.

    Many records are kept on disk until then.
    """

    def __init__(self, form: BatchFormat, view: View, file: Reserved | None) -> None:
        self._form, self._view, self._file = form, view, file
        self._kept = SpooledTemporaryFile(  # noqa: SIM115  # `end` closes it
            KEPT_BYTES, "w+", encoding="utf-8", errors="backslashreplace", newline=""
        )
        self.has_summary = form.tail is not None

    def add(self, record: Comparison) -> bool:
        """Keep the text of the record, if any: a format may show only the summary."""
        with writing("the temporary folder"):
            self._kept.write(self._form.line(record, self._view))
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Write the head, the records and the tail, and commit the file."""
        _put(self._form.head(summary, self._view), self._file)
        self._kept.seek(0)
        while (part := self._kept.read(1 << 20)) and _put(part, self._file):
            pass
        self._kept.close()
        _put(self._form.tail(summary, bins, self._view) if self._form.tail else "", self._file)
        if self._file is not None:
            self._file.commit()


@dataclass(frozen=True)
class JobSummarySink:
    """Sink that appends only the summary to the job summary of a CI job."""

    path: str
    form: BatchFormat
    has_summary = False

    def add(self, record: Comparison) -> bool:
        """Write nothing: the summary covers the record."""
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Append the summary."""
        append_job_summary(
            self.path, self.form.tail(summary, bins, View()) if self.form.tail else ""
        )


def _put(text: str, file: Reserved | None) -> bool:
    """Write text; return whether the output still has a reader."""
    if file is None:
        return put_stdout(text) if text else True
    write(file, text)
    return True
