"""The forms of lists that other programs write: separators, line ends, headers, encodings, JSON."""

from __future__ import annotations

import json
import os

import pytest
from windows import unix

from ssimtool.errors import SsimtoolError
from ssimtool.readers.files import shown
from ssimtool.readers.lists import text
from ssimtool.readers.lists.columns import NAMES
from ssimtool.readers.lists.manifest import read_manifest

PAIRS = [("a.png", "b.png"), ("c d.png", "é图.png")]
HEADED = "reference,distorted\n" + "".join(f"{x},{y}\n" for x, y in PAIRS)
ARRAY = json.dumps([{"reference": x, "distorted": y} for x, y in PAIRS], ensure_ascii=False)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function from the content of a list to its pairs, with chunks of any size."""

    def call(content, chunk=1 << 16, **options):
        path = tmp_path / "list"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setattr(text, "CHUNK", chunk)
        monkeypatch.chdir(tmp_path)
        return list(read_manifest("list", **options))

    return call


def _names(pairs):
    assert [p.problem for p in pairs] == [None] * len(pairs)
    return [(p.reference, p.distorted) for p in pairs]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 16])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "content",
    [
        HEADED,
        HEADED.replace(",", ";"),
        HEADED.replace(",", "\t"),
        "sep=,\n" + HEADED,
        "sep=;\n" + HEADED.replace(",", ";"),
        '"SEP=|"\n' + HEADED.replace(",", "|"),
        "sep=\t\n" + HEADED.replace(",", "\t"),
        "\n" + HEADED + "\n\n",
        HEADED.partition("\n")[2].replace(",", ";"),
        HEADED.replace(",", ", ").replace(" b", "b").replace(" é", "é"),
        "".join(json.dumps(row) + "\n" for row in json.loads(ARRAY)),
        ARRAY,
        json.dumps(json.loads(ARRAY), indent=2),
        " \n[ \n{" + ARRAY[2:],
    ],
)
def test_each_form_at_each_end_of_a_chunk(read, content, end, chunk):
    for mark in ("", "\ufeff"):
        assert _names(read(mark + content.replace("\n", end), chunk)) == PAIRS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("content", [HEADED, HEADED.replace(",", "\t"), ARRAY])
def test_encodings_with_a_byte_order_mark(read, content, encoding):
    mark = "\ufeff" if encoding.endswith("-be") else ""
    for chunk in (1, 5, 1 << 16):
        assert _names(read((mark + content).encode(encoding), chunk)) == PAIRS


def test_text_that_is_none(read):
    for content, words in (
        ("ab.png,b.png".encode("utf-16-le"), "as UTF-16 without a byte order mark"),
        (b"\xff\xfea\x00b", "is no valid UTF-16-LE"),
        (b"\xff\xfe\x00\xd8a\x00", "is no valid UTF-16-LE"),
    ):
        with pytest.raises(SsimtoolError, match=words) as caught:
            read(content)
        assert caught.value.code == "unsupported"


def test_quoted_line_ends_stay(read):
    name = "two\r\nlines\rof\na.png"
    for chunk in (1, 2, 3, 5, 1 << 16):
        assert _names(read(f'"{name}",b.png\r\nc.png,d.png\r\n', chunk)) == [
            (name, "b.png"), ("c.png", "d.png"),
        ]  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 4, 1 << 16])
def test_line_numbers_at_each_line_end(read, chunk):
    for end in ("\n", "\r\n", "\r"):
        *_, bad = read(f"a,b{end}{end}c,d{end}alone{end}", chunk)
        assert "line 4 has 1 field" in bad.problem.message


@pytest.mark.parametrize("reference", ["reference", *NAMES["reference"]])
@pytest.mark.parametrize("distorted", ["distorted", *NAMES["distorted"]])
def test_headers_of_others(read, reference, distorted):
    for header in (
        f"{distorted},ID,{reference},Step",
        f"{distorted.upper()} , Id,{reference.title()},Step",
    ):
        (pair,) = read(f"{header}\nb.png,7,a.png,3\n")
        assert _names([pair]) == [("a.png", "b.png")]
        assert (pair.id, dict(pair.columns)) == ("7", {"Step": "3"})
    (pair,) = read(json.dumps({distorted.upper(): "b.png", reference: "a.png", "step": 3}))
    assert _names([pair]) == [("a.png", "b.png")]
    assert dict(pair.columns) == {"step": "3"}


def test_the_own_names_come_first(read):
    (pair,) = read("test,reference,distorted,gt\n1,a.png,b.png,x\n")
    assert (*_names([pair]), dict(pair.columns)) == (("a.png", "b.png"), {"test": "1", "gt": "x"})
    (pair,) = read('{"test": "1", "reference": "a.png", "distorted": "b.png", "gt": "x"}')
    assert (*_names([pair]), dict(pair.columns)) == (("a.png", "b.png"), {"test": "1", "gt": "x"})


def test_doubtful_headers(read):
    words = "line 1 has the columns 'pred' and 'Recon'; name the distorted image 'distorted'"
    with pytest.raises(SsimtoolError, match=words):
        read("gt,pred,Recon\na,b,c\n")
    (pair,) = read('{"gt": "a", "original": "b", "pred": "c"}')
    assert "name the reference image 'reference'" in pair.problem.message
    # One of the two names alone is the name of a file.
    assert _names(read("test,b.png\n")) == [("test", "b.png")]


def test_the_separator_of_a_list_without_a_header(read):
    for content, pair in (
        ("a;1.png,b;1.png\n", ("a;1.png", "b;1.png")),  # a comma separates, as ever
        ('"a,1.png";"b,1.png"\n', ("a,1.png", "b,1.png")),
        ("a.png;b.png;1\n", ("a.png", "b.png")),
        ("a;b.png\tc,d.png\n", ("a;b.png", "c,d.png")),
        ("[a] 1.png,[b] 1.png\n", ("[a] 1.png", "[b] 1.png")),
    ):
        assert _names(read(content)) == [pair]
    (pair,) = read("reference;distorted;region\na.png;b.png;0,0,64,64\n")
    assert pair.columns == {"region": "0,0,64,64"}
    (pair,) = read('reference,distorted,region\na.png,b.png,"0,0,8,8;8,8,8,8"\n')
    assert pair.columns == {"region": "0,0,8,8;8,8,8,8"}


def test_items_of_an_array(read):
    awkward = {"reference": 'a"]},[{\\', "distorted": "b\\\\", "tags": [1, [2, {"x": "]"}]]}
    for chunk in (1, 3, 1 << 16):
        (pair, last) = read(json.dumps([awkward, {"ref": "c", "dis": "d"}]), chunk)
        assert _names([pair, last]) == [(awkward["reference"], awkward["distorted"]), ("c", "d")]
        assert json.loads(pair.columns["tags"]) == awkward["tags"]
        assert read("[]", chunk) == read(" [ ]\n", chunk) == []
    good = '{"reference": "a", "distorted": "b"}'
    for content, number in (
        (f"[{good}, 7]", 2), (f"[{good}, {good[:9]}", 2), (f"[{good},", 2), (f"[{good},]", 2),
        (f"[{good}] {good}", 2), (f"[{good} {good}]", 1), (f"[{good}, {{a}}, {good}]", 2),
    ):  # fmt: skip
        problems = [p.problem.message for p in read(content) if p.problem is not None]
        assert len(problems) == 1, content
        assert f"item {number} " in problems[0]


@unix
def test_an_array_is_read_as_it_arrives():
    """Each item is there before the next one is written, so the array is never held as a whole."""
    read, write = os.pipe()
    pairs = read_manifest(f"/dev/fd/{read}")
    try:
        item = json.dumps({"reference": "a" * 50, "distorted": "b"})
        os.write(write, f"[{item},".encode())
        for _ in range(3):
            assert next(pairs).reference == "a" * 50
            os.write(write, f"\n{item},".encode())
    finally:
        os.close(write)
        pairs.close()
        os.close(read)


def test_memory_is_that_of_a_few_items(tmp_path, monkeypatch):
    import tracemalloc

    monkeypatch.setattr(text, "CHUNK", 1 << 12)
    item = json.dumps({"reference": "a" * 1000, "distorted": "b" * 1000})
    path = tmp_path / "list.json"
    path.write_text(f"[{','.join([item] * 500)}]")
    tracemalloc.start()
    assert sum(pair.problem is None for pair in read_manifest(str(path))) == 500
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 4  # some chunks of 4 KB, of 1 MB


def test_spaces_around_a_name(read, tmp_path):
    for name in ("a.png", "b.png", " c.png", "c.png", "m.png"):
        (tmp_path / name).touch()
    header = "reference, distorted, mask\n"
    plain, exact, gone, masked = read(
        f"{header}a.png, b.png\na.png, c.png\na.png, none.png\na.png,b.png, m.png \n"
    )
    assert _names([plain, exact, gone]) == [
        ("a.png", "b.png"), ("a.png", " c.png"), ("a.png", " none.png"),
    ]  # fmt: skip
    assert plain.warnings == ("list: line 2: there is no file ' b.png', 'b.png' is compared",)
    assert exact.warnings == gone.warnings == ()
    assert masked.columns["mask"] == "m.png"
    assert "' m.png '" in masked.warnings[0]
    (pair,) = read('{"reference": "a.png", "distorted": " b.png"}')  # quoted: meant as it is
    assert pair.distorted == " b.png"
    assert shown(" none.png") == "' none.png'"


def test_a_base_folder(read, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/b.png").touch()
    rooted = str(tmp_path / "r.png")
    path = os.path.join
    for content, options in (
        (f"reference,distorted,mask\n{rooted},x/b.png,m.png\n", {}),
        (json.dumps({"reference": rooted, "distorted": "x/b.png", "mask": "m.png"}), {}),
        (f"{rooted}\0x/b.png\0", {"null": True}),
    ):
        (pair,) = read(content, base="sub", **options)
        assert _names([pair]) == [(rooted, path("sub", "x/b.png"))]
        assert pair.below == "x/b.png"
        assert pair.columns.get("mask", path("sub", "m.png")) == path("sub", "m.png")
    (pair,) = read("b.png, b.png\n", base="sub")
    assert _names([pair]) == [(path("sub", "b.png"), path("sub", "b.png"))]
