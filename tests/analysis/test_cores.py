"""Turns, so many at once, first come, first served; and work side by side."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from dxr_dash.analysis.cores import Turns, n_cores, side_by_side

PATIENCE_S = 60


def until(turns: Turns, n_waiting: int) -> None:
    """Wait until so many threads stand in line."""
    end = time.monotonic() + PATIENCE_S
    while len(turns._waiting) < n_waiting:
        assert time.monotonic() < end


def test_who_asks_again_stands_behind_those_who_wait() -> None:
    turns, order = Turns(1), list[str]()

    def work(name: str) -> None:
        with turns:
            order.append(name)

    waiting = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    with turns:
        for place, thread in enumerate(waiting, 1):
            thread.start()
            until(turns, place)
    with turns:  # at once again: a semaphore would let it in before them
        order.append("again")
    for thread in waiting:
        thread.join()
    assert order == ["a", "b", "c", "again"]


def test_no_more_than_so_many_work_at_once_and_every_turn_comes_back() -> None:
    n_at_once, n_threads, n_rounds = 3, 12, 200
    turns, lock, at_work, most = Turns(n_at_once), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal at_work, most
        for _ in range(n_rounds):
            with turns:
                with lock:
                    at_work += 1
                    most = max(most, at_work)
                with lock:
                    at_work -= 1

    threads = [threading.Thread(target=work) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= n_at_once
    assert (turns._free, len(turns._waiting)) == (n_at_once, 0)


def blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_parts_are_worked_on_side_by_side_in_order_and_with_one_thread_of_blas_each() -> None:
    before, vectors = blas_threads(), np.random.default_rng(0).standard_normal((6, 40, 40))
    gate = threading.Barrier(2)

    def work(part: int) -> tuple[int, float, set[int]]:
        if part < 2 <= n_cores():
            gate.wait(PATIENCE_S)  # two at a time: one alone would wait for ever
        return part, float((vectors[part] @ vectors[part]).trace()), blas_threads()

    found = side_by_side(work, range(6))
    assert [part for part, _, _ in found] == list(range(6))
    assert [trace for _, trace, _ in found] == pytest.approx([np.trace(one @ one) for one in vectors])
    assert all(threads == {1} for _, _, threads in found)
    assert blas_threads() == before


def test_an_error_in_a_part_is_told_and_gives_blas_its_threads_back() -> None:
    before = blas_threads()
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda part: 1 // part, [1, 0, 2])
    assert blas_threads() == before


def test_a_library_that_is_loaded_later_is_held_to_one_thread_too() -> None:
    code = """
import numpy
from threadpoolctl import threadpool_info
from dxr_dash.analysis.cores import one_blas_thread
def blas():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
with one_blas_thread():
    pass
before = len(blas())
import scipy.linalg
with one_blas_thread():
    print(len(blas()) > before, set(blas()) == {1})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
