"""Preparation of a scorer before its first pair arrives."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress

import numpy as np
from PIL import Image

import ssimtool.scoring.frames  # noqa: F401  # loaded before the first pair, like the kernels
from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.images.fast import FAST_DECODE_FROM_PIXELS
from ssimtool.scoring.pair import compare
from ssimtool.settings import CompareSettings


def warm_up(how: Reading, settings: CompareSettings) -> None:
    """Score two synthetic pairs, so that decoders and kernels are loaded before the first pair."""
    side = 1 << (FAST_DECODE_FROM_PIXELS.bit_length() // 2)
    noise = (np.arange(3 * side * side, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8)
    picture = Image.fromarray(noise.reshape(side, side, 3))
    with tempfile.TemporaryDirectory() as folder, suppress(SsimtoolError):
        for suffix in (".jpg", ".png"):
            path = os.path.join(folder, f"warm{suffix}")
            picture.save(path)
            compare(read_pair(path, path, how), settings)
