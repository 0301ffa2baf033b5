"""`compare REF A B C`: a batch of the images, each against the reference."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def images(samples):
    return [samples / name for name in ("reference.png", "blur.png", "jpeg.jpg", "reference.png")]


def test_the_records_are_those_of_batch(ssimtool, images, tmp_path):
    lines = "".join(f"{images[0]},{image}\n" for image in images[1:])
    (tmp_path / "pairs.csv").write_text("reference,distorted\n" + lines)
    options = ["--precision", "single", "-q"]
    listed = ssimtool("batch", "--pairs", tmp_path / "pairs.csv", *options, "-f", "ndjson")
    records = [json.loads(line) for line in listed.out.splitlines()]
    done = ssimtool("compare", *images, *options, "-f", "ndjson")
    assert done.code == 0
    own = [json.loads(line) for line in done.out.splitlines()]
    assert own[:3] == records[:3]
    assert own[3] | {"elapsed_seconds": 0} == records[3] | {"elapsed_seconds": 0}
    array = ssimtool("compare", *images, *options, "-f", "json")
    assert json.loads(array.out) == records[:3]
    values = ssimtool("compare", *images, *options, "-m", "mse", "-f", "value")
    assert [float(line) for line in values.out.splitlines()] == [
        record["metrics"]["mse"] for record in records[:3]
    ]
    assert ssimtool("compare", *images, "-q").out.startswith("3 pairs: 3 ok")


def test_exit_codes_and_what_failed(ssimtool, images):
    done = ssimtool("compare", *images, "--fail-under", "0.99", "-q", "-f", "csv")
    assert done.code == 1
    assert [line.split()[0] for line in done.err.splitlines()] == ["FAIL", "FAIL", "2"]
    done = ssimtool("compare", *images, "none.png", "-q", "-f", "json")
    assert done.code == 3
    assert [(r["error"] or {}).get("code") for r in json.loads(done.out)] == [
        *(None, None, None),
        "not_found",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.png", "b.png", "c.png", "--map", "m.png"], "--map is of one pair: use batch --maps"),
        (["a.png", "b.png", "-"], "standard input can be compared with one image only"),
        (["a.png", "b.png", "c.png", "-o", "c.png"], "cannot write c.png: it is also an input"),
    ],
)
def test_wrong_command_lines(ssimtool, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.png").write_bytes(b"precious")
    format = ["-f", "json"] if "-o" in arguments else []
    done = ssimtool("compare", *arguments, *format)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert (tmp_path / "c.png").read_bytes() == b"precious"
