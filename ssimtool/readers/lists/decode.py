"""Decode JSON values to records, by the types of their fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
Decoder = Callable[[Any, str], Any]  # a value, and the path of its field for messages
LARGEST = 10**300  # no record holds a larger number; the limit of float is close
# JSON's name of each type, and the Python types that json.loads returns for it.
SCALARS: dict[Any, tuple[str, tuple[type, ...]]] = {
    str: ("a text", (str,)),
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
}


class UnexpectedError(Exception):
    """Value of another type than expected; the message says which."""


def decode(kind: type[T], value: object, path: str = "") -> T:
    """Decode a JSON value as a type: a dataclass, scalar, tuple, mapping, Literal or one with None.

    For a float, a whole number stays an int, and null is infinity, because JSON cannot write it
    (PSNR of identical images). Unknown keys of a dataclass are ignored. Absent or null fields
    become their defaults, or None if the type allows it.

    Raises:
        UnexpectedError: the value has another type; the message holds the path of the field.

    >>> decode(tuple[float, ...], [1, None, 0.5])
    (1, inf, 0.5)
    """
    of_kind: Any = kind  # mypy does not see that type[T] is hashable
    decoded: T = _decoder(of_kind)(value, path)
    return decoded


@cache
def _decoder(kind: Any) -> Decoder:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda value, _: value
    if kind in SCALARS:
        return partial(_scalar, kind)
    if is_dataclass(kind):
        return partial(_object, kind, _fields(kind))
    if origin is Literal:
        return partial(_choice, parts)
    if origin is tuple:
        count = None if parts[-1] is ... else len(parts)
        return partial(_list, _decoder(parts[0]), count)  # all parts of our tuples have one type
    if origin is Mapping:
        return partial(_mapping, _decoder(parts[1]))
    inner = _decoder(*(part for part in parts if part is not type(None)))
    return lambda value, path: None if value is None else inner(value, path)


@dataclass(frozen=True)
class _Field:
    name: str
    decode: Decoder
    takes_null: bool
    needed: bool


def _fields(kind: Any) -> tuple[_Field, ...]:
    types = get_type_hints(kind)
    return tuple(
        _Field(
            field.name,
            _decoder(types[field.name]),
            types[field.name] is float or type(None) in get_args(types[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    )


def _object(kind: Any, of_kind: tuple[_Field, ...], row: object, path: str) -> Any:
    if not isinstance(row, dict):
        raise _unexpected(row, path, "an object")
    values = {}
    for field in of_kind:
        value = row.get(field.name)
        where = f"{path}.{field.name}" if path else field.name
        if value is not None or (field.needed and field.takes_null and field.name in row):
            values[field.name] = field.decode(value, where)
        elif field.needed:
            raise UnexpectedError(f"an object without {where!r}")
    return kind(**values)


def _scalar(kind: type, value: Any, path: str) -> Any:
    if value is None and kind is float:
        return math.inf
    name, types = SCALARS[kind]
    # true is an int in Python, but not in JSON
    if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
        raise _unexpected(value, path, name)
    if isinstance(value, (int, float)) and abs(value) >= LARGEST:
        raise _unexpected(value, path, f"{name} below {LARGEST:.0e}")
    return value


def _choice(words: tuple[str, ...], value: object, path: str) -> Any:
    if value not in words:
        raise _unexpected(value, path, f"one of {', '.join(words)}")
    return value


def _list(decode_part: Decoder, count: int | None, value: object, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or count not in (None, len(value)):
        raise _unexpected(value, path, "a list" if count is None else f"a list of {count}")
    return tuple(decode_part(part, f"{path}[{i}]") for i, part in enumerate(value))


def _mapping(decode_part: Decoder, value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unexpected(value, path, "an object")
    return {name: decode_part(part, f"{path}.{name}") for name, part in value.items()}


def _unexpected(value: object, path: str, expected: str) -> UnexpectedError:
    where = f" as {path!r}" if path else ""
    return UnexpectedError(f"{repr(value)[:40]}{where}, which must be {expected}")
