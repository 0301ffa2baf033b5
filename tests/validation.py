"""Records in what a command wrote, checked against docs/schema/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of a record, by the part of its schema's name that is its file's."""
    return Draft202012Validator(json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8")))


def validate(record: dict[str, Any]) -> None:
    """Raise where a record is not as the schema that it names says.

    Raises:
        jsonschema.ValidationError: a field is absent or something else.
    """
    validator(record["schema"].partition("/")[0].rpartition(".")[2]).validate(record)


def validate_output(text: str) -> int:
    """Validate the records in JSON or NDJSON, and return how many there are; other text has none.

    Raises:
        jsonschema.ValidationError: a record is not as its schema says.
    """
    if '"schema"' not in text:
        return 0
    records = [record for value in _values(text) for record in _records(value)]
    for record in records:
        validate(record)
    return len(records)


def _values(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def _records(value: Any) -> Iterator[dict[str, Any]]:
    """The records at the top of a value, or one or two levels below it as in a batch's JSON."""
    if isinstance(value, dict) and "schema" in value:
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _records(part)
