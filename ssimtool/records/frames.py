"""The frames of a pair of stacks, as a record holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WorstFrame:
    """The worst value of a metric, and the number of the first frame that has it."""

    value: float
    frame: int


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of a pair of stacks.

    `count` is their number, `identical` the number of those whose samples are identical. `worst`
    has the worst frame by each metric; frames are numbered as by `--frame`, from 0.
    """

    count: int
    identical: int
    worst: Mapping[str, WorstFrame]

    @property
    def of_map(self) -> int:
        """The frame that the SSIM map shows: the worst by SSIM, else by the first metric."""
        return self.worst["ssim"].frame if "ssim" in self.worst else self.of_report

    @property
    def of_report(self) -> int:
        """The frame that a report shows: the worst by the first metric, which ranks the pairs."""
        return next(iter(self.worst.values())).frame
