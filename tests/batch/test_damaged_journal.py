"""A journal that is damaged, or another file: refused by its line, or resumed as it says."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssimtool.batch.journal import Journal, is_finished
from ssimtool.batch.tally import Tally, scored_before
from ssimtool.errors import SsimtoolError
from ssimtool.readers.lists.scores import read_scores
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import Comparison
from ssimtool.settings import Settings, limits_of

RUN = ("batch", "x", "y", "-m", "ssim,mse,psnr", "--fail-under", "ssim=0.5")
FIELDS = [f.name for f in fields(Comparison)]
OF_SUMMARY = [f.name for f in fields(Summary)]
MISSING = object()
VALUES = [
    MISSING, None, True, -1, 10**6, 1e300, "", "x", [], [1], [[1, "x"]], {}, {"a": None},
    {"ssim": None}, {"ssim": [1]}, [{"metric": "ssim"}], [{"metric": 1, "op": 1, "value": "x"}],
]  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory, request) -> tuple[Path, list[str]]:
    """The folder of two pairs, and the lines of their journal."""
    from ssimtool.cli.app import run

    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("x", "y"):
            Path(name).mkdir()
            for i in range(2):
                Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(f"{name}/{i}.png")
        assert run([*RUN, "-o", "s.ndjson", "-q"]) == 1
    return folder, (folder / "s.ndjson").read_text().splitlines(keepends=True)


def _settings(row) -> Settings:
    return Settings(
        definition=row["definition"],
        reading=row["reading"],
        metrics=list(row["metrics"]),
        thresholds=limits_of(row),
    )


def _resumed(path: Path, settings: Settings) -> str | None:
    """Resume as a batch does; return why it is refused, or None."""
    journal = Journal(str(path), resumed=True)
    try:
        journal.load(settings)
        tally = Tally(metrics=("ssim",), worst=3)
        for place, record in enumerate(journal.left_over(whole=False)):
            tally.add(place, scored_before(record))
    except ValueError as error:
        return str(error)
    finally:
        journal.close()
    return None


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_with_each_kind_of_value(tmp_path, written, name):
    lines = written[1]
    row = json.loads(lines[0])
    path = tmp_path / "s.ndjson"
    refused = 0
    for value in VALUES:
        changed = {k: v for k, v in row.items() if k != name}
        if value is not MISSING:
            changed[name] = value
        content = lines[1] + json.dumps(changed) + "\n"
        path.write_text(content)
        fault = _resumed(path, _settings(row))
        if fault is not None:
            refused += 1
            assert "\n" not in fault
            assert "line 2 holds" in fault or "was written with other settings" in fault
            assert path.read_text() == content
        if fault is None or "other settings" in fault:
            read_scores(str(path))
            continue
        with pytest.raises(SsimtoolError, match="line 2 holds"):
            read_scores(str(path))
    assert refused >= 2  # each field has its type


@pytest.mark.parametrize("name", OF_SUMMARY)
def test_each_field_of_the_summary(tmp_path, written, name):
    lines = written[1]
    row, summary = json.loads(lines[0]), json.loads(lines[2])
    path = tmp_path / "s.ndjson"
    for value in VALUES:
        changed = {k: v for k, v in summary.items() if k != name}
        if value is not MISSING:
            changed[name] = value
        path.write_text(lines[0] + lines[1] + json.dumps(changed) + "\n")
        assert isinstance(is_finished(path), bool)
        fault = _resumed(path, _settings(row))
        assert fault is None or "line 3 holds" in fault


DEEP = "[" * 100_000
BAD = {
    "deep": DEEP,
    "deep in a field": '{"schema": "ssimtool.comparison/1", "status": ' + DEEP,
    "list": "[1]",
    "number": "7",
    "null": "null",
    "text": "hello",
    "NaN": '{"schema": NaN}',
    "digits": '{"schema": "ssimtool.comparison/1", "width": ' + "9" * 5000 + "}",
    "NUL": "\0" * 100,
    "latin": "caf\udce9",
    "UTF-16": "\udcff\udcfe[\0",
    "surrogate": '{"schema": "\\ud800"}',
    "image": "\udc89PNG\r",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("place", [0, 1, 2])
def test_lines_that_are_no_records(ssimtool, written, tmp_path, monkeypatch, bad, place):
    folder, lines = written
    monkeypatch.chdir(folder)
    path = tmp_path / "s.ndjson"
    content = "".join([*lines[:place], f"{bad}\n", *lines[place:2]])
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    done = ssimtool(*RUN, "-o", path, "--resume")
    assert done.code == 2
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert f"line {place + 1} holds" in line
    assert path.read_bytes() == before
    done = ssimtool(*RUN, "-o", path)
    assert done.code == 2
    assert "does not end with the summary" in done.err
    assert path.read_bytes() == before
    done = ssimtool("report", path)
    assert done.code == 3
    assert f"line {place + 1} holds" in done.err
    assert len(done.err.splitlines()) == 1
    assert ssimtool(*RUN, "-o", path, "--overwrite").code == 1
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("tail", ["\0" * 4096, '{"schema": "ssimtool.compari', DEEP])
def test_an_end_that_was_cut_is_dropped(ssimtool, written, tmp_path, monkeypatch, tail):
    """A power failure may leave zeros."""
    folder, lines = written
    monkeypatch.chdir(folder)
    path = tmp_path / "s.ndjson"
    path.write_text(lines[0] + tail)
    assert ssimtool(*RUN, "-o", path, "--resume").code == 1
    assert path.read_text().splitlines(keepends=True)[:2] == lines[:2]
