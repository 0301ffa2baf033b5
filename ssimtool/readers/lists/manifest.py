"""Read lists of pairs: CSV or TSV, NDJSON, a JSON array, or alternating paths that end in NUL.

Lines are read lazily: each pair is available before the next line arrives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from ssimtool.errors import SsimtoolError, printable
from ssimtool.readers.files import are_names, shown
from ssimtool.readers.lists.columns import COLUMNS, likely_separator, roles, stated_separator
from ssimtool.readers.lists.objects import pair_of_object
from ssimtool.readers.lists.pairs import PairInput, files_of
from ssimtool.readers.lists.problems import no_pair, problem_of
from ssimtool.readers.lists.rows import NumberedLine, rows
from ssimtool.readers.lists.text import TOO_LONG, as_utf8, chunks, items, lines, pieces, split_array
from ssimtool.readers.regions import MASK, REGION


def read_manifest(path: str, *, null: bool = False, base: str | None = None) -> Iterator[PairInput]:
    """Read the pairs of a manifest, each as soon as its line is available.

    A line that does not name a pair becomes a pair with a `problem`.

    Args:
        path: a file, or `-` for standard input.
        null: the file lists reference and distorted paths in turn, each followed by a NUL.
        base: the folder of relative paths; None: the current folder.

    Raises:
        SsimtoolError: the file cannot be read, or is not a text.
    """
    for pair in _alternating(path) if null else _listed(path, base or ""):
        names = files_of(pair)
        if pair.problem is None and not are_names(*names):
            pair = _impossible(path, pair, names)
        yield _below(pair, base or "")


def _below(pair: PairInput, base: str) -> PairInput:
    """Return a pair whose relative paths begin with the base folder."""
    if not base or pair.problem is not None:
        return pair
    mask = pair.columns.get(MASK)
    return replace(
        pair,
        reference=os.path.join(base, pair.reference),
        distorted=os.path.join(base, pair.distorted),
        below=pair.distorted,
        columns={**pair.columns, MASK: os.path.join(base, mask)} if mask else pair.columns,
    )


def _impossible(path: str, pair: PairInput, names: Sequence[str]) -> PairInput:
    expected = "two paths" if len(names) == len(COLUMNS[:2]) else "two paths and that of a mask"
    fault = "cannot be names of files"
    return replace(pair, problem=problem_of(path, printable(", ".join(names)), fault, expected))


def _listed(path: str, base: str) -> Iterator[PairInput]:
    is_array, content = split_array(as_utf8(chunks(path), path))
    if is_array:
        for number, item in items(content):
            yield pair_of_object(item, f"item {number}", path)
        return
    numbered = lines(content)
    first = next(((n, line) for n, line in numbered if line is None or line.strip()), None)
    if first is None:
        return
    every, text = chain([first], numbered), first[1] or ""
    if text.lstrip().startswith("{"):
        yield from _objects(every, path)
        return
    separator = stated_separator(text.rstrip("\r\n"))
    if separator is None:
        yield from _rows(every, path, base, likely_separator(text))
    else:
        yield from _rows(numbered, path, base, separator)


def _alternating(path: str) -> Iterator[PairInput]:
    names = pieces(chunks(path), b"\0")
    for number, first in enumerate(names):
        pair, fault = (first, next(names, b"")), None
        if None in pair:
            fault = f"path {2 * number + 1 + pair.index(None)}", TOO_LONG
        elif not pair[1]:
            fault = f"path {2 * number + 1}", "has no partner after it"
        x, y = (os.fsdecode(name or b"") for name in pair)
        problem = fault and problem_of(path, *fault, "pairs")
        yield PairInput(reference=x, distorted=y, problem=problem)


def _objects(numbered: Iterator[NumberedLine], path: str) -> Iterator[PairInput]:
    """Pairs of NDJSON: objects with reference, distorted and id; other keys are kept as text."""
    for number, line in numbered:
        if line is None or line.strip():
            yield pair_of_object(line, f"line {number}", path)


def _rows(
    numbered: Iterator[NumberedLine], path: str, base: str, separator: str
) -> Iterator[PairInput]:
    """Pairs of CSV or TSV: by a header's names, else reference, distorted, id and other columns."""
    names: Sequence[str] | None = None
    for number, row in rows(numbered, separator):
        if isinstance(row, str):
            yield no_pair(path, f"line {number}", row, "")
            continue
        if len(row) < 2 and not any(map(str.strip, row)):
            continue
        if names is None:
            names = _header(row, path, number)
            if names is not None:
                continue
            names = COLUMNS
        where = f"line {number}"
        yield _trimmed(_row(row, names, where, path), where, path, base)


def _header(row: Sequence[str], path: str, number: int) -> Sequence[str] | None:
    """Names of the columns; None if the row is no header."""
    try:
        known = roles(row)
    except ValueError as error:
        raise SsimtoolError(
            "unsupported", f"{shown(path)}: line {number} {printable(str(error))}"
        ) from None
    if known is None:
        return None
    plain = [name.strip().lower() for name in row]
    own = {i: name for i, name in enumerate(plain) if name in (COLUMNS[2], MASK, REGION)}
    return [known.get(i) or own.get(i, name) for i, name in enumerate(row)]


def _trimmed(pair: PairInput, where: str, path: str, base: str) -> PairInput:
    """Return a pair without the spaces around a name that exists only without them.

    By RFC 4180 they belong to the name, and such names exist. Most who write them after a comma do
    not mean them, though.
    """
    names = {"reference": pair.reference, "distorted": pair.distorted, MASK: pair.columns.get(MASK)}
    trimmed = {
        key: name.strip(" ")
        for key, name in names.items()
        if name and name != name.strip(" ")
        and not os.path.exists(os.path.join(base, name))
        and os.path.exists(os.path.join(base, name.strip(" ")))
    }  # fmt: skip
    if not trimmed:
        return pair
    warnings = tuple(
        f"{shown(path)}: {where}: there is no file {names[key]!r}, {name!r} is compared"
        for key, name in trimmed.items()
    )
    return replace(
        pair,
        reference=trimmed.get("reference", pair.reference),
        distorted=trimmed.get("distorted", pair.distorted),
        columns={**pair.columns, MASK: trimmed[MASK]} if MASK in trimmed else pair.columns,
        warnings=warnings,
    )


def _row(row: Sequence[str], names: Sequence[str], where: str, path: str) -> PairInput:
    named = [*names, *(f"column{i + 1}" for i in range(len(names), len(row)))]
    fields = dict(zip(named, row, strict=False))
    if not {"reference", "distorted"} <= set(fields):
        return no_pair(path, where, f"has {len(row)} field(s)", row[0])
    reference, distorted, number = (fields.pop(name, "") for name in COLUMNS)
    return PairInput(reference=reference, distorted=distorted, id=number or None, columns=fields)
