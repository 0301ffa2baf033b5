"""Names that pair, and why names do not."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from ssimtool.readers.lists.partners import no_partners, partners_of

NFC, NFD = (normalize(form, "Müller/größe é.png") for form in ("NFC", "NFD"))


def test_names_that_differ_by_their_unicode_form():
    assert NFC != NFD
    assert partners_of([NFC], [NFD]) == {NFC: NFD}
    assert partners_of([NFD, "a.png"], ["a.png", NFC]) == {NFD: NFC, "a.png": "a.png"}
    # with another suffix as well
    webp = NFD.replace(".png", ".webp")
    assert partners_of([NFC], [webp]) == {NFC: webp}


def test_a_folder_with_both_forms_is_paired_by_the_same_form():
    assert partners_of([NFC], [NFC, NFD]) == {NFC: NFC}
    assert partners_of([NFC, NFD], [NFD, NFC]) == {NFC: NFC, NFD: NFD}
    other = normalize("NFD", NFC[:6]) + NFC[6:]  # half of it: which of the two is meant?
    assert partners_of([other], [NFC, NFD]) == {}
    assert partners_of([NFC, NFD], [other]) == {}
    assert "both Unicode forms" in no_partners([other], [NFC, NFD])


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (
            ["b.png", "a.png"],
            ["z.png", "A.png"],
            "a.png and A.png, which differ in upper and lower",
        ),
        (["home.png"], ["home_diff.png"], "home.png and home_diff.png, which differ by '_diff'"),
        (["a/x.png"], ["a/out-x.png"], "a/x.png and a/out-x.png, with no similar name"),
        (["x.png"], ["out-x.jpg"], "x.png and out-x.jpg, which differ by 'out-'"),
        (["a.png"], ["sub/a.png"], "a.png and sub/a.png, which lie in different folders"),
        (["s/a.png"], ["t/a.jpg"], "s/a.png and t/a.jpg, which lie in different folders"),
        (["a.png", "a.bmp"], ["a.jpg"], "a.png and a.jpg, but several files have this name"),
        (["img1.png"], ["img001.png"], "which differ in the zeros before a number"),
        (["one.png"], ["two.png"], "one.png and two.png, with no similar name"),
    ],
)
def test_a_guess_why_names_do_not_pair(x, y, words):
    assert partners_of(x, y) == {}
    assert words in no_partners(x, y)


def test_a_guess_among_many_names_is_quick():
    x = [f"reference-{i}.png" for i in range(20_000)]
    y = [f"other{i}.png" for i in range(20_000)]
    assert no_partners(x, y) == "reference-0.png and other0.png, with no similar name"
