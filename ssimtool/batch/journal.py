"""Journal of a batch: a file with one line per record that survives a killed process.

Lines are only appended. After a kill at any moment, the file holds complete lines and at most one
incomplete line, which the next run drops. A run that resumes keeps the existing lines. At its end
it writes the lines in the order of the input to a new file, which replaces the old one atomically.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from ssimtool.batch.locked_file import LockedFile
from ssimtool.errors import printable
from ssimtool.readers.lists.decode import UnexpectedError
from ssimtool.readers.lists.records import read_record
from ssimtool.records.batch import Summary
from ssimtool.settings import Settings

# Fields that a record may lack, or that may be null there.
ABSENT: Mapping[str, Any] = {
    "id": None, "metrics": {}, "thresholds": [], "columns": {}, "map": None
}  # fmt: skip
Line = tuple[int, int]  # offset and length in bytes


def key_of(number: str | None, reference: str, distorted: str) -> bytes:
    """Return the key that identifies a pair: a hash of its id and its two paths."""
    return blake2b(json.dumps([number, reference, distorted]).encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Kept:
    """Record of an earlier run, and its position in the file."""

    record: Mapping[str, Any]
    line: Line


class Journal:
    """Journal file, open for writing.

    If `resumed`, the file holds records of an earlier run, which `take` returns one by one.
    """

    def __init__(self, path: str, *, resumed: bool) -> None:
        self.name = printable(path)
        self.path = Path(
            os.path.realpath(path)
        )  # the link stays; the file that it points to is replaced
        self.resumed = resumed
        self._created = not self.path.exists()
        self._file = LockedFile(self.path)
        self._clean = resumed or self._file.size == 0  # else the first line empties the file
        self._earlier: dict[bytes, list[Line]] = defaultdict(list)  # lines of each pair's records
        self._left: dict[Line, bytes] = {}  # earlier lines, neither kept nor rejected so far
        self._came: set[bytes] = set()  # keys of the pairs of this run
        self._order: list[Line] = []

    def load(self, settings: Settings) -> None:
        """Read the existing records; drop errors and an incomplete line, to compute them again.

        Raises:
            ValueError: the file was written with other settings, or is not a journal.
        """
        kept = []
        for line, record in self._records():
            difference = settings.difference(record) if record else None
            if difference:
                raise ValueError(
                    f"{self.name}: was written with other settings ({difference}); "
                    "pass the same settings, or another --output"
                )
            if record is not None and record["status"] != "error":
                kept.append((line, key_of(record["id"], record["reference"], record["distorted"])))
        lines = [line for line, _ in kept]
        if not _is_start(lines):
            lines = self._rewrite(lines, "")
        else:
            self._file.truncate(_end(lines))
        for line, (_, key) in zip(lines, kept, strict=True):
            self._earlier[key].append(line)
            self._left[line] = key

    def _records(self) -> Iterator[tuple[Line, dict[str, Any] | None]]:
        """Yield each complete line and its record; None for a summary."""
        at = 0
        with open(self.path, "rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    return
                yield (at, len(text)), self._parsed(text, number)
                at += len(text)

    def _parsed(self, text: bytes, number: int) -> dict[str, Any] | None:
        try:
            row, record = read_record(text)
        except UnexpectedError as error:
            raise ValueError(
                f"{self.name}: line {number} holds {error}, expected a record of a batch, as "
                "--output writes it; pass another --output"
            ) from None
        return None if isinstance(record, Summary) else _whole(row)

    def take(self, key: bytes, fits: Callable[[dict[str, Any]], bool]) -> Kept | None:
        """Return the earlier record of a pair, if one fits; each record is returned once."""
        self._came.add(key)
        lines = self._earlier.get(key, [])
        while lines:
            line = lines.pop(0)
            record = self._read(line)
            if fits(record):
                return Kept(record, line)
            del self._left[line]  # the pair is computed again
        return None

    def keep(self, kept: Kept) -> None:
        """Place a record that `take` returned at its position in the order."""
        del self._left[kept.line]
        self._order.append(kept.line)

    def _read(self, line: Line) -> dict[str, Any]:
        return _whole(json.loads(self._file.read(*line)))

    def append(self, text: str) -> None:
        """Append a line, completely or not at all.

        Raises:
            OSError: the disk is full, or a similar error.
        """
        if not self._clean:
            self._file.truncate(0)
            self._clean = True
        start = self._file.size
        self._file.append(text.encode("utf-8", "backslashreplace"))
        if self.resumed:
            self._order.append((start, self._file.size - start))

    def left_over(self, *, whole: bool) -> Iterator[dict[str, Any]]:
        """Return the records of earlier runs whose pairs are not in the input; they stay.

        Args:
            whole: whether the input was read to its end, so that repeated pairs are known.
        """
        return map(self._read, self._staying(whole))

    def _staying(self, whole: bool) -> list[Line]:
        return sorted(
            line for line, key in self._left.items() if not whole or key not in self._came
        )

    def finish(self, summary: str, *, whole: bool) -> None:
        """Append the summary; if the input was read to its end, sort the lines in its order.

        Raises:
            OSError: the disk is full, or a similar error.
        """
        lines = [*self._order, *self._staying(whole)]
        if whole and self.resumed and not (_is_start(lines) and _end(lines) == self._file.size):
            self._rewrite(lines, summary)
        else:
            self.append(summary)
        self._file.sync()

    def _rewrite(self, lines: Sequence[Line], summary: str) -> list[Line]:
        """Replace the file with one that holds these lines; return their new positions."""
        last = summary.encode("utf-8", "backslashreplace")
        self._file.replace(chain((self._file.read(*line) for line in lines), [last]))
        starts = accumulate((length for _, length in lines), initial=0)
        return [(start, length) for start, (_, length) in zip(starts, lines, strict=False)]

    def close(self) -> None:
        """Close the file; remove it if this run created it and it is empty."""
        self._file.close()
        if self._created and not self._file.size:
            self.path.unlink(missing_ok=True)


def _is_start(lines: Sequence[Line]) -> bool:
    """Return whether the lines follow one another without a gap from the start of the file."""
    at = 0
    for start, length in lines:
        if start != at:
            return False
        at += length
    return True


def _end(lines: Sequence[Line]) -> int:
    return lines[-1][0] + lines[-1][1] if lines else 0


def is_finished(path: Path) -> bool:
    """Return whether a file is empty or ends with the summary of a completed run."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - (1 << 22)))
        *_, last = file.read().splitlines() or [b""]
    if not size:
        return True
    try:
        _, summary = read_record(last)
    except UnexpectedError:
        return False
    return isinstance(summary, Summary) and not summary.interrupted


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON object of a record with the fields that it may lack."""
    return row | {name: value for name, value in ABSENT.items() if row.get(name) is None}
