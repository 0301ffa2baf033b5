"""Pairs of images as rows for programs: CSV, short or wide, and TSV."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields

from ssimtool.errors import printable
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import Failure
from ssimtool.reports.text import cells_of, csv_line, flat
from ssimtool.reports.view import View

FIRST = ("id", "reference", "distorted", "status")  # then the metrics
ERROR = tuple(f"error.{field.name}" for field in fields(Failure))
OWN = "columns"  # the field of a record that holds the columns of a list


def own_columns(records: Iterable[Comparison]) -> tuple[str, ...]:
    """Return the names of the columns of a list that some records have, in order.

    >>> of = {"status": "ok", "reference": "", "distorted": "", "version": ""}
    >>> own_columns([Comparison(columns={"take": "1"}, **of), Comparison(**of)])
    ('take',)
    """
    return tuple(dict.fromkeys(name for record in records for name in record.columns))


def csv_header(view: View) -> str:
    """Return the CSV header: id, paths, status, metrics, the user's columns, the error, the rest.

    A column of the user whose name is one of ours is `columns.NAME`.
    """
    ours = [*FIRST, *view.names]
    rest = _rest(view)
    taken = {*ours, *rest}
    own = [f"{OWN}.{name}" if name in taken else name for name in view.columns]
    return csv_line(cells_of([*ours, *own, *rest], view))


def csv_row(record: Comparison, view: View) -> str:
    """Return the CSV line of one comparison."""
    values = flat(record)
    values[OWN] = {k: v for k, v in record.columns.items() if k not in view.columns}
    return csv_line(
        cells_of(
            [
                *(values[name] for name in FIRST),
                *(record.metrics.get(name) for name in view.names),
                *(record.columns.get(name) for name in view.columns),
                *(values[name] for name in _rest(view)),
            ],
            view,
        )
    )


def csv_of_one(record: Comparison, view: View) -> str:
    """Return CSV of one comparison: a header and a line."""
    return csv_header(view) + csv_row(record, view)


def _rest(view: View) -> list[str]:
    """Return the names of the columns after the user's own.

    They are the error, and for a list what later lines have beyond its columns; with `wide` all
    other fields.
    """
    if not view.csv.wide:
        return [*ERROR, *([OWN] if view.listed else [])]
    every = flat(Comparison(status="ok", reference="", distorted="", version=""))
    return [*ERROR, *(name for name in every if name not in (*FIRST, *ERROR))]


def tsv_row(record: Comparison, view: View) -> str:
    """Return the distorted image and the requested metrics, between tabs; nan for a missing one."""
    numbers = (repr(record.metrics.get(name, math.nan)) for name in view.requested)
    return "\t".join([printable(record.distorted), *numbers]) + "\n"
