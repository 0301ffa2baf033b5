"""Pair the files of two folders by their names, and say why names do not pair."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from unicodedata import normalize

# Names to compare each with each for a guess: a tenth of a second for 500 x 500.
GUESSED = 500


def partners_of(x: Sequence[str], y: Sequence[str]) -> dict[str, str]:
    """Return the partner in y of each path of x that has one.

    Paths are paired if they are equal; then if they are equal in their composed Unicode form (a
    folder may come from a system that decomposes names); then if they are equal without the suffix.
    The last two need a single such path in each folder.

    >>> partners_of(["a.png", "b.png"], ["b.jpg", "a.png", "c.png"])
    {'a.png': 'a.png', 'b.png': 'b.jpg'}
    """
    there = set(y)
    partners = {path: path for path in x if path in there}
    for key in (composed, _composed_stem):
        partners |= _single_partners(x, y, key, partners)
    return {path: partners[path] for path in x if path in partners}


def _single_partners(
    x: Sequence[str], y: Sequence[str], key: Callable[[str], str], known: dict[str, str]
) -> dict[str, str]:
    count_x, count_y = Counter(map(key, x)), Counter(map(key, y))
    taken = set(known.values())
    free = {key(path): path for path in y if path not in taken}
    return {
        path: free[k]
        for path in x
        if path not in known and (k := key(path)) in free and count_x[k] == count_y[k] == 1
    }


def composed(path: str) -> str:
    """Return a path in the composed Unicode form, NFC.

    Source: Unicode Standard Annex 15.
    """
    return path if path.isascii() else normalize("NFC", path)


def _composed_stem(path: str) -> str:
    return composed(stem(path))


def stem(path: str) -> str:
    """Return a path without its suffix."""
    return path[: len(path) - len(PurePosixPath(path).suffix)]


def no_partners(x: Sequence[str], y: Sequence[str]) -> str:
    """Return one example of each side and a guess why no path of x has a partner in y.

    Args:
        x, y: paths that do not pair, at least one of each.

    >>> no_partners(["home.png"], ["Home_1.png"])
    "home.png and Home_1.png, which differ by '_1' and in upper and lower case"
    """
    first, second, guess = next(_guesses(x, y), (x[0], y[0], "with no similar name"))
    return f"{first} and {second}, {guess}"


def _guesses(x: Sequence[str], y: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    for key, guess in (
        (str.casefold, "which differ in upper and lower case"),
        (composed, "but one folder holds both Unicode forms of the name"),
        (_composed_stem, "but several files have this name without the suffix"),
        (_without_zeros, "which differ in the zeros before a number"),
        (_name, "which lie in different folders: pass the folders that hold the files"),
    ):
        by_key = {key(path): path for path in reversed(y)}
        yield from ((path, by_key[key(path)], guess) for path in x if key(path) in by_key)
    for first in x[:GUESSED]:
        for second in y[:GUESSED]:
            added = _added(stem(first).casefold(), stem(second).casefold())
            if added:
                case = "" if stem(first) in stem(second) or stem(second) in stem(first) else (
                    " and in upper and lower case"
                )  # fmt: skip
                yield first, second, f"which differ by {added!r}{case}"


def _added(first: str, second: str) -> str:
    """Return the text that one name has before or after the other; empty if it is not so."""
    short, long = sorted((first, second), key=len)
    if not short or not (long.startswith(short) or long.endswith(short)):
        return ""
    return long[len(short) :] if long.startswith(short) else long[: -len(short)]


def _name(path: str) -> str:
    return stem(path).rpartition("/")[2]


def _without_zeros(path: str) -> str:
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", stem(path))
