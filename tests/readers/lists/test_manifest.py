"""Lists of pairs: what each line means, and that it is read as soon as it is there."""

from __future__ import annotations

import json
import os

import pytest
from windows import unix

from ssimtool.errors import SsimtoolError
from ssimtool.readers.lists.manifest import read_manifest
from ssimtool.readers.regions import parse_regions

A_B = '{"reference": "a", "distorted": "b"}\n'
ODD = ['say "hi".png', "<script>.png", "two\nlines.png", "übung 図.png", "a,b.png", "a\tb.png"]


def _read(tmp_path, content, **options):
    path = tmp_path / "list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_manifest(str(path), **options))


@pytest.mark.parametrize(
    "content",
    [
        "a.png,b.png\nc.png,d.png,7\n",
        "\n\na.png,b.png\r\n\r\nc.png,d.png,7\r\n",
        "a.png\tb.png\nc.png\td.png\t7",
        "\ufeffreference,distorted,id\na.png,b.png,\nc.png,d.png,7\n",
        "ID,Distorted , Reference\n,b.png,a.png\n7,d.png,c.png\n",
        '{"reference": "a.png", "distorted": "b.png"}\n\n'
        '{"id": 7, "distorted": "d.png", "reference": "c.png"}\n',
    ],
)
def test_the_ways_to_list_pairs(tmp_path, content):
    first, second = _read(tmp_path, content)
    assert (first.reference, first.distorted, first.id) == ("a.png", "b.png", None)
    assert (second.reference, second.distorted, second.id) == ("c.png", "d.png", "7")
    assert first.columns == second.columns == {}
    assert first.problem is second.problem is None


def test_further_columns_are_passed_on(tmp_path):
    (row,) = _read(tmp_path, "Model,reference,distorted,step\nvae,a,b,10\n")
    assert row.columns == {"Model": "vae", "step": "10"}
    (row,) = _read(tmp_path, "a,b,1,vae,10\n")
    assert (row.id, row.columns) == ("1", {"column4": "vae", "column5": "10"})
    line = {
        "reference": "a",
        "distorted": "b",
        "step": 10,
        "model": "vae",
        "tags": ["x"],
        "no": None,
    }
    (row,) = _read(tmp_path, json.dumps(line))
    assert row.columns == {"step": "10", "model": "vae", "tags": '["x"]', "no": "null"}


def test_names_come_through_unharmed(tmp_path):
    import csv
    import io

    for delimiter in ",\t":
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(
            [["reference", "distorted"], *zip(ODD, ODD, strict=True)]
        )
        assert [p.reference for p in _read(tmp_path, text.getvalue())] == ODD
    lines = "".join(json.dumps({"reference": n, "distorted": n}) + "\n" for n in ODD)
    assert [p.distorted for p in _read(tmp_path, lines)] == ODD
    nulls = b"".join(os.fsencode(n) + b"\0" for n in (*ODD, *ODD[:2], "x\udcff.png", "end"))
    pairs = _read(tmp_path, nulls, null=True)
    assert [n for p in pairs for n in (p.reference, p.distorted)] == [
        *ODD,
        *ODD[:2],
        "x\udcff.png",
        "end",
    ]
    (pair,) = _read(tmp_path, b"x\xff.png,y.png\n")
    assert os.fsencode(pair.reference) == b"x\xff.png"


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("a,b\nalone\n", {}, "line 2 has 1 field"),
        (A_B + 'none\n', {}, "line 2 is not JSON ("),
        (A_B + '[1]\n', {}, "not a JSON object"),
        (A_B + '{"reference": 1}\n', {}, "lacks reference"),
        (A_B + '{"reference": "\\u0000", "distorted": ""}', {}, "cannot be names of files"),
        (A_B + '{"reference": "\\ud800", "distorted": ""}', {}, "cannot be names of files"),
        (b"a\0b\0c\0", {"null": True}, "path 3 has no partner after it"),
    ],
)  # fmt: skip
def test_a_line_that_names_no_pair_is_told_and_the_next_is_read(tmp_path, content, options, words):
    good, bad = _read(tmp_path, content, **options)
    assert good.problem is None
    assert bad.problem.code == "unsupported"
    assert words in bad.problem.message
    assert "list" in bad.problem.message


def test_nothing_is_no_pair(tmp_path):
    for content in ("", "\n\n", "reference,distorted\n"):
        assert _read(tmp_path, content) == []
    assert _read(tmp_path, b"", null=True) == []


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(SsimtoolError, match="no such file"):
        next(read_manifest(str(tmp_path / "none")))
    with pytest.raises(SsimtoolError, match="UTF-16"):
        _read(tmp_path, "a,b\n".encode("utf-16-le"))


@unix
@pytest.mark.parametrize("form", ["csv", "ndjson", "null"])
def test_a_line_is_read_before_the_next_is_there(form):
    def written(number):
        names = f"x{number}", f"y{number}"
        if form == "null":
            return "".join(f"{n}\0" for n in names).encode()
        line = dict(zip(("reference", "distorted"), names, strict=True))
        return (json.dumps(line) if form == "ndjson" else ",".join(names)).encode() + b"\n"

    there, here = os.pipe()
    pairs = read_manifest(f"/dev/fd/{there}", null=form == "null")
    for number in range(3):
        os.write(here, written(number))
        assert next(pairs).distorted == f"y{number}"
    os.close(here)
    assert list(pairs) == []
    os.close(there)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("deep", [DEEP, DEEP[:100_000], '{"a":' * 99_999, "[" * 994 + "]" * 994])
def test_deeply_nested_json_is_no_pair(tmp_path, deep):
    line = A_B.rstrip("}\n") + f', "more": {deep}}}\n'
    first, bad, last = _read(tmp_path, A_B + line + A_B)
    assert first.problem is last.problem is None
    assert bad.problem is not None or bad.columns["more"] == deep  # how deep depends on Python
    if len(deep) > 10_000:
        assert "line 2 is JSON that is nested too deeply" in bad.problem.message
        assert len(bad.reference) <= 4096


@pytest.mark.parametrize("region", [DEEP, DEEP[:1000], "9" * 5000, "[" + "9" * 5000 + "]"])
def test_a_region_that_is_none(region):
    with pytest.raises(ValueError, match="is not a region, expected X,Y,W,H") as raised:
        parse_regions(region)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("name", ["mask", "reference", "distorted"])
@pytest.mark.parametrize("bad", ["a\0b.png", "a\ud800b.png"])
def test_a_name_that_no_file_has_is_a_problem_of_its_line(tmp_path, name, bad):
    line = json.dumps({"reference": "a", "distorted": "b", "mask": "m", name: bad})
    for options in ({}, {"base": str(tmp_path)}):
        pair, after = _read(tmp_path, f"{line}\n{A_B}", **options)
        assert "cannot be names of files" in pair.problem.message
        assert after.problem is None
    if "\0" in bad:
        names = ["a", "b", "m"]
        names[["reference", "distorted", "mask"].index(name)] = bad
        (pair,) = _read(tmp_path, "reference,distorted,mask\n" + ",".join(names) + "\n")
        assert "cannot be names of files" in pair.problem.message
