"""`ssimtool batch`: many pairs in, a record each out, in order, whatever the pairs are."""

from __future__ import annotations

import csv
import io
import json
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from windows import unix

RNG = np.random.RandomState(0)
SIZES = ((24, 32), (40, 30), (33, 47))
SUFFIXES = ("png", "jpg", "webp", "bmp", "tif")


def _write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def _noisy(array, amount):
    return np.clip(array + RNG.normal(0, amount, array.shape), 0, 255).astype(np.uint8)


def _folders(root, count):
    """Pairs of several sizes, formats, grey and colour, some of which differ in their suffix."""
    for i in range(count):
        shape = (*SIZES[i % 3], 3) if i % 4 else SIZES[i % 3]
        x = RNG.randint(0, 256, shape).astype(np.uint8)
        suffix, other = SUFFIXES[i % 5], SUFFIXES[(i + (i % 7 == 0)) % 5]
        _write(root / f"x/{i % 6}/{i:04}.{suffix}", x)
        _write(root / f"y/{i % 6}/{i:04}.{other}", _noisy(x, 1 + i % 30))
    return root / "x", root / "y"


def _lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def folders(tmp_path):
    """Twelve pairs."""
    return _folders(tmp_path, 12)


def _bomb():
    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


# Ten ways to break a distorted image of 30 x 20 in colour, by what is told of each.
FAST = ("--backend", "fused", "--precision", "single")  # as batch computes
BROKEN = {
    "not_found": None,
    "not_an_image": b"",
    "unreadable": "a folder",
    "too_large": _bomb(),
    "size_mismatch": np.zeros((21, 30, 3), np.uint8),
    "channel_mismatch": _saved(np.zeros((20, 30, 4), np.uint8)),
    "shape_mismatch": _saved(np.zeros(30)),
    "non_finite": _saved(np.full((20, 30), np.nan)),
    "data_range": _saved(np.full((20, 30), 7.5)),
    "pickled": pickle.dumps([1]),
}


def _break(path, how):
    path.unlink(missing_ok=True)
    if how is None:
        path.symlink_to("nothing")
    elif isinstance(how, bytes):
        path.write_bytes(how)
    elif isinstance(how, str):
        path.symlink_to("/proc/self/mem")  # which gives an I/O error
    else:
        Image.fromarray(how).save(path)


@unix
def test_five_hundred_pairs(ssimtool, tmp_path):
    x, y = _folders(tmp_path, 500)
    for i, how in enumerate(BROKEN.values()):
        _write(x / f"7/{i}.png", RNG.randint(0, 256, (20, 30, 3)).astype(np.uint8))
        (y / "7").mkdir(exist_ok=True)
        _break(y / f"7/{i}.png", how)
    alone = [
        _write(f / f"{f.name}{i}.png", np.zeros((20, 20), np.uint8)) for f in (x, y) for i in (1, 2)
    ]
    alone.append(_write(x / "3/alone.png", np.zeros((20, 20), np.uint8)))
    done = ssimtool("batch", x, y, "-f", "ndjson")
    assert done.code == 3
    *records, summary = _lines(done.out)
    assert len(records) == 510
    names = [r["reference"] for r in records]
    assert names == sorted(names)
    assert {r["error"]["code"] for r in records if r["error"]} == set(BROKEN)
    broken = [r["error"]["code"] for r in records if "/7/" in r["reference"]]
    assert broken == list(BROKEN)
    assert all(r["status"] == "ok" for r in records if "/7/" not in r["reference"])
    assert (summary["pairs"], summary["ok"], summary["fail"], summary["error"]) == (510, 500, 0, 10)
    found = summary["unmatched"]["reference"] + summary["unmatched"]["distorted"]
    assert sorted(found) == sorted(map(str, alone))
    assert "error: 10 of 510 pair(s) could not be compared" in done.err
    assert "warning: 3 files are missing (no distorted image); the first: " in done.err
    assert "warning: 2 files are new (no reference); the first: " in done.err
    assert len([line for line in done.err.splitlines() if line.startswith("error: /")]) == 10
    for record in records[::61]:  # each is what `compare` says
        pair = record["reference"], record["distorted"]
        one = ssimtool("compare", *pair, "-f", "json", *FAST).record
        assert one | {"metrics": 0, "per_channel": 0} == record | {"metrics": 0, "per_channel": 0}
        assert one["metrics"] == pytest.approx(record["metrics"], rel=1e-12)
    means = np.mean([r["metrics"]["ssim"] for r in records if r["metrics"]])
    assert summary["metrics"]["ssim"]["mean"] == pytest.approx(means, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "code", "fails"),
    [
        (["--fail-under", "0"], 0, 0),
        (["--fail-under", "ssim_loss=2"], 1, 12),  # all: none is the opposite of its reference
        (["--fail-over", "mse=1e9", "--fail-under", "min:psnr=1"], 0, 0),
        (["--fail-under", "mean:ssim=0.9999"], 1, 0),
        (["--fail-under", "mean:0.9999"], 1, 0),
        (["--fail-over", "p95:mae=0"], 1, 0),
    ],
)
def test_thresholds(ssimtool, folders, options, code, fails):
    done = ssimtool("batch", *folders, "-f", "ndjson", "-q", *options)
    *records, summary = _lines(done.out)
    assert (done.code, summary["fail"]) == (code, fails)
    assert [r["status"] for r in records].count("fail") == fails
    assert summary["status"] == ("fail" if code else "ok")
    on_all = [t for t in summary["thresholds"] if not t["holds"]]
    assert len(on_all) == (code and not fails)
    assert ssimtool("batch", *folders, *options).out.count("FAIL ") == len(on_all)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "pass the folders"),
        (["a"], "pass the folders"),
        (["a", "b", "--pairs", "-"], "not both"),
        (["a", "b", "-0"], "--pairs"),
        (["-", "b"], "standard input is not a folder"),
        (["x.png", "y.png"], "ssimtool compare"),
        (["a", "b", "--resume"], "requires a file to continue"),
        (
            ["a", "b", "--resume", "-o", "s.csv"],
            "s.csv: cannot be resumed, only NDJSON can: pass --output",
        ),
        (
            ["a", "b", "--resume", "--overwrite", "-o", "s.ndjson"],
            "--resume or --overwrite, not both",
        ),
        (["a", "b", "--memory", "much"], "is not a size"),
        (["a", "b", "--memory", "2"], "'2' is 2 bytes, expected 16M or more; did you mean 2G?"),
        (["a", "b", "--memory", "15M"], "'15M' is 15,728,640 bytes, expected 16M or more (see"),
        (["a", "b", "--maps-for", "all"], "--maps-for: has no effect without --maps DIR"),
        (["a", "b", "-m", "mse", "--k2", "0.1"], "has no effect without ssim or ms_ssim"),
        (["a", "b", "--map-style", "gray"], "--map-style: has no effect without --maps DIR"),
        (
            ["a", "b", "--maps", "m", "--maps-for", "worst", "--worst", "0"],
            "--maps-for worst: has no effect without --worst 1 or more",
        ),
        (["--pairs", "s.csv", "--exclude", "x"], "include and exclude choose files of folders"),
        (["a", "b", "--jobs", "0"], "--jobs"),
        (["a", "b", "--maps-for", "some"], "not one of all, failed, worst"),
        (["a", "b", "--on-error", "cry"], "not one of continue, stop"),
        (["a", "b", "--fail-under", "p2:ssim=1"], "'p2' is not one of mean"),
        (["a", "b", "--fail-under", "mean:vmaf=1"], "'vmaf' is not one of"),
        (["a", "b", "--fail-under", "mean:ssim"], "STAT"),
        (
            ["a", "b", "-o", "x.png/s.ndjson"],
            "cannot write x.png/s.ndjson: not a directory",
        ),
    ],
)
def test_wrong_command_lines(ssimtool, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    for name in ("x.png", "y.png"):
        _write(tmp_path / name, np.zeros((20, 20), np.uint8))
    before = sorted(tmp_path.iterdir())
    done = ssimtool("batch", *arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert words in done.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_device_that_is_absent(ssimtool, folders, tmp_path):
    done = ssimtool("batch", *folders, "--device", "cuda:7", "-o", tmp_path / "s.ndjson")
    assert done.code == 2
    assert "cuda:7 is not present" in done.err
    assert not (tmp_path / "s.ndjson").exists()


def test_a_folder_that_is_none(ssimtool, folders, tmp_path):
    for paths, words in (
        ([folders[0], tmp_path / "none"], "none: no such folder"),
        ([tmp_path / "none", folders[1]], "none: no such folder"),
        (["--pairs", tmp_path / "none.csv"], "none.csv: no such file"),
    ):
        done = ssimtool("batch", *paths, "-f", "ndjson", "-q", "--allow-empty")
        (summary,) = _lines(done.out)
        assert (done.code, summary["pairs"], summary["status"]) == (3, 0, "error")
        assert summary["problem"]["code"] == "not_found"
        assert done.err == f"error: {summary['problem']['message']}\n"
        assert words in done.err


def test_an_empty_batch_is_valid(ssimtool, tmp_path):
    (tmp_path / "list.csv").touch()
    done = ssimtool("batch", "--pairs", tmp_path / "list.csv", "-f", "ndjson", "--allow-empty")
    assert (done.code, done.err) == (0, "")
    (summary,) = _lines(done.out)
    assert (summary["pairs"], summary["worst"], summary["problem"]) == (0, [], None)
    done = ssimtool("batch", "--pairs", tmp_path / "list.csv", "-f", "json")
    assert (done.code, done.record["pairs"]) == (3, [])
    assert done.record["summary"]["problem"]["code"] == "empty"
    assert ssimtool("batch", "--pairs", tmp_path / "list.csv", "--fail-under", "mean:0").code == 3


def test_the_formats_agree(ssimtool, folders, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    (folders[1] / "0/0006.jpg").write_bytes(b"")
    options = ["-m", "ssim", "-m", "psnr", "-q"]
    found = {
        form: ssimtool("batch", *folders, *options, "-f", form)
        for form in ("ndjson", "json", "csv", "value", "markdown", "table")
    }
    assert {done.code for done in found.values()} == {3}
    *records, summary = _lines(found["ndjson"].out)
    whole = found["json"].record
    assert whole["pairs"] == records
    assert whole["summary"] | {"elapsed_seconds": 0} == summary | {"elapsed_seconds": 0}
    rows = list(csv.DictReader(io.StringIO(found["csv"].out)))
    assert [r["reference"] for r in rows] == [r["reference"] for r in records]
    assert [float(r["ssim"]) for r in rows if r["ssim"]] == [
        r["metrics"]["ssim"] for r in records if r["metrics"]
    ]
    assert [r["error.code"] for r in rows if r["status"] == "error"] == ["not_an_image"]
    values = [line.split() for line in found["value"].out.splitlines()]
    assert len(values) == 12
    assert values.count(["nan", "nan"]) == 1
    assert [float(v) for v, _ in values if v != "nan"] == [
        r["metrics"]["ssim"] for r in records if r["metrics"]
    ]
    for form in ("markdown", "table"):
        assert f"{summary['metrics']['ssim']['mean']:.6g}" in found[form].out
        assert "/y/5/0011.jpg" in found[form].out
        assert "12 pairs: 11 ok, 1 with an error" in found[form].out
    assert all(pair["distorted"] in found["table"].out for pair in summary["worst"])  # unfolded


def test_the_suffix_of_the_output_says_what_is_in_it(ssimtool, folders, tmp_path):
    for suffix in ("ndjson", "jsonl", "json", "csv", "md"):
        path = tmp_path / f"s.{suffix}"
        done = ssimtool("batch", *folders, "-o", path)
        assert done.out.startswith("12 pairs: 12 ok")
        form = {"jsonl": "ndjson", "md": "markdown"}.get(suffix, suffix)
        told = ssimtool("batch", *folders, "-f", form).out
        assert len(path.read_text().splitlines()) == len(told.splitlines())
        assert path.read_text()[:200].split("ok")[0] == told[:200].split("ok")[0]
    done = ssimtool("batch", *folders, "-f", "csv", "-o", tmp_path / "s.ndjson")
    assert done.out == ""
    assert (tmp_path / "s.ndjson").read_text().startswith("id,reference,")
    ssimtool("batch", *folders, "-o", tmp_path / "s.txt")
    assert (tmp_path / "s.txt").read_text().startswith("12 pairs")


def test_on_error_stop(ssimtool, folders):
    (folders[1] / "1/0007.webp").write_bytes(b"")
    done = ssimtool("batch", *folders, "-f", "ndjson", "--on-error", "stop", "-q")
    *records, summary = _lines(done.out)
    assert done.code == 3
    assert [r["status"] for r in records] == ["ok"] * 3 + ["error"]
    assert (summary["pairs"], summary["interrupted"]) == (4, True)


def test_one_against_a_folder(ssimtool, folders):
    reference = folders[0] / "0/0000.png"
    done = ssimtool("batch", reference, folders[1], "-f", "ndjson", "--include", "0000.*", "-q")
    (record, _) = _lines(done.out)
    assert record["reference"] == str(reference)
    assert done.code == 0


@pytest.mark.parametrize("which", ["all", "failed", "worst"])
def test_maps(ssimtool, folders, tmp_path, which):
    options = ["--maps", tmp_path / "m", "--maps-for", which, "--worst", "2", "-q", "-f", "ndjson"]
    done = ssimtool("batch", *folders, *options, "--fail-under", "0.98")
    *records, summary = _lines(done.out)
    failed = [r for r in records if r["status"] == "fail"]
    assert 0 < len(failed) < 12
    written = sorted(str(p) for p in (tmp_path / "m").rglob("*") if p.is_file())
    told = {
        "all": [r["map"] for r in records],
        "failed": [r["map"] for r in failed],
        "worst": [w["map"] for w in summary["worst"]],
    }[which]
    assert sorted(told) == written
    assert len(told) == {"all": 12, "failed": len(failed), "worst": 2}[which]
    assert str(tmp_path / "m/0/0000.png") in told or which != "all"
    assert [r["map"] is None for r in records].count(False) == (
        0 if which == "worst" else len(told)
    )
    worst = summary["worst"][0]
    pair = worst["reference"], worst["distorted"]
    ssimtool("compare", *pair, "--map", tmp_path / "one.png", *FAST)
    (record,) = (r for r in records if r["reference"] == pair[0])
    found = Path(record["map"] or worst["map"])
    assert found.read_bytes() == (tmp_path / "one.png").read_bytes()


def test_no_two_pairs_on_one_map(ssimtool, tmp_path):
    names = ["a.png", "a.bmp", "A.png", "a.png/b.png", "../a.png", "/a.png", "a.png"]
    paths = [(tmp_path / "work" / n.replace("a.png/", "a.tif/")).resolve() for n in names]
    for path in dict.fromkeys(paths):
        if path.is_relative_to(tmp_path):
            _write(path, RNG.randint(0, 256, (20, 20)).astype(np.uint8))
    (tmp_path / "list").write_text("".join(f"{p},{p}\n" for p in paths if p.exists()))
    done = ssimtool("batch", "--pairs", tmp_path / "list", "--maps", tmp_path / "m", "-f", "ndjson")
    assert done.code == 0
    maps = [r["map"] for r in _lines(done.out)[:-1]]
    assert len(maps) == 6
    assert len({m.casefold() for m in maps}) == 6
    assert all(Image.open(m).size == (20, 20) for m in maps)


def test_maps_are_not_written_over_the_input(ssimtool, folders):
    before = (folders[1] / "1/0001.jpg").read_bytes()
    for folder in (*folders, folders[0].parent):
        done = ssimtool("batch", *folders, "--maps", folder)
        assert done.code == 2
        assert "where a map could overwrite it" in done.err
    assert (folders[1] / "1/0001.jpg").read_bytes() == before


def test_columns_and_ids_are_passed_through(ssimtool, folders, tmp_path):
    x, y = folders[0] / "1/0001.jpg", folders[1] / "1/0001.jpg"
    (tmp_path / "list.csv").write_text(
        f"model,reference,distorted,id\nvae,{x},{y},one\n,{x},gone,\n"
    )
    done = ssimtool("batch", "--pairs", tmp_path / "list.csv", "-f", "ndjson")
    one, two, summary = _lines(done.out)
    assert (one["id"], one["columns"]) == ("one", {"model": "vae"})
    assert (two["id"], two["columns"], two["status"]) == (None, {"model": ""}, "error")
    assert summary["worst"][0]["id"] == "one"


def test_lines_that_name_no_pair_are_errors(ssimtool, folders, tmp_path):
    x = folders[0] / "1/0001.jpg"
    (tmp_path / "list.csv").write_text(f"{x},{x}\nalone\n-,{x}\n,\n")
    done = ssimtool("batch", "--pairs", tmp_path / "list.csv", "-f", "ndjson")
    records = _lines(done.out)[:-1]
    assert [(r["error"] or {}).get("code") for r in records] == [
        None, "unsupported", "unsupported", "not_found",
    ]  # fmt: skip
    assert "line 2 has 1 field" in done.err


def test_a_small_budget_slows_and_does_not_end(ssimtool, folders, monkeypatch):
    monkeypatch.setattr("ssimtool.cli.parsing.LEAST_MEMORY", 1)
    done = ssimtool("batch", *folders, "-f", "ndjson", "--memory", "1K", "--jobs", "4", "-q")
    assert (done.code, len(_lines(done.out))) == (0, 13)


def test_memory_that_is_not_there(ssimtool, folders, monkeypatch):
    from ssimtool.scoring import pair as evaluate

    compare, calls = evaluate.compare, []

    def fail(pair, settings, *, execution):
        calls.append(pair)
        if len(calls) == 5:
            raise MemoryError
        return compare(pair, settings, execution=execution)

    monkeypatch.setattr(evaluate, "compare", fail)
    done = ssimtool("batch", *folders, "-f", "ndjson", "--jobs", "1")
    assert done.code == 3
    assert [r["error"]["code"] for r in _lines(done.out)[:-1] if r["error"]] == ["too_large"]
    monkeypatch.setattr(evaluate, "compare", lambda pair, settings, *, execution: 1 / 0)
    done = ssimtool("batch", *folders, "-f", "ndjson")
    assert done.code == 70  # which is no lack of memory
    assert {r["error"]["code"] for r in _lines(done.out)[:-1]} == {"internal"}


def test_quiet(ssimtool, folders):
    _write(folders[0] / "alone.png", np.zeros((20, 20), np.uint8))
    assert ssimtool("batch", *folders, "-q", "-f", "csv").err == ""
    done = ssimtool("batch", *folders, "-f", "csv")
    assert "12 pairs: 12 ok" in done.err


NAMES = ['say "hi".png', "<script>alert(1)</script>.png", "two\nlines.png", "übung 図 🙂.png",
         "a,b\t;.png", "[red]x[/red].png", "-f.png", " spaced .png"]  # fmt: skip


@pytest.fixture
def odd(tmp_path):
    """Two folders with names that stand for something elsewhere."""
    for i, name in enumerate(NAMES):
        name = name.replace("/", "∕")
        x = RNG.randint(0, 256, (20, 24, 3)).astype(np.uint8)
        _write(tmp_path / "x" / name, x)
        _write(tmp_path / "y" / name, _noisy(x, 5 + i))
    return sorted(str(p) for p in (tmp_path / "x").iterdir())


def test_names_come_through_unharmed(ssimtool, odd, tmp_path):
    ways = {}
    rows = [(x, x.replace("/x/", "/y/"), f"<{i}>") for i, x in enumerate(odd)]
    text = io.StringIO()
    csv.writer(text).writerows([("reference", "distorted", "id"), *rows])
    ways["csv"] = text.getvalue()
    ways["ndjson"] = "".join(
        json.dumps({"reference": x, "distorted": y, "id": i}) + "\n" for x, y, i in rows
    )
    for form, content in ways.items():
        (tmp_path / "list").write_text(content)
        done = ssimtool("batch", "--pairs", tmp_path / "list", "-f", "ndjson")
        records = _lines(done.out)[:-1]
        assert done.code == 0, form
        assert [(r["reference"], r["distorted"], r["id"]) for r in records] == rows
    (tmp_path / "list").write_bytes(b"".join(f"{x}\0{y}\0".encode() for x, y, _ in rows))
    done = ssimtool("batch", "--pairs", tmp_path / "list", "-0", "-f", "csv", "-q")
    found = list(csv.DictReader(io.StringIO(done.out, newline="")))
    assert [(r["reference"], r["distorted"]) for r in found] == [r[:2] for r in rows]
    done = ssimtool("batch", tmp_path / "x", tmp_path / "y", "-f", "ndjson")
    assert [r["reference"] for r in _lines(done.out)[:-1]] == odd
    table = "".join(ssimtool("batch", tmp_path / "x", tmp_path / "y").out.split())
    markdown = ssimtool("batch", tmp_path / "x", tmp_path / "y", "-f", "markdown").out
    assert "two\\nlines.png" in table
    assert "[red]x" in table
    assert "\\<script\\>" in markdown
    assert "<script>" not in markdown
