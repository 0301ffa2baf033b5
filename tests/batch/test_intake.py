"""The pairs of a batch: where they come from, and which are computed again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ssimtool.batch.intake import Intake
from ssimtool.batch.journal import Journal
from ssimtool.batch.map_folder import MapFolder
from ssimtool.batch.request import BatchRequest, MapsRequest, PairSource
from ssimtool.errors import ArgumentError
from ssimtool.readers.align import Reading, recorded
from ssimtool.readers.regions import ALL
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.reports.text import ndjson_text
from ssimtool.settings import CompareSettings, Settings

NAMES = ("a.png", "b.png", "c.png")
SETTINGS = CompareSettings(metrics=("mse",))


@pytest.fixture
def request_of_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, names in (("x", NAMES), ("y", (*NAMES, "z.png"))):
        (tmp_path / folder).mkdir()
        for name in names:
            Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / folder / name)
    return BatchRequest(
        source=PairSource(reference="x", distorted="y"),
        reading=Reading(),
        region=ALL,
        settings=SETTINGS,
        statistics=(),
        unmatched="warn",
        allow_empty=False,
        stop_on_error=False,
        worst=0,
        maps=None,
        quiet=True,
        debug=False,
    )


def _journal(*records):
    """An earlier run's, opened again."""
    Path("s.ndjson").write_text("".join(map(ndjson_text, records)))
    journal = Journal("s.ndjson", resumed=True)
    parts = {"definition": parts_of(SETTINGS.definition), "reading": recorded(Reading())}
    journal.load(Settings(**parts, metrics=("mse",), thresholds=()))
    return journal


def _record(name, *, status="ok", path=None):
    return Comparison(
        data_range=255,
        status=status,
        reference=f"x/{name}",
        distorted=f"y/{name}",
        definition=parts_of(SETTINGS.definition),
        reading=recorded(Reading()),
        metrics={"mse": 0.0},
        map=path,
        version="0",
    )


def test_folders(request_of_folders):
    intake = Intake(request_of_folders, None, None)
    assert [(job.pair.distorted, job.map, job.kept) for job in intake.jobs()] == [
        (f"y/{name}", None, None) for name in NAMES
    ]
    assert (intake.total, intake.unmatched.distorted) == (3, ("y/z.png",))


def test_a_list(request_of_folders):
    Path("list.csv").write_text("reference,distorted\nx/b.png,y/a.png\n")
    source = PairSource(manifest="list.csv")
    intake = Intake(replace(request_of_folders, source=source), None, None)
    assert [job.pair.distorted for job in intake.jobs()] == ["y/a.png"]
    assert intake.total is None


def test_records_of_an_earlier_run_are_kept(request_of_folders):
    journal = _journal(_record("b.png"))
    kept = [job.kept is not None for job in Intake(request_of_folders, None, journal).jobs()]
    journal.close()
    assert kept == [False, True, False]


@pytest.mark.parametrize(
    ("which", "kept"),
    [("all", [True, False, False]), ("failed", [True, True, False]), ("worst", [True] * 3)],
)
def test_a_record_without_its_map_is_computed_again(request_of_folders, tmp_path, which, kept):
    """a has its map, b none and passes, c fails and its map is gone."""
    records = (
        _record("a.png", path="maps/a.png"),
        _record("b.png"),
        _record("c.png", status="fail", path="maps/c.png"),
    )
    journal = _journal(*records)
    (tmp_path / "maps").mkdir()
    texts = PngInfo()
    texts.add_itxt("Title", "SSIM map (gray)")
    texts.add_itxt("Software", "ssimtool 0")
    Image.new("L", (2, 2)).save(tmp_path / "maps" / "a.png", pnginfo=texts)
    request = replace(request_of_folders, maps=MapsRequest("maps", which, "gray"))
    jobs = list(Intake(request, MapFolder("maps", "gray"), journal).jobs())
    journal.close()
    assert [job.map for job in jobs] == [f"maps/{name}" for name in NAMES]
    assert [job.kept is not None for job in jobs] == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"reference": "x", "manifest": "list"}, "or --pairs, not both"),
        ({"reference": "x", "distorted": "y", "null": True}, "-0 requires a list"),
        ({"reference": "x"}, "pass the folders REFERENCE and DISTORTED"),
        ({"reference": "x", "distorted": "-"}, "standard input is not a folder"),
        ({"reference": "x/a.png", "distorted": "y/a.png"}, "both are files"),
    ],
)
def test_what_is_no_source_of_pairs(request_of_folders, given, words):
    with pytest.raises(ArgumentError, match=words):
        PairSource(**given)
