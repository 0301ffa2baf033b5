"""Read the record of a batch from its line: the only reader, for reports and for resuming."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from ssimtool.catalog import SCALE_WEIGHTS
from ssimtool.definitions import Definition
from ssimtool.errors import printable
from ssimtool.readers.lists.decode import UnexpectedError, decode
from ssimtool.readers.regions import parse_region
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison

Line = Comparison | Summary
BEGINNING = 24  # bytes of a line to show


@dataclass(frozen=True)
class ReportedDefinition:
    """Parts of a definition that a report shows; `sigma` is null for a uniform window."""

    name: str
    window: str
    window_size: int
    sigma: float | None
    k1: float
    k2: float
    border: str


def read_record(line: bytes) -> tuple[dict[str, Any], Line]:
    """Return the JSON object of a line, and its record.

    Unknown fields are ignored.

    Raises:
        UnexpectedError: the line is no record that a batch could have written; the message says
            what it holds instead.
    """
    try:
        row = json.loads(line, parse_constant=_not_json)
    except (ValueError, RecursionError):
        beginning = printable(line[:BEGINNING].decode("utf-8", "replace"))
        raise UnexpectedError(f"{beginning!r}, which is not a JSON object") from None
    if not isinstance(row, dict):
        raise UnexpectedError(f"a {type(row).__name__}, which is not a JSON object")
    schema = row.get("schema")
    if schema is None:
        raise UnexpectedError("an object without a schema")
    if schema == Summary.schema:
        return row, decode(Summary, row)
    if schema != Comparison.schema:
        raise UnexpectedError(f"a record of the schema {printable(str(schema))!r}")
    comparison = decode(Comparison, row)
    _check(comparison)
    return row, comparison


def _not_json(word: str) -> NoReturn:
    raise ValueError(word)


def _check(comparison: Comparison) -> None:
    """Check that the fields of a record are consistent and could come from a batch."""
    if (comparison.status == "error") != (comparison.error is not None):
        raise UnexpectedError("a status and an error that contradict each other")
    if comparison.status != "error" and comparison.data_range is None:
        raise UnexpectedError("an object without 'data_range'")
    for region in comparison.regions:
        try:
            parse_region(",".join(map(str, region)))
        except ValueError as error:
            raise UnexpectedError(f"'regions' with an error: {printable(str(error))}") from None
    if comparison.scales is not None and comparison.scales not in range(1, len(SCALE_WEIGHTS) + 1):
        raise UnexpectedError(
            f"{comparison.scales} as 'scales', which must be 1 to {len(SCALE_WEIGHTS)}"
        )
    if comparison.definition is not None:
        _check_definition(comparison.definition)


def _check_definition(parts: object) -> None:
    decode(ReportedDefinition, parts, "definition")
    try:
        decode(Definition, parts, "definition")
    except ValueError as error:  # a part outside its range
        raise UnexpectedError(f"'definition' with an error: {error}") from None
