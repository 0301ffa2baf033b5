"""The records of a batch as a file that outlives the process: a line each, only ever appended.

Killed at any moment, it holds whole lines and at most one that is cut, which the next run drops. A
run that goes on with it leaves what it finds, and puts the lines into the order of the input at the
end, in a new file that takes the place of the old one at once.
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
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.settings import Settings

RECORD, SUMMARY = Comparison.schema, Summary.schema
Line = tuple[int, int]  # where it begins, and its length


def key_of(number: str | None, reference: str, distorted: str) -> bytes:
    """What tells one pair from another."""
    return blake2b(json.dumps([number, reference, distorted]).encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Kept:
    """A record of an earlier run, and where it lies in the file."""

    record: Mapping[str, Any]
    line: Line


class Journal:
    """The file, open for writing.

    `resumed` says that records of an earlier run are in it: `take` gives them back one by one.
    """

    def __init__(self, path: str, *, resumed: bool) -> None:
        self.name = printable(path)
        self.path = Path(os.path.realpath(path))  # a link keeps pointing at what is replaced
        self.resumed = resumed
        self._created = not self.path.exists()
        self._file = LockedFile(self.path)
        self._clean = resumed or self._file.size == 0  # else it is emptied by the first line
        self._found: dict[bytes, list[Line]] = defaultdict(list)
        self._left: dict[Line, bytes] = {}  # of these, what was neither kept nor does not fit
        self._came: set[bytes] = set()
        self._order: list[Line] = []

    def load(self, settings: Settings) -> None:
        """Reads what is there, and drops what is to be computed again: errors, a line that was cut.

        Raises:
            ValueError: it was written under other settings, or is no such file.
        """
        kept = []
        for line, record in self._records():
            difference = settings.difference(record) if record else None
            if difference:
                raise ValueError(
                    f"{self.name}: was written under other settings ({difference}),"
                    " expected the same; give those, or another --output"
                )
            if record is not None and record["status"] != "error":
                kept.append((line, key_of(record["id"], record["reference"], record["distorted"])))
        lines = [line for line, _ in kept]
        if not _is_start(lines):
            lines = self._rewrite(lines, "")
        else:
            self._file.truncate(_end(lines))
        for line, (_, key) in zip(lines, kept, strict=True):
            self._found[key].append(line)
            self._left[line] = key

    def _records(self) -> Iterator[tuple[Line, dict[str, Any] | None]]:
        """Each whole line and its record; None for a summary."""
        at = 0
        with open(self.path, "rb") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith(b"\n"):
                    return
                yield (at, len(text)), self._parsed(text, number)
                at += len(text)

    def _parsed(self, text: bytes, number: int) -> dict[str, Any] | None:
        try:
            record = json.loads(text)
            if record["schema"] == SUMMARY:
                return None
            if record["schema"] == RECORD:
                return dict(record)
        except (ValueError, LookupError, TypeError):
            pass
        raise ValueError(
            f"{self.name}: line {number} is no record of a batch, expected what "
            "--output wrote; give another --output"
        )

    def take(self, key: bytes, fits: Callable[[dict[str, Any]], bool]) -> Kept | None:
        """The record of a pair that an earlier run left, if there is one that fits; each once."""
        self._came.add(key)
        lines = self._found.get(key, [])
        while lines:
            line = lines.pop(0)
            record = self._read(line)
            if fits(record):
                return Kept(record, line)
            del self._left[line]  # it is computed again
        return None

    def keep(self, kept: Kept) -> None:
        """Puts a record that was taken in its place in the order."""
        del self._left[kept.line]
        self._order.append(kept.line)

    def _read(self, line: Line) -> dict[str, Any]:
        return dict(json.loads(self._file.read(*line)))

    def append(self, text: str) -> None:
        """Writes a line, whole or not at all.

        Raises:
            OSError: the disk is full, or the like.
        """
        if not self._clean:
            self._file.truncate(0)
            self._clean = True
        start = self._file.size
        self._file.append(text.encode("utf-8", "backslashreplace"))
        if self.resumed:
            self._order.append((start, self._file.size - start))

    def left_over(self, *, whole: bool) -> Iterator[dict[str, Any]]:
        """The records of earlier runs whose pairs did not come; they stay.

        Args:
            whole: the input came to its end, so that what was there more than once is known.
        """
        return map(self._read, self._staying(whole))

    def _staying(self, whole: bool) -> list[Line]:
        return sorted(
            line for line, key in self._left.items() if not whole or key not in self._came
        )

    def finish(self, summary: str, *, whole: bool) -> None:
        """Puts the lines into order, where the input came to its end, and the summary behind them.

        Raises:
            OSError: the disk is full, or the like.
        """
        lines = [*self._order, *self._staying(whole)]
        if whole and self.resumed and not (_is_start(lines) and _end(lines) == self._file.size):
            self._rewrite(lines, summary)
        else:
            self.append(summary)
        self._file.sync()

    def _rewrite(self, lines: Sequence[Line], summary: str) -> list[Line]:
        """A new file of these lines in the place of the old one; where they lie in it."""
        last = summary.encode("utf-8", "backslashreplace")
        self._file.replace(chain((self._file.read(*line) for line in lines), [last]))
        starts = accumulate((length for _, length in lines), initial=0)
        return [(start, length) for start, (_, length) in zip(starts, lines, strict=False)]

    def close(self) -> None:
        """Closes it; one that was made for this run and holds nothing is taken away."""
        self._file.close()
        if self._created and not self._file.size:
            self.path.unlink(missing_ok=True)


def _is_start(lines: Sequence[Line]) -> bool:
    """Whether the lines lie one behind the other, from the start of the file."""
    at = 0
    for start, length in lines:
        if start != at:
            return False
        at += length
    return True


def _end(lines: Sequence[Line]) -> int:
    return lines[-1][0] + lines[-1][1] if lines else 0


def is_finished(path: Path) -> bool:
    """Whether a file ends with the summary of a run that came to its end, or is empty."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(0, size - (1 << 22)))
        *_, last = file.read().splitlines() or [b""]
    if not size:
        return True
    try:
        summary = json.loads(last)
        return bool(summary["schema"] == SUMMARY and not summary["interrupted"])
    except (ValueError, LookupError, TypeError):
        return False
