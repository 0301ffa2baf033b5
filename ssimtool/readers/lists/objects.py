"""Pairs of JSON objects: the lines of NDJSON, or the items of an array."""

from __future__ import annotations

import json
from typing import Any

from ssimtool.readers.lists.columns import COLUMNS, roles
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.lists.problems import no_pair
from ssimtool.readers.lists.text import TOO_LONG
from ssimtool.readers.regions import MASK, REGION


def pair_of_object(line: str | None, where: str, path: str) -> PairInput:
    """Return the pair of a JSON object: reference, distorted and id; others are kept as text.

    Args:
        line: the text of the object; None: it is too long.
        where: its place in the file, for a message.
        path: the file.
    """
    if line is None:
        return no_pair(path, where, TOO_LONG, "")
    try:
        return _of_fields(json.loads(line), line, where, path)
    except ValueError as error:
        return no_pair(path, where, f"is not JSON ({error})", line)
    except RecursionError:
        return no_pair(path, where, "is JSON that is nested too deeply", line)


def _of_fields(fields: Any, line: str, where: str, path: str) -> PairInput:
    if not isinstance(fields, dict):
        return no_pair(path, where, "is not a JSON object", line)
    try:
        known = roles([*fields]) or {}
    except ValueError as error:
        return no_pair(path, where, str(error), line)
    named = {role: [*fields][i] for i, role in known.items()}
    paths = [fields.pop(named.get(role, role), None) for role in COLUMNS[:2]]
    if not all(isinstance(p, str) for p in paths):
        return no_pair(path, where, "lacks reference or distorted as a text", line)
    for name in (MASK, REGION):
        if fields.get(name, "") is None:
            del fields[name]
    columns = {str(key): _as_text(value) for key, value in fields.items()}
    number = columns.pop("id", None) if fields.get("id") is not None else None
    columns.pop("id", None)
    return PairInput(reference=paths[0], distorted=paths[1], id=number, columns=columns)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
