"""Read a hostile input. The result is a number, or an error with one of our codes."""

from __future__ import annotations

import warnings
from contextlib import suppress

from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import open_image, set_up_pillow
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.lists.scores import read_scores
from ssimtool.readers.regions import ALL, region_of

set_up_pillow()
MOST_PIXELS = 1 << 22
FRAMES = 3  # of a stack to read


def read(kind: str, path: str) -> str | None:
    """Read an input; return the code of its error, None without one.

    Raises:
        Exception: a finding.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "list":
                _read_list(path)
            elif kind == "records":
                read_scores(path)
            else:
                _read_image(path)
        except SsimtoolError as error:
            return error.code
    return None


def _read_list(path: str) -> None:
    for null in (False, True):
        for pair in read_manifest(path, null=null):
            with suppress(ValueError):
                region_of(pair.columns, ALL)


def _read_image(path: str) -> None:
    opened = open_image(path, max_pixels=MOST_PIXELS)
    if opened.frames is not None:
        for number in opened.frames.numbers[:FRAMES]:
            opened.frames.read(number)
    opened.decode(lambda: False)
