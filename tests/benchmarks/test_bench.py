"""The benchmark runs: small sizes, one run, and the C loop computes what ssimtool does."""

from __future__ import annotations

import json

import make_benchmark_tables
import numpy as np
import pytest

pytest.importorskip("resource", reason="measures time and memory as Unix counts them")

import torch
from benchmarks import (
    bench,
    bench_kernels,
    beside,
    definitions,
    inprocess,
    multiscale,
    peers,
    probe,
    report,
    timing,
    training,
)

from ssimtool import ms_ssim_loss, ssim_loss


def test_bench_writes_what_it_measured(tmp_path, capsys, monkeypatch):
    # in this process, which has the libraries loaded
    monkeypatch.setattr(bench, "in_its_own_process", bench.run_section)
    path = tmp_path / "found.json"
    options = ["--small", "--runs", "1", "--threads", "1", "--json", str(path)]
    threads = torch.get_num_threads()
    try:
        bench.main(["--only", "in-process", "training", "ms-ssim", *options])
    finally:
        torch.set_num_threads(threads)
    found = json.loads(path.read_text())
    for name, cases in (("in-process", 8), ("training", 3), ("ms-ssim", 5)):
        ours = [m for m in found[name]["measured"] if m["contender"] == "ssimtool"]
        assert len(ours) == cases
        assert all(m["rate"] > 0 and m["times_ours"] == 1 for m in ours)
    assert len(found["training"]["targets"]) == 3
    assert "### targets" in capsys.readouterr().out
    made = make_benchmark_tables.tables(found)
    assert set(made) == {"arrays-uint8", "arrays-float32", "training", "ms-ssim"}
    assert [row[0] for row in made["training"][1:]] == list(training.PEERS)


def test_every_definition_is_measured_beside_its_library():
    x, y = inprocess.pair((1, 3, 400, 420))
    for name, (library, peer) in definitions.LIBRARIES.items():
        found, absent = peers.prepared({library: peer}, x, y, 1)
        exact = ssim_loss(x.double(), y.double(), data_range=255, definition=name).item()
        assert len(found) + len(absent) == 1
        for loss in found.values():  # in float32 theirs lose some digits
            assert loss() == pytest.approx(exact, rel=1e-4), name


def test_every_peer_that_is_there_computes_ssim():
    x, y = inprocess.pair((2, 3, 48, 64))
    exact = ssim_loss(x.double(), y.double(), data_range=255).mean().item()
    found, absent = peers.prepared(peers.PEERS, x, y, 1)
    assert "ssimtool" in found
    assert set(found) | set(absent) == set(peers.PEERS)
    for name, loss in found.items():
        # of the whole map with mirrored borders, noise has nearly the same mean
        other = "another definition" in peers.NOTES.get(name, "")
        assert loss() == pytest.approx(exact, rel=0.05 if other else 1e-4), name


def test_every_peer_that_is_there_computes_ms_ssim():
    x, y = inprocess.pair((1, 3, 176, 192))
    exact = ms_ssim_loss(x.double(), y.double(), data_range=255).mean().item()
    found, _ = peers.prepared(multiscale.PEERS, x, y, 1)
    assert "ssimtool" in found
    for name, loss in found.items():
        # torchmetrics averages the channels before the product and mirrors the border at the end;
        # pytorch-msssim's float32 window moves its number, 0.994, by up to 6e-6
        bound = 0.05 if name == "torchmetrics" else 1e-3
        assert loss() == pytest.approx(exact, rel=bound), name


@pytest.mark.parametrize(
    "shape", [(1, 1, 11, 11), (3, 1, 77, 600), (1, 3, 150, 91), (2, 4, 70, 40)]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_c_loop_agrees(shape, threads):
    x, y = inprocess.pair(shape)
    try:
        loss = peers.c_loop(x, y, threads)
    except ImportError as error:
        pytest.skip(str(error))
    exact = ssim_loss(x.double(), y.double(), data_range=255).mean().item()
    assert loss() == pytest.approx(exact, abs=1e-6)


def test_ratios_are_those_within_rounds():
    slow = timing.Times(tuple(timing.Sample(s, 1) for s in (2.0, 40.0, 6.0)))
    fast = timing.Times(tuple(timing.Sample(s, 1) for s in (1.0, 10.0, 3.0)))
    assert slow.over(fast) == 2
    rows = report.measured("", "case", {"ssimtool": fast, "other": slow}, {"gone": "absent"}, 6, "")
    assert report.times_ours(rows, "case", "other") == 2
    assert report.value(rows, "case", "gone") is None
    assert [m.cell for m in rows] == ["2 (1×)", "1 (2×)", "absent"]


def test_targets_tell_what_holds():
    assert report.Target("", 2, 2).holds
    assert report.Target("", 2, 2.1, at_least=False).holds is False
    assert report.Target("", None, 2).holds is None
    assert report.Target("", 2, None).holds is None


def test_threads_stand_again_after_a_run_on_one():
    before = torch.get_num_threads()
    try:
        peers.ssimtool_on_one_thread(*inprocess.pair((1, 1, 32, 32)), 2)()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_ratios_of_two_checkouts_are_those_within_turns():
    found = beside.ratios([2.0, 40.0, 6.0, 8.0], [1.0, 10.0, 3.0, 2.0])
    assert found.median == 3  # of 2, 4, 2 and 4
    assert found.quartiles == (2, 4)
    assert found.fastest == 2
    assert found.row == "3.000 | 2.000 to 4.000 | 2.000"


def test_this_checkout_takes_turns_with_itself(capsys):
    options = ["--small", "--only", "in-process", "--cases", "512×512 uint8, 1 thread"]
    short = ["--turns", "2", "--processes", "1", "--seconds", "0.001", "--threads", "1"]
    beside.main([str(beside.TESTS.parent), *options, *short])
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header == "| case | median | quartiles | fastest |"
    assert [row.split(" | ")[0] for row in rows] == ["| 512×512 uint8, 1 thread"]
    assert float(rows[0].split(" | ")[1]) > 0


def test_the_probe_multiplies_and_adds():
    for chains in probe.CHAINS:
        values = np.full(2 + chains * probe.lanes(), 0.5, np.float32)
        values[0] = 0.25
        probe.multiply_and_add(values, 2, (0,) * chains)
        assert values[0] == 0.25
        # 0.5, then 0.25 · 0.5 + 0.5, then 0.25 · 0.625 + 0.5
        assert set(values[2:].tolist()) == {0.65625}
    assert probe.rate(1) > 0
    assert probe.limit(1) > 0


def test_the_kernels_beside_their_limit(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench_kernels, "instruction_sets", lambda: {"this processor": None})
    path = tmp_path / "kernels.json"
    bench_kernels.main(["--small", "--runs", "1", "--threads", "1", "--json", str(path)])
    out = capsys.readouterr().out
    assert "### Forward pass" in out
    made = make_benchmark_tables.tables(json.loads(path.read_text()))
    assert set(made) == {"kernels", "steps"}
    forward, steps = made["kernels"][1:], made["steps"][1:]
    assert [row[:3] for row in forward] == [
        ("this processor", k, "1") for k in ("uint8", "float32")
    ]
    assert all(0 < float(row[4]) for row in forward)
    assert [row[1] for row in steps] == [*bench_kernels.STEPS, bench_kernels.SMALL_STEP]
    assert all(float(row[3]) > 0 for row in steps)


def test_instruction_sets_are_those_of_the_processor(monkeypatch):
    from llvmlite import binding

    features = {"sse4.2": True, "avx2": True, "avx512f": False}
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: features)
    assert list(bench_kernels.instruction_sets()) == ["AVX2", "SSE"]
    monkeypatch.setattr(binding, "get_host_cpu_features", dict)
    assert bench_kernels.instruction_sets() == {"this processor": None}
