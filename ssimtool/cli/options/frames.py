"""Options on the frames of stacks."""

from __future__ import annotations

from typing import Annotated

from ssimtool.cli.options.shared import computing, score
from ssimtool.cli.parsing import at_least
from ssimtool.records.thresholds import PAIR_VALUE

FrameOption = Annotated[
    int | None,
    computing(
        metavar="N",
        callback=at_least(0),
        hidden=True,
        help="Compare only frame N of a file with several, from 0. Default: all.",
    ),
]
OneFrameOption = Annotated[
    int | None,
    computing(
        metavar="N",
        callback=at_least(0),
        hidden=True,
        help="Read frame N of a file with several, from 0; required for these.",
    ),
]
FailUnderOption = Annotated[
    list[str],
    score(
        metavar=PAIR_VALUE,
        help="Fail (exit 1) if METRIC (default: ssim) or worst:METRIC is below VALUE.",
    ),
]
FailOverOption = Annotated[
    list[str],
    score(
        metavar=PAIR_VALUE,
        help="Fail (exit 1) if METRIC (default: ssim) or worst:METRIC is above VALUE.",
    ),
]
