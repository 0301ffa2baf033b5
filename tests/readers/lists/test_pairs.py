"""Which files of folders become pairs."""

from __future__ import annotations

import os

import pytest
from PIL import Image
from windows import unix

from ssimtool.errors import SsimtoolError
from ssimtool.readers.lists.folders import IMAGE_SUFFIXES, Filter, images_below
from ssimtool.readers.lists.pairs import find_pairs


def _made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return str(folder)


def _found(pairs, x, y):
    return [(os.path.relpath(p.reference, x), os.path.relpath(p.distorted, y)) for p in pairs]


def test_by_path_then_by_path_without_the_suffix(tmp_path):
    x = _made(tmp_path / "x", "b.png", "a/c.PNG", "a/b.png", "only.png")
    y = _made(tmp_path / "y", "a/b.png", "a/c.webp", "b.jpg", "other.png")
    pairs, unmatched = find_pairs(x, y, Filter())
    assert _found(pairs, x, y) == [
        ("a/b.png", "a/b.png"),
        ("a/c.PNG", "a/c.webp"),
        ("b.png", "b.jpg"),
    ]
    assert [p.below for p in pairs] == ["a/b.png", "a/c.webp", "b.jpg"]
    assert unmatched.reference == (os.path.join(x, "only.png"),)
    assert unmatched.distorted == (os.path.join(y, "other.png"),)


@pytest.mark.parametrize(
    ("names_x", "names_y", "paired"),
    [
        (["a.png"], ["a.webp", "a.jpg"], 0),  # which of the two?
        (["a.png", "a.bmp"], ["a.webp"], 0),
        (["a.png", "a.bmp"], ["a.png", "a.webp"], 1),  # the same path alone
        (["a.tar.png"], ["a.tar.webp"], 1),
        (["a.tar.png"], ["a.webp"], 0),
        (["A.png"], ["a.png"], 0),
    ],
)
def test_what_is_not_unique_is_not_guessed(tmp_path, names_x, names_y, paired):
    x, y = _made(tmp_path / "x", *names_x), _made(tmp_path / "y", *names_y)
    pairs, unmatched = find_pairs(x, y, Filter())
    assert len(pairs) == paired
    assert len(unmatched.reference) == len(names_x) - paired
    assert len(unmatched.distorted) == len(names_y) - paired


def test_hidden_files_and_other_files_are_passed_over(tmp_path):
    folder = _made(
        tmp_path / ".x",
        *(
            "a.png",
            ".b.png",
            "._a.png",
            ".thumbs/a.png",
            "notes.txt",
            "Thumbs.db",
            "z.JPEG",
            "0.npy",
        ),
    )
    assert images_below(folder, Filter()) == ["0.npy", "a.png", "z.JPEG"]


def test_patterns(tmp_path):
    folder = _made(tmp_path, "a.png", "a.jpg", "s/a.png", "s/b.png", "s/t/b.png")

    def below(include=(), exclude=()):
        return images_below(folder, Filter(include=include, exclude=exclude))

    assert below(("*.png",)) == ["a.png", "s/a.png", "s/b.png", "s/t/b.png"]
    assert below(("s/*",)) == ["s/a.png", "s/b.png", "s/t/b.png"]
    assert below(("a.*", "s/t/*"), ("*.jpg",)) == ["a.png", "s/a.png", "s/t/b.png"]
    assert below(exclude=("b.png", "s/*")) == ["a.jpg", "a.png"]
    with pytest.raises(SsimtoolError, match=r"include '\*.webp' \(5 images skipped"):
        below(("*.webp",))
    with pytest.raises(
        SsimtoolError, match=r"include 'b.png' --exclude 's/\*' leave no file \(5 im"
    ):
        below(("b.png",), ("s/*",))


@unix
def test_links_are_followed_and_circles_are_not(tmp_path):
    _made(tmp_path / "there", "b.png")
    folder = _made(tmp_path / "x", "s/a.png")
    (tmp_path / "x/linked").symlink_to(tmp_path / "there")
    (tmp_path / "x/s/back").symlink_to(tmp_path / "x")
    (tmp_path / "x/gone.png").symlink_to(tmp_path / "nothing")  # listed, and fails by itself
    assert images_below(folder, Filter()) == ["gone.png", "linked/b.png", "s/a.png"]


def test_one_file_against_a_folder(tmp_path):
    x = _made(tmp_path, "x.png")
    x, y = os.path.join(x, "x.png"), _made(tmp_path / "y", "b.png", "a/c.png")
    pairs, unmatched = find_pairs(x, y, Filter())
    assert [(p.reference, os.path.relpath(p.distorted, y)) for p in pairs] == [
        (x, "a/c.png"), (x, "b.png"),
    ]  # fmt: skip
    assert not unmatched.reference
    turned, _ = find_pairs(y, x, Filter())
    assert [(p.distorted, p.reference) for p in turned] == [
        (p.reference, p.distorted) for p in pairs
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "y: folder is empty, expected images"),
        (("a.txt", "b.TXT", "c.csv", "d"), "4 other files: 2 .txt, 1 .csv, 1 without a suffix"),
    ],
)
def test_a_folder_without_images_says_what_it_found(tmp_path, names, words):
    good, bad = _made(tmp_path / "x", "a.png"), _made(tmp_path / "y", *names)
    (tmp_path / "y").mkdir(exist_ok=True)
    for folders in ((good, bad), (bad, good)):
        with pytest.raises(SsimtoolError, match=words) as raised:
            find_pairs(*folders, Filter())
        assert raised.value.code == "empty"
        assert find_pairs(*folders, Filter(), allow_empty=True)[0] == ()


def test_a_folder_that_is_absent(tmp_path):
    good = _made(tmp_path / "x", "a.png")
    for folders in ((good, str(tmp_path / "none")), (str(tmp_path / "none"), good)):
        with pytest.raises(SsimtoolError, match="none: no such folder"):
            find_pairs(*folders, Filter())


def test_what_is_taken_from_folders_is_read():
    others = {".npy", ".jxl", ".pam"}  # not by Pillow
    assert set(Image.registered_extensions()) >= IMAGE_SUFFIXES - others
