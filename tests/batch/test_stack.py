"""Pairs computed together, on the CPU: what a GPU does with them but for the copying."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ssimtool.batch import stack as evaluate_stack
from ssimtool.batch.stack import Stacker, compare_stack
from ssimtool.catalog import DEFINITIONS
from ssimtool.devices import Execution
from ssimtool.errors import SsimtoolError
from ssimtool.readers.samples import Pair
from ssimtool.records.verdicts import Threshold
from ssimtool.scoring import pair as evaluate
from ssimtool.settings import CompareSettings

CPU = Execution(device="cpu", backend="torch")
RNG = np.random.RandomState(0)
HOW = CompareSettings(
    metrics=("ssim", "mse", "mae", "psnr"),
    thresholds=(Threshold("ssim", "under", 0.9),),
    device="cpu",
    backend="torch",
)


def _pair(number, shape=(20, 30, 3), dtype=np.uint8):
    x = RNG.randint(0, 200, shape).astype(dtype)
    y = (x + RNG.randint(0, 1 + number, shape)).astype(dtype)
    return Pair(
        reference_path=f"x{number}", distorted_path=f"y{number}", reference=x, distorted=y,
        data_range=255, sample_type=str(np.dtype(dtype)),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_ms_ssim_is_what_compare_says(dtype):
    how = CompareSettings(
        metrics=("ms_ssim", "ssim", "mse"), scales=3, device="cpu", backend="torch"
    )
    pairs = [_pair(number, (45, 51, 3), dtype) for number in (0, 7, 90)]
    for pair, found in zip(pairs, compare_stack(pairs, how, CPU), strict=True):
        one = evaluate.compare(pair, how)
        # sums of another order, in float64
        assert found.metrics == pytest.approx(one.metrics, rel=1e-12, abs=1e-13)
        assert found.per_channel["ms_ssim"] == pytest.approx(
            one.per_channel["ms_ssim"], rel=1e-12, abs=1e-13
        )
        assert found.scales == one.scales == 3


@pytest.fixture
def asked_for(monkeypatch):
    """How many pairs each stack had."""
    sizes = []

    def counted(pairs, how, execution):
        sizes.append(len(pairs))
        return compare_stack(pairs, how, CPU)

    monkeypatch.setattr(evaluate_stack, "compare_stack", counted)
    return sizes


def _together(stacker, pairs):
    """All at once, from a thread each; the records or the errors."""
    gate = threading.Barrier(len(pairs))

    def ask(pair):
        gate.wait()
        try:
            return stacker.compare(pair)
        except (SsimtoolError, RuntimeError, ZeroDivisionError) as error:
            return error

    with ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(ask, pairs))


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
@pytest.mark.parametrize("shape", [(20, 30, 3), (11, 12, 1), (40, 30, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_each_is_what_compare_says(definition, shape, dtype):
    how = CompareSettings(
        metrics=HOW.metrics, definition=definition, thresholds=HOW.thresholds,
        device="cpu", backend="torch",
    )  # fmt: skip
    pairs = [_pair(number, shape, dtype) for number in (0, 3, 40, 5)]
    for pair, found in zip(pairs, compare_stack(pairs, how, CPU), strict=True):
        one = evaluate.compare(pair, how)
        # sums of another order, in float64
        assert found.metrics == pytest.approx(one.metrics, rel=1e-12, abs=1e-13)
        for name, values in one.per_channel.items():
            assert found.per_channel[name] == pytest.approx(values, rel=1e-12, abs=1e-13)
        assert (found.status, found.identical, found.backend, found.reference) == (
            one.status, one.identical, one.backend, one.reference,
        )  # fmt: skip


def test_threads_get_their_own_pairs(asked_for):
    stacker = Stacker(HOW, CPU)
    pairs = [_pair(n, (20, 30, 3) if n % 3 else (16, 16, 1)) for n in range(24)]
    for pair, found in zip(pairs, _together(stacker, pairs), strict=True):
        assert found.reference == pair.reference_path
        assert (found.width, found.height) == pair.reference.shape[1::-1]
        assert found.metrics["mse"] == pytest.approx(
            np.mean((pair.reference.astype(float) - pair.distorted) ** 2)
        )
    stacker.close()
    assert sum(asked_for) == 24


def test_while_one_stack_is_computed_the_next_one_gathers(monkeypatch):
    sizes, begun, go_on = [], threading.Event(), threading.Event()

    def slow(pairs, how, execution):
        sizes.append(len(pairs))
        begun.set()
        go_on.wait()
        return compare_stack(pairs, how, CPU)

    monkeypatch.setattr(evaluate_stack, "compare_stack", slow)
    stacker = Stacker(HOW, CPU, most=4)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(stacker.compare, _pair(0))
        assert begun.wait(10)
        others = [pool.submit(stacker.compare, _pair(n)) for n in range(1, 7)]
        while stacker._queue.qsize() < 6:
            pass
        go_on.set()
        assert [f.result().reference for f in (first, *others)] == [f"x{n}" for n in range(7)]
    assert sizes == [1, 4, 2]
    stacker.close()


def test_too_little_memory_halves_the_stack(monkeypatch):
    sizes = []

    def little(pairs, how, execution):
        sizes.append(len(pairs))
        if len(pairs) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return compare_stack(pairs, how, CPU)

    monkeypatch.setattr(evaluate_stack, "compare_stack", little)
    stacker = Stacker(HOW, CPU)
    waiting = [evaluate_stack._Waiting(_pair(n)) for n in range(12)]
    stacker._compute(waiting)
    assert [one.outcome.reference for one in waiting] == [f"x{n}" for n in range(12)]
    assert sizes == [12, 6, 3, 3, 3, 3]  # and stays halved
    stacker.close()


def test_a_pair_that_alone_does_not_fit_is_an_error(monkeypatch):
    def none(pairs, how, execution):
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(evaluate_stack, "compare_stack", none)
    stacker = Stacker(HOW, CPU)
    with pytest.raises(RuntimeError, match="out of memory"):
        stacker.compare(_pair(0))
    monkeypatch.setattr(evaluate_stack, "compare_stack", lambda pairs, how, execution: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # a bug keeps its traceback, and the next is answered
        stacker.compare(_pair(0))
    monkeypatch.setattr(evaluate_stack, "compare_stack", compare_stack)
    assert stacker.compare(_pair(0)).reference == "x0"
    stacker.close()


def test_what_is_wrong_with_one_is_not_wrong_with_all():
    good, huge = _pair(1, dtype=np.float64), _pair(2, dtype=np.float64)
    huge.reference[:] *= 1e200
    found = compare_stack([good, huge, good], HOW, CPU)
    assert [getattr(f, "code", None) for f in found] == [None, "non_finite", None]
    stacker = Stacker(HOW, CPU)
    small = [_pair(n, (5, 5, 1)) for n in range(3)]
    found = _together(stacker, [*small, good])
    assert [getattr(f, "code", None) for f in found] == ["too_small"] * 3 + [None]
    stacker.close()


def test_a_batch_computes_by_stacks(ssimtool, tmp_path, monkeypatch, asked_for):
    """As on a GPU: the device is said to be one, and the arrays stay where they are."""
    from PIL import Image

    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for i in range(30):
            pixels = RNG.randint(0, 256, (20, 20 + i % 2, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i:02}.png")
    folders = tmp_path / "x", tmp_path / "y"
    before = ssimtool("batch", *folders, "-f", "value", "--device", "cpu", "--backend", "torch")
    monkeypatch.setattr("ssimtool.batch.worker.computes_together", lambda execution: True)
    options = ["--device", "cpu", "--backend", "torch", "--jobs", "3"]
    done = ssimtool("batch", *folders, "-f", "value", *options)
    assert done.code == 0
    assert sum(asked_for) == 30
    numbers = [np.fromstring(d.out, sep=" ") for d in (before, done)]
    assert numbers[1] == pytest.approx(numbers[0], rel=1e-12)


def test_only_pairs_of_one_kind_are_computed_together():
    pair = _pair(9)
    others = (
        replace(pair, data_range=1023),  # a stack is computed with that of its first pair
        _pair(9, (20, 31, 3)),
        _pair(9, dtype=np.uint16),
        replace(pair, distorted=pair.distorted.astype(np.uint16)),
    )
    assert evaluate_stack._kind(pair) == evaluate_stack._kind(_pair(3))
    assert all(evaluate_stack._kind(other) != evaluate_stack._kind(pair) for other in others)
