"""Pairs that are listed: CSV or TSV, NDJSON, or paths that alternate between NULs.

Everything is read lazily, from the file descriptor itself: a line is answered before the next one
is there, and a thread that waits for one holds no lock that the end of the process would wait for.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import STDIN, reading, shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.regions import MASK, REGION
from ssimtool.records.verdicts import Failure

CHUNK = 1 << 16  # bytes that are read at once, or fewer where no more are there
COLUMNS = ("reference", "distorted", "id")
UTF16 = (b"\xff\xfe", b"\xfe\xff")
LONGEST = 1 << 24  # characters of a field


def read_manifest(path: str, *, null: bool = False) -> Iterator[PairInput]:
    """The pairs of a manifest, each as soon as its line is there.

    A line that names no pair is one with a `problem`.

    Args:
        path: a file, or `-` for standard input.
        null: the paths alternate, reference and distorted, each with a NUL behind it.

    Raises:
        SsimtoolError: the file cannot be read, or is no text.
    """
    for given in _alternating(path) if null else _listed(path):
        yield given if _are_names(given.reference, given.distorted) else _unfit(path, given)


def _are_names(*paths: str) -> bool:
    """Whether a file may have each name: JSON can write what none has."""
    try:
        return b"\0" not in b"".join(map(os.fsencode, paths))
    except UnicodeEncodeError:
        return False


def _unfit(path: str, given: PairInput) -> PairInput:
    names = printable(f"{given.reference}, {given.distorted}")
    return replace(given, problem=_problem(path, names, "is no name of a file", "two paths"))


def _listed(path: str) -> Iterator[PairInput]:
    lines = enumerate(_lines(path), 1)
    first = next(((n, line) for n, line in lines if line.strip()), None)
    if first is None:
        return
    every = chain([first], lines)
    if first[1].lstrip().startswith("{"):
        yield from _objects(every, path)
    else:
        yield from _rows(every, path, "\t" if "\t" in first[1] else ",")


def _alternating(path: str) -> Iterator[PairInput]:
    names = (os.fsdecode(name) for name in _pieces(path, b"\0"))
    for number, reference in enumerate(names, 1):
        distorted = next(names, None)
        if distorted is None:
            problem = _problem(path, f"path {2 * number - 1}", "has no other behind it", "pairs")
            yield PairInput(reference=reference, distorted="", problem=problem)
        else:
            yield PairInput(reference=reference, distorted=distorted)


def _objects(lines: Iterator[tuple[int, str]], path: str) -> Iterator[PairInput]:
    """NDJSON: objects with reference, distorted and id; other keys are passed on as text."""
    for number, line in lines:
        if line.strip():
            yield _object(line, f"line {number}", path)


def _object(line: str, where: str, path: str) -> PairInput:
    try:
        found = json.loads(line)
    except ValueError as error:
        return _no_pair(path, where, f"is no JSON ({error})", line)
    if not isinstance(found, dict):
        return _no_pair(path, where, "is no JSON object", line)
    paths = [found.pop(name, None) for name in ("reference", "distorted")]
    if not all(isinstance(p, str) for p in paths):
        return _no_pair(path, where, "lacks reference or distorted, as text", line)
    for name in (MASK, REGION):
        if found.get(name, "") is None:
            del found[name]
    given = {str(key): _as_text(value) for key, value in found.items()}
    number = given.pop("id", None) if found.get("id") is not None else None
    given.pop("id", None)
    return PairInput(reference=paths[0], distorted=paths[1], id=number, columns=given)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(lines: Iterator[tuple[int, str]], path: str, delimiter: str) -> Iterator[PairInput]:
    """CSV and TSV: by the names of a header, else reference, distorted, id and further columns."""
    number = 0

    def counted() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007  # read below
            yield line

    csv.field_size_limit(LONGEST)
    reader = csv.reader(counted(), delimiter=delimiter)
    names: Sequence[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield _no_pair(path, f"line {number}", f"is no CSV ({error})", "")
            continue
        if row is None:
            return
        if names is None:
            header = [name.strip().lower() for name in row]
            if {"reference", "distorted"} <= set(header):
                known = (*COLUMNS, MASK, REGION)
                names = [h if h in known else n for h, n in zip(header, row, strict=True)]
                continue
            names = COLUMNS
        if len(row) > 1 or any(map(str.strip, row)):
            yield _row(row, names, f"line {number}", path)


def _row(row: Sequence[str], names: Sequence[str], where: str, path: str) -> PairInput:
    named = [*names, *(f"column{i + 1}" for i in range(len(names), len(row)))]
    found = dict(zip(named, row, strict=False))
    if not {"reference", "distorted"} <= set(found):
        return _no_pair(path, where, f"has {len(row)} field(s)", row[0])
    reference, distorted, number = (found.pop(name, "") for name in COLUMNS)
    return PairInput(reference=reference, distorted=distorted, id=number or None, columns=found)


def _no_pair(path: str, where: str, found: str, text: str) -> PairInput:
    problem = _problem(path, where, found, "reference,distorted[,id] or an object with these names")
    return PairInput(reference=text.strip(), distorted="", problem=problem)


def _problem(path: str, where: str, found: str, expected: str) -> Failure:
    message = (
        f"{shown(path)}: {where} {printable(found)}, expected {expected}; correct the manifest"
    )
    return Failure("unsupported", message)


def _lines(path: str) -> Iterator[str]:
    """The lines of a text in UTF-8, with their ends; undecodable bytes as lone surrogates."""
    for number, line in enumerate(_pieces(path, b"\n")):
        if number == 0:
            if line.startswith(UTF16):
                raise SsimtoolError(
                    "unsupported", f"{shown(path)}: is UTF-16, expected UTF-8; save it as UTF-8"
                )
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield line.decode("utf-8", "surrogateescape") + "\n"


def _pieces(path: str, separator: bytes) -> Iterator[bytes]:
    """What stands between separators, each piece as soon as its separator is there."""
    rest = b""
    for chunk in _chunks(path):
        *whole, rest = (rest + chunk).split(separator)
        yield from whole
    if rest:
        yield rest


def _chunks(path: str) -> Iterator[bytes]:
    with reading(path):
        if path == STDIN and sys.stdin is None:
            raise OSError("is closed")
        descriptor = os.dup(0) if path == STDIN else _opened(path)
        try:
            while chunk := os.read(descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)


def _opened(path: str) -> int:
    """A descriptor that reads bytes as they are."""
    if sys.platform == "win32":  # would turn \r\n into \n, and end at the first Ctrl-Z
        return os.open(path, os.O_RDONLY | os.O_BINARY)
    return os.open(path, os.O_RDONLY)
