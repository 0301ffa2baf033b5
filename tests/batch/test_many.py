"""`ssimtool.compare_many`: the records of a batch, from Python."""

from __future__ import annotations

import gc
import json
import logging
import threading
from itertools import count

import numpy as np
import pytest
import torch
from PIL import Image

import ssimtool
from ssimtool.batch.pool import THREAD_NAME
from ssimtool.records.comparison import Comparison

WHITE = np.full((16, 16), 255, np.uint8)


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(2)
    for name in ("a", "b"):
        (tmp_path / name / "deep").mkdir(parents=True)
    for n, place in enumerate(["0.png", "1.png", "deep/2.png"]):
        image = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / "a" / place)
        Image.fromarray(image // (n + 1)).save(tmp_path / "b" / place)
    (tmp_path / "b" / "1.png").write_bytes(b"nothing")
    Image.fromarray(WHITE).save(tmp_path / "b" / "alone.png")
    return tmp_path / "a", tmp_path / "b"


def test_folders_give_the_records_of_batch(command_line, folders):
    done = command_line("batch", *folders, "-f", "ndjson")
    *expected, summary = map(json.loads, done.out.splitlines())
    found = ssimtool.compare_many(*folders)
    assert list(found.unmatched.distorted) == summary["unmatched"]["distorted"]
    records = list(found)
    assert [r.reference for r in records] == [r["reference"] for r in expected]
    assert [r.status for r in records] == ["ok", "error", "ok"]
    assert [dict(r.metrics) for r in records][2] == expected[2]["metrics"]
    assert records[1].error.code == expected[1]["error"]["code"]
    assert [r.distorted for r in ssimtool.compare_many(*folders, include=["2*"])] == [
        str(folders[1] / "deep" / "2.png")
    ]


def test_images_in_memory_and_paths_together(folders):
    path = folders[0] / "0.png"
    image = Image.open(path)
    pairs = [
        (path, image),
        (str(path), torch.from_numpy(np.array(image)).permute(2, 0, 1)),
        (WHITE, path),
        (WHITE, WHITE - 4),
    ]
    found = list(ssimtool.compare_many(iter(pairs), metrics="mse", jobs=2))
    assert [r.status for r in found] == ["ok", "ok", "error", "ok"]
    assert [r.metrics.get("mse") for r in found] == [0, 0, None, 16]
    assert [r.distorted for r in found[1:]] == ["<tensor>", str(path), "<array>"]
    assert np.array_equal(WHITE, np.full((16, 16), 255))  # never written to


def test_a_mask_holds_for_every_pair():
    mask = np.zeros((16, 16), bool)
    mask[:, :3] = True
    other = WHITE.copy()
    other[:, 3:] = 0
    (found,) = ssimtool.compare_many([(WHITE, other)], metrics="mse", mask=mask)
    assert (found.metrics["mse"], found.counted, found.mask) == (0, 48, "<array>")


def test_the_order_is_that_of_the_pairs():
    images = [np.full((16 + 40 * (n % 3), 16), n, np.uint8) for n in range(60)]
    pairs = [(image, np.zeros_like(image)) for image in images]
    found = ssimtool.compare_many(pairs, metrics="mse", jobs=5)
    assert [r.metrics["mse"] for r in found] == [n * n for n in range(60)]


def test_a_loop_that_is_left_begins_nothing_more():
    begun = []

    def endless():
        for number in count():
            begun.append(number)
            yield WHITE, WHITE

    before = threading.active_count()
    found = ssimtool.compare_many(endless(), metrics="mse", jobs=2)
    assert next(found).status == "ok"
    found.close()
    assert next(found, None) is None
    del found
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(60)  # seconds, far more than a pair takes
    after = len(begun)
    assert threading.active_count() <= before
    assert after == len(begun) < 1000


def test_a_table_of_pandas(folders):
    table = ssimtool.compare_many(*folders, metrics=["ssim", "psnr"]).to_pandas()
    assert len(table) == 3
    assert list(table["status"]) == ["ok", "error", "ok"]
    assert table["metrics.psnr"][0] == float("inf")
    assert table["error.code"][1] == "not_an_image"
    assert table["definition.name"][0] == "wang2004"


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="to_pandas needs pandas: pip install"):
        ssimtool.compare_many([]).to_pandas()


def test_no_pairs():
    assert list(ssimtool.compare_many([])) == []


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((["a.png"],), {}, TypeError, "'a.png' is not a pair"),
        (([(1, 2)],), {}, TypeError, "int is not an image"),
        (("a",), {}, TypeError, "distorted is missing"),
        (([], "b"), {}, TypeError, "expected two folders, or pairs"),
        (([],), {"jobs": 0}, ValueError, "jobs is 0"),
        (([(WHITE, WHITE)],), {"device": "cuda:77"}, ValueError, "cuda:77 is not present"),
    ],
)
def test_wrong_arguments(arguments, options, error, words):
    with pytest.raises(error, match=words):
        list(ssimtool.compare_many(*arguments, **options))


def test_errors_name_the_arguments_of_python():
    (record,) = ssimtool.compare_many([(WHITE * 1.0, WHITE * 1.0)])
    assert "pass data_range (e.g. " in record.error.message


def test_records_are_records():
    (record,) = ssimtool.compare_many([(WHITE, WHITE)])
    assert isinstance(record, Comparison)
    assert record.identical


def test_a_second_run_adds_no_handler():
    """A process may compare for days."""
    pair = [(np.zeros((16, 16), np.uint8),) * 2]
    counts = []
    for _ in range(3):
        list(ssimtool.compare_many(pair, metrics="mse"))
        counts.append([len(logging.getLogger(name).handlers) for name in ("PIL", "imagecodecs")])
    assert counts[0] == counts[1] == counts[2]
