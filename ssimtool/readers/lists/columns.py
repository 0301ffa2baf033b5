"""What the first line of a list says: its separator, and which column is which image."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

COLUMNS = ("reference", "distorted", "id")  # in the order of a list without a header
# Names of the two columns in the lists of others, in lower case.
NAMES = {
    "reference": ("ref", "gt", "ground_truth", "original", "orig", "target"),
    "distorted": ("dis", "dist", "pred", "prediction", "recon", "reconstruction", "test"),
}
QUOTED = re.compile(r'"[^"]*"')
# The line by which Excel and LibreOffice state the separator of a CSV file.
SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?\s*', re.IGNORECASE)


def stated_separator(line: str) -> str | None:
    """Separator that a line `sep=X` states; None for any other line.

    >>> stated_separator("sep=;"), stated_separator("a.png,b.png")
    (';', None)
    """
    match = SEPARATOR_LINE.fullmatch(line)
    return match[1] if match else None


def likely_separator(line: str) -> str:
    """Separator of a list, by its first line: a tab, a comma or a semicolon.

    A tab decides at once. Of the others, the one decides by which the line is a header; without a
    header the comma, unless only semicolons are outside of quotes.

    >>> [likely_separator(line) for line in ("a.png,b;c.png", "a.png;b.png", "ref;dis;x,y")]
    [',', ';', ';']
    """
    if "\t" in line:
        return "\t"
    for separator in ",;":
        names = next(csv.reader([line], delimiter=separator), [])
        if _columns(names, "reference") and _columns(names, "distorted"):
            return separator
    plain = QUOTED.sub("", line)
    return ";" if ";" in plain and "," not in plain else ","


def roles(names: Sequence[str]) -> dict[int, str] | None:
    """Positions of the columns `reference` and `distorted`; None if one of them is not there.

    Raises:
        ValueError: two columns could be the same image.

    >>> roles(["ID", "GT", "pred"])
    {1: 'reference', 2: 'distorted'}
    >>> roles(["a.png", "b.png"]) is None
    True
    """
    columns = {role: _columns(names, role) for role in NAMES}
    if not all(columns.values()):
        return None
    for role, positions in columns.items():
        if len(positions) > 1:
            listed = " and ".join(repr(names[i].strip()) for i in positions)
            raise ValueError(f"has the columns {listed}; name the {role} image {role!r}")
    return {positions[0]: role for role, positions in columns.items()}


def _columns(names: Sequence[str], role: str) -> list[int]:
    """Positions of the names for an image: its own name, or else the names that others use."""
    plain = [name.strip().lower() for name in names]
    own = [i for i, name in enumerate(plain) if name == role]
    return own or [i for i, name in enumerate(plain) if name in NAMES[role]]
