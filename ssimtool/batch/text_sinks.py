"""Sinks of a batch that write text: as records come, all at the end, or the summary alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Protocol

from ssimtool.output import Reserved, append_job_summary, put_stdout, write, writing
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.view import BatchFormat, View

KEPT_BYTES = 1 << 26  # of text in memory; more goes to disk


class Sink(Protocol):
    """Takes the records in order, then the summary; `has_summary` says whether it shows that."""

    @property
    def has_summary(self) -> bool: ...

    def add(self, record: Comparison) -> bool:
        """Writes a record; says whether anybody still reads."""

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Writes what stands at the end; `whole` says that the input came to its end."""


class StreamSink:
    """Each record as it comes: on standard output, or in a file, whole or not at all."""

    def __init__(self, form: BatchFormat, view: View, file: Reserved | None) -> None:
        self._form, self._view, self._file = form, view, file
        self._begun = False
        self.has_summary = form.tail is not None

    def add(self, record: Comparison) -> bool:
        """A record, after what comes before the first one."""
        before = self._form.between if self._begun else self._form.head(None, self._view)
        self._begun = True
        return _put(before + self._form.line(record, self._view), self._file)

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """What comes after the last one."""
        head = "" if self._begun else self._form.head(None, self._view)
        tail = self._form.tail(summary, bins, self._view) if self._form.tail else ""
        _put(head + tail, self._file)
        if self._file is not None:
            self._file.commit()


class WholeSink:
    """All records at the end, below what needs their summary; kept on disk where they are many."""

    def __init__(self, form: BatchFormat, view: View, file: Reserved | None) -> None:
        self._form, self._view, self._file = form, view, file
        self._kept = SpooledTemporaryFile(  # noqa: SIM115  # `end` closes it
            KEPT_BYTES, "w+", encoding="utf-8", errors="backslashreplace", newline=""
        )
        self.has_summary = form.tail is not None

    def add(self, record: Comparison) -> bool:
        """Keeps what the record adds, if anything: a format may show only the summary."""
        with writing("the temporary folder"):
            self._kept.write(self._form.line(record, self._view))
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Everything."""
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
    """The summary alone, behind what other steps of a CI job have written to a file."""

    path: str
    form: BatchFormat
    has_summary = False

    def add(self, record: Comparison) -> bool:
        """Nothing: a record counts in the summary."""
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """The summary."""
        append_job_summary(
            self.path, self.form.tail(summary, bins, View()) if self.form.tail else ""
        )


def _put(text: str, file: Reserved | None) -> bool:
    """Writes some text; says whether anybody still reads."""
    if file is None:
        return put_stdout(text) if text else True
    write(file, text)
    return True
