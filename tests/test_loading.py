"""Threads that load torch while others compute."""

from __future__ import annotations

import json
import sys
import threading
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from ssimtool.batch.pair_reader import Resources
from ssimtool.batch.worker import Scorer
from ssimtool.catalog import METRICS
from ssimtool.kernels.threads import thread_count
from ssimtool.loading import LOADING, part_of_loaded
from ssimtool.readers.align import Reading, read_pair
from ssimtool.readers.frames import PairFrames
from ssimtool.readers.memory import open_memory
from ssimtool.readers.regions import RegionOfInterest
from ssimtool.scoring.numbers import function_of
from ssimtool.scoring.pair import compare, map_of
from ssimtool.settings import CompareSettings

REGION = RegionOfInterest(regions=((0, 0, 16, 16),))
SETTINGS = CompareSettings(device="cpu")
WHITE = np.full((20, 20), 255, np.uint8)
PAIRS = 40


def _scorer():
    return Scorer(Reading(), SETTINGS, Resources(jobs=2, memory=1 << 30))


def _score_alone():
    _scorer()._compute_alone()


def _open_array():
    open_memory(WHITE)


def test_parts_of_packages_that_are_not_loaded_do_not_exist():
    assert part_of_loaded("numpy", "ndarray") is np.ndarray
    assert part_of_loaded("numpy", "no such part") is None
    assert part_of_loaded("no such package", "part") is None


@pytest.mark.parametrize("use", [_score_alone, _open_array, thread_count])
def test_a_half_loaded_torch_is_not_used(monkeypatch, use):
    """As another thread sees it that comes while torch is imported."""
    monkeypatch.setitem(sys.modules, "torch", ModuleType("torch"))
    use()


def _pair(dtype=np.uint8):
    return read_pair(WHITE.astype(dtype), WHITE.astype(dtype), Reading(data_range=255))


@pytest.mark.parametrize(
    "load",
    [
        lambda: _scorer()._reader._with_mask(PairFrames(_pair()), REGION),
        lambda: compare(_pair(np.float16), SETTINGS),
        lambda: map_of(_pair(np.float16), SETTINGS),
        lambda: function_of(METRICS["ssim"]),
        lambda: _scorer()._load(lambda more: None),
    ],
    ids=["mask", "float16", "map", "metric", "start"],
)
def test_one_thread_at_a_time_loads_torch(load):
    loaded = threading.Thread(target=load, daemon=True)
    with LOADING:
        loaded.start()
        loaded.join(0.2)
        assert loaded.is_alive()
    loaded.join(60)
    assert not loaded.is_alive()


@pytest.fixture
def folders(tmp_path):
    """Forty pairs of PNG, and a first pair of float16, for which torch is loaded."""
    rng = np.random.default_rng(0)
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "000.npy", rng.random((96, 96), np.float32).astype(np.float16))
        for i in range(1, PAIRS + 1):
            image = rng.integers(0, 256, (96, 96, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{i:03}.png")
    return tmp_path / "x", tmp_path / "y"


def _statuses(out):
    return [json.loads(line)["status"] for line in out.splitlines()]


def test_a_pair_that_needs_torch_among_others(process, folders):
    done = process("batch", *folders, "-f", "ndjson", "--jobs", "4")
    assert (done.code, done.err) == (0, "")
    assert _statuses(done.out) == ["ok"] * (PAIRS + 2)


def test_a_mask_among_pairs_without_one(process, folders, tmp_path):
    Image.fromarray(np.eye(96, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    lines = [f"{folders[0]}/{i:03}.png,{folders[1]}/{i:03}.png," for i in range(1, PAIRS + 1)]
    lines[0] += f"{tmp_path}/mask.png"
    (tmp_path / "list.csv").write_text("\n".join(["reference,distorted,mask", *lines]))
    done = process("batch", "--pairs", tmp_path / "list.csv", "-f", "ndjson", "--jobs", "4", "-q")
    assert _statuses(done.out) == ["ok"] * (PAIRS + 1)
