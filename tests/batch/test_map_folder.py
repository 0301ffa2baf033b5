"""Names of the maps of many pairs."""

from __future__ import annotations

import os
from itertools import islice

import pytest

from ssimtool.batch.map_folder import MapFolder
from ssimtool.readers.lists.pairs import PairInput


def _names(*below):
    folder = MapFolder("maps", "gray")
    paths = [
        folder.path_of(PairInput(reference=f"r/{b}", distorted=f"d/{b}", below=b)) for b in below
    ]
    assert len({p.casefold() for p in paths}) == len(paths)
    files = {p.casefold() for p in paths}
    above = {str(a) for p in files for a in islice(_parents(p), 9)}
    assert not files & above  # no map is where the folder of another one has to be
    return [os.path.relpath(p, "maps").replace(os.sep, "/") for p in paths]


def _parents(path):
    while path := os.path.dirname(path):
        yield path


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        (["x.jpg", "x.png/y.png"], ["x.png", "x.png~2/y.png"]),
        (["x.png/y.png", "x.jpg"], ["x.png/y.png", "x~2.png"]),
        (["x.jpg", "X.PNG/y.png", "X.PNG/z.png"], ["x.png", "X.PNG~2/y.png", "X.PNG~2/z.png"]),
        (["a/x.jpg", "a/x.png/b/c/y.png"], ["a/x.png", "a/x.png~2/b/c/y.png"]),
        (
            ["x.png~2.jpg", "x.png~2.png/y.png", "x.jpg", "x.png/y.png"],
            ["x.png~2.png", "x.png~2.png~2/y.png", "x.png", "x.png~2/y.png"],
        ),
        (["x.jpg", "x.png", "X.gif"], ["x.png", "x~2.png", "X~3.png"]),
        (["a.b/x.tar.gz", "a.b/noname"], ["a.b/x.tar.png", "a.b/noname.png"]),
    ],
)
def test_no_map_is_where_another_one_has_its_folder(below, expected):
    assert _names(*below) == expected


@pytest.mark.parametrize("letter", ["a", "ä", "字"])
def test_long_names(tmp_path, letter):
    size = 255 // len(letter.encode())
    long, like = letter * size, letter * (size - 1)
    found = _names(f"{long}/{long}", f"{long}/{like}{'b' * len(letter.encode())}", f"{long}/x.png")
    for name in found:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")  # the file system takes it
        assert all(len(os.fsencode(part)) <= 255 for part in name.split("/"))
    assert len({name.split("/")[0] for name in found}) == 1
