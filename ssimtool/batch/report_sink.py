"""A report of a batch that is made at its end, from the NDJSON of its records."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from ssimtool.batch.report import ReportRequest, overview_of
from ssimtool.errors import printable
from ssimtool.output import Reserved, put, put_stdout, writing
from ssimtool.records.batch import Bin, Summary
from ssimtool.records.comparison import Comparison
from ssimtool.reports.formats import renderer
from ssimtool.reports.text import ndjson_text
from ssimtool.reports.view import View


class ReportSink:
    """Sink that renders the records as `report` does, once all of them are known.

    Args:
        name: format of the report.
        file: output; None: standard output.
        journal: NDJSON that the batch writes, complete when this sink ends; None: the sink keeps
            the records in a temporary file.
        worst: number of lowest-scoring pairs with pictures.
        view: requested numbers and columns.
    """

    has_summary = False

    def __init__(
        self, name: str, file: Reserved | None, journal: str | None, worst: int, view: View
    ) -> None:
        self._name, self._file, self._worst, self._scores = name, file, worst, journal
        self._view = view
        self._kept: IO[bytes] | None = None
        if journal is None:
            self._kept = NamedTemporaryFile(suffix=".ndjson", delete=False)  # noqa: SIM115  # `end` closes it
            self._scores = self._kept.name

    def add(self, record: Comparison) -> bool:
        """Keep the record, unless the journal does."""
        self._keep(ndjson_text(record))
        return True

    def end(self, summary: Summary, bins: Sequence[Bin], *, whole: bool) -> None:
        """Write the report, and commit the file."""
        self._keep(ndjson_text(summary))
        try:
            overview = overview_of(ReportRequest(self._closed(), self._worst, Path()))
            if self._kept is not None:  # its temporary name says nothing
                name = "batch" if self._file is None else printable(self._file.target.name)
                overview = replace(overview, source=name)
            view = replace(self._view, names=tuple(summary.metrics))
            text = renderer(self._name, "report")(overview, view)
            if self._file is None:
                put_stdout(text)
            else:
                put(self._file, text.encode("utf-8", "backslashreplace"))
        finally:
            if self._kept is not None:
                os.unlink(self._kept.name)

    def _closed(self) -> str:
        """Return the path of the records, all of them on disk."""
        if self._kept is not None:
            self._kept.close()
        return self._scores or ""

    def _keep(self, line: str) -> None:
        if self._kept is not None:
            with writing("the temporary folder"):
                self._kept.write(line.encode("utf-8", "backslashreplace"))
