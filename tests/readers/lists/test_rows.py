"""Rows of CSV: quotes that are not closed, and lines that are too long."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssimtool.readers.lists import manifest, rows, text
from ssimtool.readers.lists.manifest import read_manifest

MEGABYTE = 1_000_000


def _rows(content: str, separator: str = ",") -> list[tuple[int, list[str] | str]]:
    return list(rows.rows(iter(text.lines([content.encode()])), separator))


def _hundred(bad: dict[int, str], separator: str = ",") -> str:
    lines = [bad.get(i, f"r/{i}.png{separator}d/{i}.png") for i in range(1, 101)]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("at", [2, 50, 100])
@pytest.mark.parametrize("bad", ['"r/x.png{}d/x.png', 'r/x.png{}"d/x.png', '"', '"""{}d', '{}"""'])
def test_an_open_quote_costs_one_pair(tmp_path, separator, at, bad):
    path = tmp_path / "list"
    path.write_text(_hundred({at: bad.format(separator)}, separator))
    pairs = list(read_manifest(str(path)))
    assert len(pairs) == 100
    for number, pair in enumerate(pairs, 1):
        if number == at:
            assert f"line {at} opens a quote that is not closed" in pair.problem.message
        else:
            assert pair.problem is None
            assert (pair.reference, pair.distorted) == (f"r/{number}.png", f"d/{number}.png")


@pytest.mark.parametrize(
    "later", ['"r/y.png",d/y.png', 'r/y.png,"d/y.png"', 'r/"y".png,d/y.png', '"x" ,y', "z"]
)
def test_a_quote_that_another_line_seems_to_close(later):
    found = _rows(f'a,b\n"r/x.png,d/x.png\nc,d\n{later}\ne,f\n')
    assert found[0] == (1, ["a", "b"])
    assert found[1][0] == 2
    assert found[1][1].startswith("opens a quote that is not closed")
    assert found[2] == (3, ["c", "d"])
    assert found[3][0] == 4
    assert found[4] == (5, ["e", "f"])


def test_fields_over_several_lines():
    content = 'a,b\n"two\nlines ""so"".png",c\nd,"x\r\n\r\ny"\ne,f\n'
    assert _rows(content) == [
        (1, ["a", "b"]), (2, ['two\nlines "so".png', "c"]), (4, ["d", "x\r\n\r\ny"]),
        (7, ["e", "f"]),
    ]  # fmt: skip


@pytest.mark.parametrize("bad", ['"a.png" ,b', '"a"b,c', 'x,"a"b', '"a""b"c,d'])
def test_quotes_that_close_inside_a_field(bad):
    assert _rows(f"a,b\n{bad}\nc,d\n") == [
        (1, ["a", "b"]), (2, "is not CSV (',' expected after '\"')"), (3, ["c", "d"])
    ]  # fmt: skip


@pytest.mark.parametrize("content", ['a"b,c', 'a, "b"', "a''b,'c'", 'x"y"z,"q"'])
def test_quotes_within_a_field_that_begins_without_one(content):
    assert _rows(content) == [(1, next(csv.reader([content])))]


FIELDS = st.text(st.sampled_from('ab", \n\r;é'), max_size=6)


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=5))
def test_what_the_csv_module_writes_is_read(table):
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(table)
    assert [row for _, row in _rows(file.getvalue())] == table


@given(st.text(st.sampled_from('ab",\n'), max_size=60))
def test_every_line_is_in_a_row_or_refused(content):
    """Nothing is swallowed: the rows and the faults begin where the lines before them end."""
    found = _rows(content)
    at = 1
    for number, row in found:
        assert number == at
        inside = 0 if isinstance(row, str) else sum(field.count("\n") for field in row)
        at += 1 + inside
    assert at == 1 + len(content.splitlines())


LONG = "x" * MEGABYTE


@pytest.mark.parametrize("chunk", [1000, 1 << 16, 3 * MEGABYTE])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("a,b", f"{LONG},b"),
        ("a\tb", f"a\tb\t{LONG}"),
        ("a,b", f"{'é' * (MEGABYTE // 2)},b"),
        ('{"reference": "a", "distorted": "b"}', f'{{"reference": "a", "distorted": "{LONG}"}}'),
    ],
)
def test_a_line_that_is_too_long(tmp_path, monkeypatch, good, bad, last, chunk):
    monkeypatch.setattr(text, "CHUNK", chunk)
    path = tmp_path / "list"
    path.write_text(f"{good}\n{bad}" if last else f"{good}\n{bad}\n{good}\n")
    pairs = list(read_manifest(str(path)))
    assert [p.problem is None for p in pairs] == [True, False, True][: 2 + (not last)]
    assert "line 2 is longer than 1,000,000 bytes" in pairs[1].problem.message
    assert len(pairs[1].reference) <= 4096


@pytest.mark.parametrize("size", [MEGABYTE - 2, MEGABYTE - 3])
def test_a_line_that_is_just_as_long_as_it_may_be(tmp_path, size):
    path = tmp_path / "list"
    path.write_text(f"a,{'b' * (size - 1)}\nc,d\n")
    first, _ = read_manifest(str(path))
    assert first.problem is None
    path.write_text(f"a,{'b' * (MEGABYTE - 1)}\nc,d\n")
    first, _ = read_manifest(str(path))
    assert first.problem is not None


def test_an_item_of_an_array_that_is_too_long(tmp_path):
    path = tmp_path / "list"
    good = {"reference": "a", "distorted": "b"}
    path.write_text(json.dumps([good, good | {"more": LONG}, good, good | {"more": [LONG]}]))
    pairs = list(read_manifest(str(path)))
    assert [p.problem is None for p in pairs] == [True, False, True, False]
    assert "item 2 is longer than 1,000,000 bytes" in pairs[1].problem.message


def test_a_path_of_a_list_with_nul_that_is_too_long(tmp_path):
    path = tmp_path / "list"
    for odd in (False, True):
        names = ["a", "b", LONG + "x", "d", "e", LONG + "x", "g", "h"]
        path.write_text("\0".join(names[: 7 if odd else 8]) + "\0")
        pairs = list(read_manifest(str(path), null=True))
        assert [p.problem is None for p in pairs] == [True, False, False, not odd]
        assert "path 3 is longer than" in pairs[1].problem.message
        assert "path 6 is longer than" in pairs[2].problem.message
        if odd:
            assert "path 7 has no partner after it" in pairs[3].problem.message


@pytest.mark.parametrize(
    ("start", "piece", "count"),
    [
        (b"a,b\n", b"x" * 65536, 600),
        (b'[{"a": "', b"x" * 65536, 600),
        (b'a,b\n"', b"x" * 99 + b"\n", 30_000),
    ],
)
def test_an_endless_line_needs_little_memory(monkeypatch, start, piece, count):
    """Megabytes without a line end, the end of an item, or a quote that closes."""
    content = chain([start], repeat(piece, count))
    monkeypatch.setattr(manifest, "chunks", lambda path: content)
    tracemalloc.start()
    try:
        pairs = sum(1 for _ in read_manifest("list"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pairs in (1, 2, count + 1)
    assert peak < 10 * MEGABYTE  # lines are kept until their quote is closed, or is too far away
