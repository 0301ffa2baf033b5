"""The file of a batch: whole lines, whatever happens."""

from __future__ import annotations

import errno
import json
import os

import pytest
from windows import Windows, unix

from ssimtool import output
from ssimtool.batch import locked_file
from ssimtool.batch.journal import Journal, is_finished, key_of
from ssimtool.definitions import DEFINITIONS
from ssimtool.records.batch import Summary
from ssimtool.records.comparison import parts_of
from ssimtool.reports.text import ndjson_text
from ssimtool.settings import Settings

WANG = parts_of(DEFINITIONS["wang2004"])
SETTINGS = Settings(
    definition={"name": "wang2004", "sigma": 1.5},
    reading={"channels": "rgb"},
    metrics=["ssim"],
    thresholds=[["ssim", "under", 0.5]],
)


@pytest.fixture(autouse=True, params=["as it is", "windows"])
def _system(request, monkeypatch):
    """Each promise is kept on this system, and on Windows."""
    if request.param == "windows":
        Windows(monkeypatch, [locked_file, output])


def _line(name, status="ok", **changes):
    record = {
        "schema": "ssimtool.comparison/1", "status": status, "id": None, "reference": name,
        "distorted": name, "metrics": {} if status == "error" else {"ssim": 0.9},
        "data_range": 255, "definition": WANG,
        "reading": dict(SETTINGS.reading), "version": "0",
        "thresholds": [{"metric": "ssim", "op": "under", "value": 0.5, "holds": True}],
        "error": {"code": "empty", "message": "x"} if status == "error" else None,
    }  # fmt: skip
    return json.dumps(record | changes) + "\n"


def _summary(interrupted=False):
    counts = dict.fromkeys(("pairs", "ok", "fail", "error"), 0)
    return ndjson_text(Summary(status="ok", **counts, interrupted=interrupted, version="0"))


def _key(name):
    return key_of(None, name, name)


def _resumed(path):
    journal = Journal(str(path), resumed=True)
    journal.load(SETTINGS)
    return journal


def _run(journal, names, fits=lambda record: True):
    """As a batch does; the names that were there."""
    kept = []
    for name in names:
        found = journal.take(_key(name), fits)
        if found:
            journal.keep(found)
            kept.append(name)
        else:
            journal.append(_line(name))
    journal.finish(_summary(), whole=True)
    journal.close()
    return kept


def test_errors_and_a_line_that_was_cut_are_made_again(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a") + _line("b", "error") + _line("c", "fail") + _line("d")[:-20])
    assert _run(_resumed(path), "abcd") == ["a", "c"]
    assert (
        path.read_text() == _line("a") + _line("b") + _line("c", "fail") + _line("d") + _summary()
    )
    assert os.listdir(tmp_path) == ["s.ndjson"]


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_only_the_end_is_cut_off_where_that_is_enough(tmp_path, cut):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a") + _line("b") + _summary()[:-cut])
    before = path.stat().st_ino
    assert _run(_resumed(path), "abc") == ["a", "b"]
    assert path.stat().st_ino == before  # not a new file
    assert path.read_text() == _line("a") + _line("b") + _line("c") + _summary()


def test_pairs_that_come_twice_are_there_twice(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a") * 2)
    assert _run(_resumed(path), "aba") == ["a", "a"]
    assert path.read_text() == _line("a") + _line("b") + _line("a") + _summary()
    assert _run(_resumed(path), "ab") == ["a", "b"]
    assert path.read_text() == _line("a") + _line("b") + _summary()


def test_what_does_not_fit_is_made_again(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a", columns={"step": "1"}) + _line("b"))
    assert _run(_resumed(path), "ab", lambda record: not record["columns"]) == ["b"]
    assert path.read_text() == _line("a") + _line("b") + _summary()


def test_records_of_other_pairs_stay(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("x") + _line("a"))
    journal = _resumed(path)
    assert journal.take(_key("a"), lambda record: True)
    assert [r["reference"] for r in journal.left_over(whole=True)] == ["x"]
    journal.close()
    _run(_resumed(path), "a")
    assert path.read_text() == _line("a") + _line("x") + _summary()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"definition": WANG | {"sigma": 2}}, "definition sigma: there 2, here 1.5"),
        ({"reading": {"channels": "luma"}}, "reading channels: there 'luma', here 'rgb'"),
        ({"metrics": {"mse": 1}}, "metrics: there mse, here ssim"),
        ({"precision": "float32"}, "precision: there single, here double"),
        ({"thresholds": []}, "thresholds: there none, here ssim under 0.5"),
        ({"schema": "other/1"}, "line 2 holds a record of the schema 'other/1', expected a record"),
    ],
)
def test_other_settings_are_refused_and_nothing_is_lost(tmp_path, changes, words):
    path = tmp_path / "s.ndjson"
    content = _line("a") + _line("b", **changes) + _line("c", "error") + "cut"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        _resumed(path)
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["hello\n", "[1]\n", "{}\n", '{"schema": 1}\n'])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "s.ndjson"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"line 1 holds .*, expected a record of a batch"):
        _resumed(path)
    assert not is_finished(path)


def test_a_line_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "s.ndjson"
    journal = Journal(str(path), resumed=False)
    journal.append(_line("a"))
    write, room = os.write, [40]

    def full(file, data):
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        count, room[0] = min(len(data), room[0]), 0
        return write(file, data[:count])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.append(_line("b"))
    assert path.read_text() == _line("a")
    journal.append(_line("c"))
    journal.close()
    assert path.read_text() == _line("a") + _line("c")


def test_a_file_is_emptied_by_the_first_line_and_not_before(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a") + _summary())
    Journal(str(path), resumed=False).close()
    assert path.read_text() == _line("a") + _summary()
    journal = Journal(str(path), resumed=False)
    journal.append(_line("b"))
    assert path.read_text() == _line("b")
    journal.close()


def test_a_file_that_stays_empty_is_taken_away(tmp_path):
    path = tmp_path / "s.ndjson"
    Journal(str(path), resumed=False).close()
    assert os.listdir(tmp_path) == []
    path.touch()
    Journal(str(path), resumed=False).close()
    assert os.listdir(tmp_path) == ["s.ndjson"]


def test_whether_a_run_came_to_its_end(tmp_path):
    path = tmp_path / "s.ndjson"
    for content, finished in (
        ("", True),
        (_line("a") + _summary(), True),
        (_summary(), True),
        (_line("a") + _summary(interrupted=True), False),
        (_line("a"), False),
        (_line("a") + _summary()[:-5], False),
    ):
        path.write_text(content)
        assert is_finished(path) is finished


@unix
def test_a_link_keeps_pointing_at_the_file(tmp_path):
    path, link = tmp_path / "s.ndjson", tmp_path / "link.ndjson"
    path.write_text(_line("b") + _line("a"))
    path.chmod(0o640)
    link.symlink_to(path)
    _run(_resumed(link), "ab")
    assert path.read_text() == _line("a") + _line("b") + _summary()
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_two_runs_do_not_write_to_one_file(tmp_path):
    path = tmp_path / "s.ndjson"
    journal = _resumed(path)
    journal.append(_line("a"))
    with pytest.raises(OSError, match="another run is writing to it"):
        Journal(str(path), resumed=True)
    journal.close()
    _resumed(path).close()
    assert path.read_text() == _line("a")


def test_records_of_one_pair_are_taken_in_their_order(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a", columns={"n": "1"}) + _line("a", columns={"n": "2"}))
    journal = _resumed(path)
    taken = [journal.take(_key("a"), lambda record: True) for _ in range(3)]
    journal.close()
    assert [kept and kept.record["columns"]["n"] for kept in taken] == ["1", "2", None]


def test_what_is_there_twice_is_left_over_until_the_input_has_come_to_its_end(tmp_path):
    path = tmp_path / "s.ndjson"
    path.write_text(_line("a") + _line("a") + _line("b"))
    journal = _resumed(path)
    journal.keep(journal.take(_key("a"), lambda record: True))
    left = {
        whole: [r["reference"] for r in journal.left_over(whole=whole)] for whole in (False, True)
    }
    journal.close()
    assert left == {False: ["a", "b"], True: ["b"]}
