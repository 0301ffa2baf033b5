"""Read lists of pairs: CSV or TSV, NDJSON, or alternating paths that end in NUL.

Lines are read lazily, from the file descriptor itself. Each pair is therefore available before the
next line arrives, and a thread that waits for a line holds no lock that could delay the end of the
process.
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
from ssimtool.readers.files import STDIN, check_ends, reading, shown
from ssimtool.readers.lists.pairs import PairInput
from ssimtool.readers.regions import MASK, REGION
from ssimtool.records.verdicts import Failure

CHUNK = 1 << 16  # bytes to read at once; fewer if no more are available
COLUMNS = ("reference", "distorted", "id")
UTF16 = (b"\xff\xfe", b"\xfe\xff")
LONGEST_FIELD = 1 << 24  # characters


def read_manifest(path: str, *, null: bool = False) -> Iterator[PairInput]:
    """Read the pairs of a manifest, each as soon as its line is available.

    A line that does not name a pair becomes a pair with a `problem`.

    Args:
        path: a file, or `-` for standard input.
        null: the file lists reference and distorted paths in turn, each followed by a NUL.

    Raises:
        SsimtoolError: the file cannot be read, or is not a text.
    """
    for pair in _alternating(path) if null else _listed(path):
        yield pair if _are_names(pair.reference, pair.distorted) else _impossible(path, pair)


def _are_names(*paths: str) -> bool:
    """Whether files can have these names: JSON can write names that no file has."""
    try:
        return b"\0" not in b"".join(map(os.fsencode, paths))
    except UnicodeEncodeError:
        return False


def _impossible(path: str, pair: PairInput) -> PairInput:
    names = printable(f"{pair.reference}, {pair.distorted}")
    return replace(pair, problem=_problem(path, names, "cannot be names of files", "two paths"))


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
            problem = _problem(path, f"path {2 * number - 1}", "has no partner after it", "pairs")
            yield PairInput(reference=reference, distorted="", problem=problem)
        else:
            yield PairInput(reference=reference, distorted=distorted)


def _objects(lines: Iterator[tuple[int, str]], path: str) -> Iterator[PairInput]:
    """Pairs of NDJSON: objects with reference, distorted and id; other keys are kept as text."""
    for number, line in lines:
        if line.strip():
            yield _object(line, f"line {number}", path)


def _object(line: str, where: str, path: str) -> PairInput:
    try:
        fields = json.loads(line)
    except ValueError as error:
        return _no_pair(path, where, f"is not JSON ({error})", line)
    if not isinstance(fields, dict):
        return _no_pair(path, where, "is not a JSON object", line)
    paths = [fields.pop(name, None) for name in ("reference", "distorted")]
    if not all(isinstance(p, str) for p in paths):
        return _no_pair(path, where, "lacks reference or distorted as a text", line)
    for name in (MASK, REGION):
        if fields.get(name, "") is None:
            del fields[name]
    columns = {str(key): _as_text(value) for key, value in fields.items()}
    number = columns.pop("id", None) if fields.get("id") is not None else None
    columns.pop("id", None)
    return PairInput(reference=paths[0], distorted=paths[1], id=number, columns=columns)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(lines: Iterator[tuple[int, str]], path: str, delimiter: str) -> Iterator[PairInput]:
    """Pairs of CSV or TSV: by a header's names, else reference, distorted, id and other columns."""
    number = 0

    def counted() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007  # read below
            yield line

    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(counted(), delimiter=delimiter)
    names: Sequence[str] | None = None
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield _no_pair(path, f"line {number}", f"is not CSV ({error})", "")
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
    fields = dict(zip(named, row, strict=False))
    if not {"reference", "distorted"} <= set(fields):
        return _no_pair(path, where, f"has {len(row)} field(s)", row[0])
    reference, distorted, number = (fields.pop(name, "") for name in COLUMNS)
    return PairInput(reference=reference, distorted=distorted, id=number or None, columns=fields)


def _no_pair(path: str, where: str, fault: str, text: str) -> PairInput:
    problem = _problem(path, where, fault, "reference,distorted[,id] or an object with these names")
    return PairInput(reference=text.strip(), distorted="", problem=problem)


def _problem(path: str, where: str, fault: str, expected: str) -> Failure:
    message = (
        f"{shown(path)}: {where} {printable(fault)}, expected {expected}; correct the manifest"
    )
    return Failure("unsupported", message)


def _lines(path: str) -> Iterator[str]:
    """Lines of a UTF-8 text, with their ends; undecodable bytes become lone surrogates."""
    for number, line in enumerate(_pieces(path, b"\n")):
        if number == 0:
            if line.startswith(UTF16):
                raise SsimtoolError(
                    "unsupported", f"{shown(path)}: is UTF-16, expected UTF-8; save it as UTF-8"
                )
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield line.decode("utf-8", "surrogateescape") + "\n"


def _pieces(path: str, separator: bytes) -> Iterator[bytes]:
    """Pieces between separators, each as soon as its separator is read."""
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
        check_ends(path)
        descriptor = os.dup(0) if path == STDIN else _opened(path)
        try:
            while chunk := os.read(descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)


def _opened(path: str) -> int:
    """Open a file descriptor that reads bytes unchanged."""
    if sys.platform == "win32":  # text mode turns \r\n into \n and ends at Ctrl-Z
        return os.open(path, os.O_RDONLY | os.O_BINARY)
    return os.open(path, os.O_RDONLY)
