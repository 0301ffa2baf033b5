"""Two images decoded side by side, and whatever else is to be done meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ssimtool.readers.images.opening import Opened
from ssimtool.readers.samples import Samples


def decode_together(
    x: Opened, y: Opened, meanwhile: Callable[[], object]
) -> tuple[Samples, Samples]:
    """Both images and `meanwhile`, each in a thread of its own.

    Ctrl-C reaches the main thread alone, which only waits: an import in `meanwhile` comes to its
    end, where one of torch that is interrupted at the wrong moment would abort the process.

    Raises:
        SsimtoolError: one cannot be decoded; the first one's error where neither can.
    """
    from concurrent.futures import ThreadPoolExecutor  # loads logging

    stopped = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        try:
            first, second = (pool.submit(image.decode, stopped.is_set) for image in (x, y))
            beside = pool.submit(meanwhile)
            samples = first.result(), second.result()
            beside.result()
        # After an error or Ctrl-C, what still decodes gives up: a PNG of 6000x4000 beside one that
        # is cut off held the error back by 0.95 s, now 0.18 (two cores of an EPYC, 2026-11).
        finally:
            stopped.set()
    return samples
