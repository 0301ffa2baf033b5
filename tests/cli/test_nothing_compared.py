"""A run that compared nothing, or not all references, does not pass unseen."""

from __future__ import annotations

import json
from unicodedata import normalize
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from ssimtool import SsimtoolError, compare_many

GREY = Image.fromarray(np.full((16, 16), 128, np.uint8))


def _made(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        GREY.save(folder / name)
    return folder


@pytest.fixture
def folders(tmp_path):
    """One pair, one reference without a partner, two new images."""
    x = _made(tmp_path / "x", "a.png", "gone.png")
    return x, _made(tmp_path / "y", "a.png", "n.png", "o.png")


@pytest.fixture
def apart(tmp_path):
    """Two folders without a pair."""
    return _made(tmp_path / "golden", "home.png"), _made(tmp_path / "new", "Home_1.png")


def _summary(done):
    return json.loads(done.out.splitlines()[-1])


@pytest.mark.parametrize("limit", [(), ("--fail-under", "0.9"), ("--fail-under", "mean:0.9")])
def test_two_folders_without_a_pair(ssimtool, apart, limit):
    done = ssimtool("batch", *apart, *limit, "-f", "ndjson")
    assert done.code == 3
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {apart[0]} and {apart[1]}: no name of one is in the other")
    assert "home.png and Home_1.png, which differ by '_1' and in upper and lower case" in line
    assert "--allow-empty" in line
    summary = _summary(done)
    assert (summary["status"], summary["pairs"]) == ("error", 0)
    assert summary["problem"] == {"code": "empty", "message": line.removeprefix("error: ")}
    assert summary["unmatched"]["reference"] == [str(apart[0] / "home.png")]


def test_allow_empty(ssimtool, apart, tmp_path):
    (tmp_path / "list.csv").touch()
    (tmp_path / "void").mkdir()
    listed = "--pairs", tmp_path / "list.csv"
    for paths in (listed, apart, (apart[0], tmp_path / "void"), (apart[0] / "home.png", "void")):
        paths = [tmp_path / path if path == "void" else path for path in paths]
        assert ssimtool("batch", *paths, "-q").code == 3
        done = ssimtool("batch", *paths, "--allow-empty", "-q", "-f", "ndjson")
        assert (done.code, _summary(done)["status"], done.err) == (0, "ok", "")
    statistic = "--fail-under", "mean:0.9"
    assert ssimtool("batch", *listed, "--allow-empty", *statistic).code == 0
    # but a reference that is missing still fails a run with a threshold
    assert ssimtool("batch", *apart, "--allow-empty", *statistic).code == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        (("--fail-under", "0.5"), 1),
        (("--fail-over", "max:mse=9"), 1),
        (("--unmatched", "fail"), 1),
        (("--unmatched", "strict"), 1),
        (("--unmatched", "warn", "--fail-under", "0.5"), 0),
        (("--unmatched", "ignore", "--fail-under", "0.5"), 0),
    ],
)
def test_a_reference_without_a_partner(ssimtool, folders, options, code):
    done = ssimtool("batch", *folders, *options, "-f", "ndjson")
    gone, new = folders[0] / "gone.png", folders[1] / "n.png"
    assert done.code == code
    assert (f"FAIL {gone}  missing: no distorted image\n" in done.err) == (code == 1)
    assert (f"FAIL {new}  new: no reference\n" in done.err) == ("strict" in options)
    warned = "warning: 2 files are new (no reference); the first: " in done.err
    assert warned == (not {"strict", "ignore"} & set(options))
    unmatched = _summary(done)["unmatched"]
    assert (len(unmatched["reference"]), len(unmatched["distorted"])) == (1, 2)
    quiet = ssimtool("batch", *folders, *options, "-f", "csv", "-q")
    assert "warning" not in quiet.err
    assert (quiet.code, "FAIL" in quiet.err) == (code, code == 1)


def test_a_new_image_fails_a_strict_run_only(ssimtool, folders):
    (folders[0] / "gone.png").unlink()
    assert ssimtool("batch", *folders, "-q", "--unmatched", "fail").code == 0
    assert ssimtool("batch", *folders, "-q", "--unmatched", "strict").code == 1


def test_reports(ssimtool, folders, tmp_path):
    scores, gone = tmp_path / "s.ndjson", folders[0] / "gone.png"
    limit = "--fail-under", "0.5", "-q"
    assert ssimtool("batch", *folders, *limit, "-o", scores).code == 1
    before = scores.read_text().splitlines()
    resumed = ssimtool("batch", *folders, *limit, "-o", scores, "--resume")
    assert (resumed.code, scores.read_text().splitlines()[:-1]) == (1, before[:-1])
    assert json.loads(ssimtool("report", scores, "-f", "json").out)["summary"]["status"] == "fail"
    for done in (
        ssimtool("report", scores, "-f", "junit"),
        ssimtool("batch", *folders, *limit, "-f", "junit"),
    ):
        (suite,) = ElementTree.fromstring(done.out)
        counts = [int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == [4, 1, 0, 2]
        (failure,) = suite.iter("failure")
        assert (failure.get("type"), failure.get("message")) == (
            "missing", "missing: no distorted image",
        )  # fmt: skip
    github = ssimtool("report", scores, "-f", "github").out
    assert f"::error file={gone},title=ssimtool missing::no distorted image\n" in github
    assert github.count("::warning file=") == 2
    assert "FAIL  missing (no distorted image):" in ssimtool("report", scores, "-f", "markdown").out
    page = ssimtool("report", scores, "-f", "html").out
    assert "Missing</dt><dd>1<" in page
    assert "New</dt><dd>2<" in page


def test_reports_of_nothing(ssimtool, apart, tmp_path):
    scores = tmp_path / "s.ndjson"
    assert ssimtool("batch", *apart, "-q", "-o", scores).code == 3
    for form in ("table", "markdown", "html", "github", "junit", "json"):
        done = ssimtool("report", scores, "-f", form)
        assert done.code == 0
        assert "no name of one is in the other" in done.out.replace("\n", " ")
    again = ssimtool("batch", *apart, "-q", "-o", scores, "--resume")
    assert again.code == 3


def test_names_in_two_unicode_forms_are_compared(ssimtool, tmp_path):
    x = _made(tmp_path / "x", normalize("NFC", "Müller.png"))
    y = _made(tmp_path / "y", normalize("NFD", "Müller.png"))
    if len({p.name for folder in (x, y) for p in folder.iterdir()}) < 2:
        pytest.skip("this file system has one form of a name")
    done = ssimtool("batch", x, y, "-m", "mse", "-f", "value", "--fail-over", "mse=0")
    assert (done.code, done.out) == (0, "0.0\n")


def test_python(apart, folders):
    with pytest.raises(
        SsimtoolError, match=r"which differ by '_1'.*or pass allow_empty$"
    ) as raised:
        compare_many(*apart)
    assert raised.value.code == "empty"
    assert list(compare_many(*apart, allow_empty=True)) == []
    assert len(compare_many(*folders).unmatched.distorted) == 2
