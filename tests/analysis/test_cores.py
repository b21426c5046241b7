"""Turns, so many at once, first come, first served; and work side by side."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from dxr_dash.analysis.cores import Turns

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


def in_a_process(code: str) -> None:
    """Run it where no server of another test has questions that hold the threads of BLAS meanwhile."""
    subprocess.run([sys.executable, "-c", BLAS + code], timeout=10 * PATIENCE_S, check=True)


BLAS = """
import threading
import numpy as np
from threadpoolctl import threadpool_info
from dxr_dash.analysis.cores import n_cores, one_blas_thread, side_by_side
def blas():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
before = blas()
"""


def test_parts_are_worked_on_side_by_side_in_order_and_with_one_thread_of_blas_each() -> None:
    in_a_process("""
vectors, gate = np.random.default_rng(0).standard_normal((6, 40, 40)), threading.Barrier(2)
def work(part):
    if part < 2 <= n_cores():
        gate.wait(30)  # two at a time: one alone would wait for ever
    return part, float((vectors[part] @ vectors[part]).trace()), blas()
found = side_by_side(work, range(6))
assert [part for part, _, _ in found] == list(range(6))
np.testing.assert_allclose([trace for _, trace, _ in found], [np.trace(one @ one) for one in vectors])
assert all(set(threads) == {1} for _, _, threads in found)
assert blas() == before
""")


def test_an_error_in_a_part_is_told_and_gives_blas_its_threads_back() -> None:
    in_a_process("""
try:
    side_by_side(lambda part: 1 // part, [1, 0, 2])
except ZeroDivisionError:
    assert blas() == before
else:
    raise AssertionError
""")


def test_overlapping_passes_leave_the_threads_of_blas_as_they_were() -> None:
    in_a_process("""
for _ in range(2):
    one_blas_thread.__enter__()
    one_blas_thread.__enter__()
    one_blas_thread.__exit__()
    assert set(blas()) == {1}
    one_blas_thread.__exit__()
    assert blas() == before
""")


@pytest.mark.parametrize("graph", ["exact", "descent"])
def test_a_graph_that_is_done_does_not_give_the_threads_back_under_the_hands_of_a_pass(graph: str) -> None:
    in_a_process(f"""
from dxr_dash.collection.{graph}_graph import {graph}_candidates
began = []
def begin(*_):
    if not began:
        began.append(one_blas_thread.__enter__())
vectors = np.random.default_rng(0).standard_normal((600, 8)).astype(np.float32)
{graph}_candidates(vectors, metric="euclidean", k=5, {"seed=0, " * (graph == "descent")}on_progress=begin)
assert began and set(blas()) == {{1}}
one_blas_thread.__exit__()
assert set(blas()) == set(before)
""")


def test_a_library_that_is_loaded_later_is_held_to_one_thread_too() -> None:
    in_a_process("""
with one_blas_thread:
    import scipy.linalg
    assert len(blas()) > len(before)
    with one_blas_thread:
        assert set(blas()) == {1}
    assert set(blas()) == {1}
assert set(blas()) == set(before)
""")
