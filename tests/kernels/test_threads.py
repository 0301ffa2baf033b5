"""Threads: how many, who shares, and that no result depends on them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numba import njit

from ssimtool import devices as of_process
from ssimtool import ssim_loss, ssim_map
from ssimtool.kernels import threads
from ssimtool.kernels.compiled.tasks import next_task


@pytest.fixture
def restored():
    """Leaves the number of threads as it was."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_same_bits_whatever_the_threads(monkeypatch, restored):
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 2, 3, 301, 211, generator=generator)
    results = []
    for count in (1, 2, 3, 8, 2):
        torch.set_num_threads(count)
        a = x.clone().requires_grad_()
        loss = ssim_loss(a, y, data_range=1, backend="fused")
        loss.sum().backward()
        ssim = ssim_map(x, y, data_range=1, backend="fused")
        results.append((loss.detach(), a.grad, ssim))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@njit(nogil=True)
def take(queue):
    return next_task(queue)


@njit(nogil=True)
def count(queue, done):
    """Counts how often each task is taken."""
    task = next_task(queue)
    while task >= 0:
        done[task] += 1
        task = next_task(queue)


def taken(queue, at_once):
    """Tasks of a queue, as a kernel takes them."""
    for _ in range(at_once):
        task = take(queue)
        if task < 0:
            return
        yield task


def test_each_task_is_taken_once():
    done = np.zeros(1_000_000, np.int64)
    queue = np.array((0, len(done)), np.int64)
    count(np.zeros(2, np.int64), done)  # compiles it
    with ThreadPoolExecutor(4) as pool:
        for thread in [pool.submit(count, queue, done) for _ in range(4)]:
            thread.result()
    assert np.all(done == 1)
    assert take(queue) == -1


def test_a_call_takes_no_more_than_some_milliseconds(monkeypatch):
    """So that Ctrl-C is seen between two calls."""
    calls = []
    monkeypatch.setattr(threads, "SAMPLES_PER_CALL", 1000)
    threads.share(lambda queue, at_once: calls.append(list(taken(queue, at_once))), 10, 3000)
    assert calls == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]


def running_at_once(tasks, samples):
    """The largest number of pieces that ran at once, and which tasks were done."""
    lock, now, most, done = threading.Lock(), 0, 0, []

    def work(queue, at_once):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        for task in taken(queue, at_once):
            done.append(task)
            time.sleep(0.005)
        with lock:
            now -= 1

    threads.share(work, tasks, samples)
    return most, sorted(done)


def test_no_more_threads_than_torch_has(monkeypatch, restored):
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        assert running_at_once(50, 1 << 24) == (count, list(range(50)))
    assert running_at_once(2, 1 << 24) == (2, [0, 1])  # no more than there are tasks


def test_small_work_is_done_by_the_caller(restored):
    torch.set_num_threads(2)
    assert running_at_once(50, threads.SAMPLES_PER_THREAD - 1) == (1, list(range(50)))


def test_a_worker_that_says_so_computes_alone(monkeypatch, restored):
    """Many images over a pool: one thread each, and no pool below."""
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    torch.set_num_threads(4)

    def worker():
        torch.set_num_threads(1)
        return threads.thread_count(), running_at_once(20, 1 << 24)[0]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(worker).result() == (1, 1)
    assert threads.thread_count() == 4  # of this thread, as before


def test_callers_share_the_cores(monkeypatch, restored):
    """A pool of a user's own, whose workers say nothing: no more threads than cores."""
    monkeypatch.setattr(threads, "usable_cores", lambda: 3)
    torch.set_num_threads(3)
    crew = threads.Crew()
    with crew.taken(3) as first:
        with crew.taken(3) as second:
            with crew.taken(3) as third:
                assert (first, second, third) == (3, 1, 1)  # a caller computes in any case
            with crew.taken(1) as alone:
                assert alone == 1
        assert crew.busy == 3
    with crew.taken(1), crew.taken(3) as rest:
        assert rest == 2
    assert crew.busy == 0


def test_a_small_caller_waits_for_no_large_one(monkeypatch, restored):
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    torch.set_num_threads(2)
    begun, end = threading.Event(), threading.Event()

    def large(queue, at_once):
        list(taken(queue, at_once))
        begun.set()
        end.wait(20)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(threads.share, large, 2, 1 << 24)
        begun.wait(20)
        done = []
        threads.share(lambda queue, at_once: done.extend(taken(queue, at_once)), 2, 1 << 24)
        assert not other.done()  # it ended while the large one did not
        assert done == [0, 1]
        end.set()


def test_an_error_ends_the_work(monkeypatch, restored):
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    torch.set_num_threads(2)
    caller, begun, done = threading.get_ident(), threading.Event(), []

    def work(queue, at_once):
        if threading.get_ident() == caller:
            begun.wait(20)
            raise MemoryError
        begun.set()
        done.append(take(queue))
        time.sleep(0.005)

    with pytest.raises(MemoryError):
        threads.share(work, 1000, 1 << 24)
    assert len(done) < 500  # the other thread takes no further task


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_the_limit_of_a_container(tmp_path, quota, cores):
    for name, text in quota.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert of_process.container_limit(tmp_path) == cores


def test_the_limits_count(monkeypatch, restored):
    torch.set_num_threads(7)
    monkeypatch.setattr(of_process, "container_limit", lambda: 3)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(5)))
        assert threads.thread_count() == 3
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
        assert threads.thread_count() == 1


PROBE = """
import torch
from ssimtool.kernels import threads
from ssimtool.kernels.compiled.tasks import next_task
print(threads.thread_count())
"""


def test_omp_num_threads_is_respected():
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1"]


FORK = """
import os, torch
from ssimtool import ssim
x, y = torch.rand(2, 1, 3, 400, 300)  # what torch itself does on threads hangs in a fork
before = ssim(x, y, data_range=1, backend="fused").item()
child = os.fork()
if child == 0:
    os._exit(0 if ssim(x, y, data_range=1, backend="fused").item() == before else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_computes_as_well():
    """As the workers of a DataLoader are made: the parent's waiting threads are not in them."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], timeout=120, check=False)
    assert done.returncode == 0


PEAK = """
import resource, numpy as np, torch
from ssimtool import ssim
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (3000, 3000, 3), dtype=np.uint8)
x, y = (torch.from_numpy(a).permute(2, 0, 1)[None] for a in (x, x ^ 1))
ssim(x[:, :, :99], y[:, :, :99], data_range=255, backend="fused")  # compiles
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ssim(x, y, data_range=255, backend="fused")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="ru_maxrss is in KiB on Linux")
def test_nothing_of_the_size_of_the_image_is_allocated():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4096  # KiB; one 8-bit channel would be 8789
