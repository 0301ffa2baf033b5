"""No command replaces an input, and a map replaces nothing but a map."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from windows import unix

from ssimtool import output as writing
from ssimtool.batch import map_folder

FAST = ("-m", "mse")


def _image(path: str, level: int = 0) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 20), level, np.uint8)).save(path)


def _content() -> dict[str, bytes | str]:
    """Every file and link below the current folder."""
    return {
        str(p): os.readlink(p) if p.is_symlink() else p.read_bytes()
        for p in sorted(Path().rglob("*"))
        if p.is_symlink() or p.is_file()
    }


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder where the command runs: three pairs in two folders."""
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        _image(f"r/{i}.png", i)
        _image(f"d/{i}.png", 2 * i)
    return tmp_path


def _listed(*lines: str) -> tuple[str, ...]:
    Path("list.csv").write_text("".join(f"{line}\n" for line in lines))
    return ("batch", "--pairs", "list.csv", *FAST)


PAIRS = ("r/0.png,d/0.png", "r/1.png,d/1.png", "r/2.png,d/2.png")


def test_an_input_of_a_later_line_is_no_place_for_maps(ssimtool, here):
    assert ssimtool(*_listed(*PAIRS), "--maps", "maps").code == 0  # which could be replaced
    for line in ("r/0.png,maps/d/1.png", "maps/d/1.png,r/0.png", "maps/d/9.png,d/0.png"):
        command = _listed(*PAIRS, line)
        before = _content()
        done = ssimtool(*command, "--maps", "maps", "-o", "s.ndjson")
        assert (done.code, done.out) == (2, "")
        assert "is in the map folder maps, where a map could overwrite it" in done.err
        assert _content() == before


@unix
def test_a_link_to_an_input_in_the_map_folder(ssimtool, here):
    os.makedirs("maps")
    os.symlink("../maps/x.png", "d/3.png")
    _image("maps/x.png")
    before = _content()
    done = ssimtool(*_listed(*PAIRS, "r/0.png,d/3.png"), "--maps", "maps")
    assert done.code == 2
    assert "d/3.png: is in the map folder maps" in done.err
    assert {k: v for k, v in _content().items() if k != "list.csv"} == before


@unix
@pytest.mark.parametrize("source", ["folders", "list", "stream"])
def test_no_map_is_written_through_a_link(ssimtool, process, here, source):
    """maps/d leads to the distorted images themselves."""
    os.makedirs("maps")
    os.symlink("../d", "maps/d")
    command = _listed(*PAIRS)
    if source == "folders":
        command = ("batch", "r", "d", *FAST)
        os.rename("maps/d", "maps2")
        os.rmdir("maps")
        for folder in ("r", "d"):
            os.makedirs(f"{folder}/d")
            os.rename(f"{folder}/2.png", f"{folder}/d/2.png")
        os.makedirs("maps")
        os.symlink("../d/d", "maps/d")
        os.unlink("maps2")
    before = _content()
    if source == "stream":
        stdin = "\n".join(PAIRS).encode()
        done = process("batch", "--pairs", "-", *FAST, "--maps", "maps", stdin=stdin)
    else:
        done = ssimtool(*command, "--maps", "maps", "-o", "s.csv")
    assert done.code == 2
    assert "by a link inside maps, which maps do not follow" in done.err
    assert _content() == before


@unix
@pytest.mark.parametrize("kind", ["image", "link", "empty", "folder", "pipe", "text"])
def test_a_map_replaces_nothing_but_a_map(ssimtool, here, kind):
    os.makedirs("maps")
    place = Path("maps/1.png")
    if kind == "image":
        _image(str(place))
    elif kind == "link":
        place.symlink_to("../r/1.png")
    elif kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.write_text("" if kind == "empty" else "notes")
    before = _content()
    for options in ((), ("--overwrite", "-o", "s.ndjson")):
        done = ssimtool("batch", "r", "d", *FAST, "--maps", "maps", *options)
        assert (done.code, done.out) == (2, "")
        assert "cannot write maps/1.png: there is a file that is no map of ssimtool" in done.err
        assert _content() == before


@pytest.mark.parametrize("style", ["gray", "heat", "overlay", "panel"])
def test_a_map_replaces_a_map(ssimtool, here, style):
    command = ("batch", "r", "d", *FAST, "--maps", "maps", "--map-style")
    assert ssimtool(*command, style).code == 0
    first = Path("maps/1.png").read_bytes()
    _image("d/1.png", 99)
    assert ssimtool(*command, "gray").code == 0
    assert Path("maps/1.png").read_bytes() != first
    assert sorted(p.name for p in Path("maps").iterdir()) == ["0.png", "1.png", "2.png"]


def test_a_map_that_was_named_replaces_what_is_there(ssimtool, here):
    _image("m.png")
    assert ssimtool("compare", "r/1.png", "d/1.png", "--map", "m.png").code == 0
    assert "ssim" in Image.open("m.png").info
    done = ssimtool("compare", "r/1.png", "d/1.png", "--map", "d/1.png")
    assert (done.code, "it is also an input" in done.err) == (2, True)


def test_a_file_that_appears_meanwhile_is_not_replaced(ssimtool, here, monkeypatch):
    right = map_folder.MapFolder.check
    calls = []

    def check(self, path):
        calls.append(path)
        if len(calls) == 4:  # the first map, after the input was checked
            _image(path, 9)
        right(self, path)

    monkeypatch.setattr(map_folder.MapFolder, "check", check)
    done = ssimtool("batch", "r", "d", *FAST, "--maps", "maps", "--jobs", "1")
    assert (done.code, "no map of ssimtool" in done.err) == (2, True)
    assert np.asarray(Image.open("maps/0.png")).max() == 9


@unix
@pytest.mark.parametrize("output", ["d/1.png", "r/2.png", "link", "hard"])
@pytest.mark.parametrize("form", ["csv", "ndjson", "markdown"])
@pytest.mark.parametrize("source", ["folders", "list"])
def test_scores_are_not_written_over_an_image(ssimtool, here, output, form, source):
    os.symlink("d/1.png", "link")
    os.link("d/1.png", "hard")
    command = ("batch", "r", "d", *FAST) if source == "folders" else _listed(*PAIRS)
    before = _content()
    options = ("--overwrite",) if form == "ndjson" else ()
    done = ssimtool(*command, "-f", form, "-o", output, *options)
    assert (done.code, done.out) == (2, "")
    assert f"cannot write {output}: it is also an input" in done.err
    assert _content() == before


def test_scores_are_not_written_over_a_mask_of_a_list(ssimtool, here):
    _image("mask.png", 255)
    Path("list.csv").write_text("reference,distorted,mask\nr/0.png,d/0.png,mask.png\n")
    before = _content()
    done = ssimtool("batch", "--pairs", "list.csv", *FAST, "-f", "csv", "-o", "mask.png")
    assert (done.code, "it is also an input (mask.png)" in done.err) == (2, True)
    assert _content() == before


def test_other_files_are_replaced(ssimtool, here):
    _image("other.png")
    assert ssimtool("batch", "r", "d", *FAST, "-f", "csv", "-o", "other.png").code == 0
    assert Path("other.png").read_bytes().startswith(b"id,reference")
    for _ in range(2):
        assert ssimtool("batch", "r", "d", *FAST, "-o", "s.ndjson", "-o", "s.md").code == 0


def test_a_stream_keeps_what_it_has_written(process, here):
    lines = [*PAIRS, "r/0.png,maps/d/1.png", "maps/d/0.png,d/0.png", PAIRS[0]]
    stdin = "".join(f"{line}\n" for line in lines).encode()
    done = process("batch", "--pairs", "-", *FAST, "--maps", "maps", "-f", "ndjson", stdin=stdin)
    assert done.code == 3
    *records, summary = map(json.loads, done.out.splitlines())
    assert [r["status"] for r in records] == ["ok", "ok", "ok", "error", "error", "ok"]
    for record in records[3:5]:
        assert record["error"]["code"] == "unsupported"
        assert "is in the map folder maps" in record["error"]["message"]
    assert summary["pairs"] == 6
    assert sorted(os.listdir("maps/d")) == ["0.png", "0~2.png", "1.png", "2.png"]


def test_a_stream_may_not_name_an_output(process, here):
    before = Path("d/1.png").read_bytes()
    stdin = "\n".join(PAIRS).encode()
    done = process("batch", "--pairs", "-", *FAST, "-f", "csv", "-o", "d/1.png", stdin=stdin)
    assert done.code == 3
    assert "cannot write d/1.png: it is also an input (d/1.png)" in done.err
    assert Path("d/1.png").read_bytes() != before  # the scores: no pair has read it


@pytest.mark.parametrize("form", ["html", "csv", "json"])
def test_a_report_is_not_written_over_an_image(ssimtool, here, form):
    os.makedirs("sub")
    assert ssimtool("batch", "r", "d", *FAST, "-o", "s.ndjson").code == 0
    os.rename("s.ndjson", "sub/s.ndjson")
    os.link("d/2.png", "hard")
    before = _content()
    for output, base in (("d/1.png", "."), ("r/0.png", "sub"), ("hard", ".")):
        if base == "sub":
            os.rename("r", "sub/r")
            os.rename("d", "sub/d")
            output, before = f"sub/{output}", _content()
        done = ssimtool("report", "sub/s.ndjson", "-f", form, "-o", output, "--base", base)
        assert (done.code, done.out) == (2, "")
        assert f"cannot write {output}: it is an image of the scores" in done.err
        assert _content() == before
        if base == "sub":
            os.rename("sub/r", "r")
            os.rename("sub/d", "d")
            before = _content()
    for _ in range(2):
        assert ssimtool("report", "sub/s.ndjson", "-f", form, "-o", "page").code == 0


@unix
def test_a_new_file_follows_no_link(tmp_path, monkeypatch):
    target, other = tmp_path / "s.csv", tmp_path / "other"
    other.write_text("precious")
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count))  # as if it could be foreseen
    (tmp_path / f".s.csv.{bytes(8).hex()}").symlink_to(other)
    with pytest.raises(FileExistsError):
        writing.new_file(target)
    assert other.read_text() == "precious"


@unix
def test_a_new_file_is_no_more_readable_than_its_target(tmp_path):
    (tmp_path / "old").touch(0o600)
    for name, mode in (("old", 0o600), ("new", 0o666 & ~_umask())):
        file, path = writing.new_file(tmp_path / name)
        file.close()
        assert path.stat().st_mode & 0o777 == mode
        assert path.parent == tmp_path
    file, path = writing.new_file(tmp_path / ("字" * 85))  # 255 bytes
    file.close()
    assert path.exists()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
