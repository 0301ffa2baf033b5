"""The fields of a JSON object, each checked to be what it is expected to be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ssimtool.errors import printable

Row = Mapping[str, Any]
NUMBER = (int, float)
LARGEST = 10**300  # numbers beyond it, and beyond floats, come from no record


class UnexpectedError(Exception):
    """What was found where something else was expected."""


def numbers(row: Row, name: str) -> dict[str, float]:
    """A field that is an object of numbers; where it is absent, there are none.

    Raises:
        UnexpectedError: it is something else.
    """
    found = field(row, name, Mapping) or {}
    return {key: number(found, key) for key in found}


def number(row: Row, name: str) -> float:
    """A number; JSON has no infinity, and null stands for it (PSNR of identical images).

    Raises:
        UnexpectedError: it is something else.
    """
    value = field(row, name, NUMBER)
    return math.inf if value is None else value


def texts(row: Row, name: str) -> tuple[str, ...]:
    """A field that is a list of texts; where it is absent, there are none.

    Raises:
        UnexpectedError: it is something else.
    """
    found = field(row, name, list) or []
    if not all(isinstance(text, str) for text in found):
        raise UnexpectedError(f"something else than texts as {name!r}")
    return tuple(found)


def each(row: Row, name: str, read: Callable[[Row], Any]) -> tuple[Any, ...]:
    """A field that is a list of objects, each of them read; where it is absent, there are none.

    Raises:
        UnexpectedError: it is something else.
    """
    found = field(row, name, list) or []
    if not all(isinstance(part, Mapping) for part in found):
        raise UnexpectedError(f"something else than objects as {name!r}")
    return tuple(read(part) for part in found)


def field(row: Row, name: str, kind: type | tuple[type, ...]) -> Any:
    """A field of one kind, None where it is absent or null.

    Raises:
        UnexpectedError: it is something else.
    """
    value = row.get(name)
    if value is None:
        return None
    # true is an int to Python, and not to JSON
    is_number = isinstance(value, NUMBER) and not isinstance(value, bool)
    fits = abs(value) < LARGEST if is_number else kind is bool or not isinstance(value, bool)
    if isinstance(value, kind) and fits:
        return value
    raise UnexpectedError(f"{printable(repr(value))[:40]} as {name!r}")


def needed(row: Row, name: str, kind: type | tuple[type, ...]) -> Any:
    """A field of one kind.

    Raises:
        UnexpectedError: it is absent, null or something else.
    """
    value = field(row, name, kind)
    if value is None:
        raise UnexpectedError(f"an object without {name!r}")
    return value
