"""The records of the commands that can carry thresholds."""

from __future__ import annotations

from typing import TypeAlias

from ssimtool.records.comparison import Comparison
from ssimtool.records.latents import LatentReport
from ssimtool.records.loss import LossReport

Record: TypeAlias = Comparison | LossReport | LatentReport
