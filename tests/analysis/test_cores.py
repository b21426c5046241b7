"""Turns: so many at once, first come, first served."""

from __future__ import annotations

import threading
import time

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
