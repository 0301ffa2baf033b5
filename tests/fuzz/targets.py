"""Read a hostile input. The result is a number, or an error with one of our codes."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

from ssimtool.batch.report import ReportRequest, overview_of
from ssimtool.errors import SsimtoolError
from ssimtool.readers.images.opening import open_image, set_up_pillow
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.lists.scores import read_scores
from ssimtool.readers.regions import ALL, region_of
from ssimtool.reports.page import page_of
from ssimtool.reports.view import View

set_up_pillow()
MOST_PIXELS = 1 << 22
FRAMES = 3  # of a stack to read
OWN = 3  # the icon of a page (none), the form of its dialog, its script


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
            elif kind == "page":
                _read_page(path)
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


class _Page(HTMLParser):
    """The data of a page, and how many tags may load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.data: list[str] = []
        self.dangerous = 0
        self._is_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_data = tag == "script" and ("type", "application/json") in attrs
        named = {name for name, _ in attrs}
        runs = any(name.startswith("on") for name in named) or "src" in named
        self.dangerous += runs or tag in ("iframe", "object", "embed", "link", "base", "form")
        self.dangerous += tag == "script" and not self._is_data
        if self._is_data:
            self.data.append("")

    def handle_data(self, data: str) -> None:
        if self._is_data:
            self.data[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._is_data = False


def _read_page(path: str) -> None:
    """Make the page of a report, without pictures: nothing in it runs but its own script."""
    overview = overview_of(ReportRequest(path, 0, Path(path).parent))
    metrics = tuple(overview.summary.metrics)
    page = _Page()
    page.feed(page_of(overview, View(names=metrics, requested=metrics)))
    for data in page.data:
        json.loads(data)
    if (len(page.data), page.dangerous) != (1, OWN):
        raise AssertionError(f"{len(page.data)} blocks of data, {page.dangerous} that may run")


def _read_image(path: str) -> None:
    opened = open_image(path, max_pixels=MOST_PIXELS)
    if opened.frames is not None:
        for number in opened.frames.numbers[:FRAMES]:
            opened.frames.read(number)
    opened.decode(lambda: False)
