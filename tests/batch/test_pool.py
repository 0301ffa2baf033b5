"""Threads, order, bounds: nothing here computes anything."""

from __future__ import annotations

import threading
import time

import pytest

from ssimtool.batch.pool import AHEAD, Batch, Budget


def test_results_come_in_the_order_of_the_items():
    def work(number):
        time.sleep(0.02 if number % 5 == 0 else 0.001)
        return number * number

    assert list(Batch(work, jobs=4).run(range(60))) == [n * n for n in range(60)]
    assert list(Batch(work, jobs=4).run([])) == []


def test_a_result_comes_while_the_input_waits():
    more = threading.Event()

    def items():
        yield 1
        more.wait()
        yield 2

    results = Batch(lambda n: n, jobs=2).run(items())
    assert next(results) == 1
    more.set()
    assert list(results) == [2]


def test_threads_work_at_the_same_time():
    together = threading.Barrier(3, timeout=10)
    assert len(list(Batch(lambda n: together.wait(), jobs=3).run(range(6)))) == 6


def test_only_so_much_is_read_ahead():
    read = []

    def items():
        for number in range(1000):
            read.append(number)
            yield number

    results = Batch(lambda n: n, jobs=2).run(items())
    next(results)
    time.sleep(0.1)
    assert len(read) <= 2 * AHEAD + 3
    assert list(results) == list(range(1, 1000))


def test_what_fails_is_raised_in_its_place():
    def work(number):
        if number == 3:
            raise ValueError("three")
        return number

    results = Batch(work, jobs=2).run(range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)

    def items():
        yield from range(3)
        raise OSError("of the input")

    results = Batch(lambda n: n, jobs=2).run(items())
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="of the input"):
        next(results)


def test_stopped_it_gives_what_is_done():
    hold, begun = threading.Event(), threading.Semaphore(0)

    def work(number):
        if number == 1:
            begun.release()
            hold.wait()
        return number

    batch = Batch(work, jobs=2)
    results = batch.run(iter(range(10**9)))
    assert next(results) == 0
    begun.acquire()
    time.sleep(0.1)  # the other thread is as far ahead as it may be by now
    batch.stop()
    rest = list(results)
    assert 1 not in rest
    assert rest == sorted(rest)
    assert len(rest) >= AHEAD
    assert not batch.wait(0)
    hold.set()
    assert batch.wait(10)


def test_left_alone_its_threads_end():
    batch = Batch(lambda n: n, jobs=2)
    results = batch.run(iter(range(10**9)))
    next(results)
    results.close()
    assert batch.wait(10)


def test_the_budget_is_kept():
    budget, lock, most = Budget(10), threading.Lock(), [0, 0]

    def work(amount):
        with budget.share() as take:
            take(amount)
            with lock:
                most[0] += amount
                most[1] = max(most[1], most[0])
            time.sleep(0.001)
            with lock:
                most[0] -= amount

    list(Batch(work, jobs=8).run([3, 4, 5, 1, 2] * 20))
    assert 5 < most[1] <= 10
    assert budget.used == 0


def test_what_is_larger_than_all_waits_and_is_alone():
    budget, beside = Budget(10), []

    def work(amount):
        with budget.share() as take:
            take(amount)
            if amount > 10:
                time.sleep(0.02)
                beside.append(budget.used)
            time.sleep(0.001)

    list(Batch(work, jobs=6).run([4, 4, 4, 1000, 4, 4, 10**12, 4, 4]))
    assert beside == [1000, 10**12]


def test_a_large_amount_is_not_admitted_beside_others():
    budget, used = Budget(10), []

    def take(amount):
        budget.take(amount)
        used.append(budget.used)

    budget.take(4)
    large = threading.Thread(target=take, args=(1000,), daemon=True)
    large.start()
    large.join(0.2)  # it would be admitted at once
    assert used == []
    budget.give(4)
    large.join(10)
    assert used == [1000]
    small = threading.Thread(target=take, args=(1,), daemon=True)
    small.start()
    small.join(0.2)
    assert used == [1000]
    budget.give(1000)
    small.join(10)
    assert used == [1000, 1]


def test_the_budget_serves_in_the_order_of_asking():
    budget, served = Budget(10), []

    def take(amount):
        budget.take(amount)
        served.append(amount)

    budget.take(8)
    threads = [threading.Thread(target=take, args=(n,), daemon=True) for n in (5, 1)]
    for waiting, thread in enumerate(threads, 1):  # 1 would fit beside 8, but 5 came first
        thread.start()
        _until(lambda waiting=waiting: len(budget._waiting) == waiting)
    assert served == []
    budget.give(8)
    for thread in threads:
        thread.join(10)
    assert sorted(served) == [1, 5]


def _until(holds):
    """Waits until something holds that another thread brings about."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_budget_is_given_back_after_an_error():
    budget = Budget(10)

    def fail():
        with budget.share() as take:
            take(7)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert budget.used == 0
