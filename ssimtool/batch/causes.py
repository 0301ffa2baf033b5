"""Errors of pairs, grouped by their cause: the code of the error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ssimtool.errors import printable

# What the pairs of each error code have in common, after their number.
OF_ERRORS: Mapping[str, str] = {
    "not_found": "name a file that does not exist",
    "unreadable": "have a file that cannot be read",
    "empty": "have nothing to compare",
    "not_an_image": "have a file that is no image",
    "truncated": "have a file that ends early",
    "damaged": "have a damaged file",
    "too_large": "are too large",
    "too_small": "are smaller than the window",
    "size_mismatch": "differ in size",
    "channel_mismatch": "differ in channels",
    "shape_mismatch": "have an array of the wrong shape",
    "frame_mismatch": "differ in frames",
    "empty_mask": "have no pixel inside the mask",
    "non_finite": "have NaN or infinity",
    "data_range": "have an unknown data range",
    "crashed": "crashed a decoder",
    "timeout": "took too long to decode",
    "pickled": "have a pickled array",
    "plugin": "failed in a metric of another package",
    "unsupported": "have content that is refused",
    "internal": "met a bug in ssimtool",
}


@dataclass
class Causes:
    """Number of pairs of each cause, and the message of the first one."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, code: str, message: str) -> bool:
        """Count a pair; return whether it is the first of its cause."""
        self.counts[code] += 1
        self.first.setdefault(code, message)
        return self.counts[code] == 1

    def lines(self, words: Mapping[str, str]) -> Iterator[str]:
        """Yield a line for each cause of several pairs: their number, and the first message."""
        for code, message in self.first.items():
            if self.counts[code] > 1:
                yield f"{self.counts[code]} pairs {words[code]}; the first: {printable(message)}"
