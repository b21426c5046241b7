"""What is kept between calls: the last results, as many as fit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cachetools import LRUCache

from dxr_dash.api import kept as keeping
from dxr_dash.api.kept import bytes_of, kept
from dxr_dash.collection.query_sets import QuerySet
from dxr_dash.records import DoubleArray


@dataclass(frozen=True)
class Found:
    far: DoubleArray
    more: tuple[DoubleArray, ...] = ()
    name: str = "a set"


def test_bytes_are_those_of_arrays_but_of_mapped_files(tmp_path: Path) -> None:
    np.save(tmp_path / "far.npy", np.zeros(1000))
    mapped = np.load(tmp_path / "far.npy", mmap_mode="r")
    assert bytes_of(np.zeros(10)) == 80
    assert bytes_of(np.zeros(10)[:2]) == 80  # the rest is not let go
    assert bytes_of(mapped) == bytes_of(mapped[:5]) == 0
    assert (
        bytes_of([Found(np.zeros(10), (np.zeros(2), mapped)), {"a": np.zeros(1)}, "text", None, Found]) == 104
    )


@pytest.mark.parametrize(
    ("numbers", "still_there"),
    [
        (1, [1, 2, 3, 4]),  # small: each counts as the least
        (30, [2, 3, 4]),
        (60, [4]),
        (1000, [4]),  # larger than all that may be kept: the last one nevertheless
    ],
)
def test_results_are_kept_as_long_as_there_is_room(
    numbers: int, still_there: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BYTES_KEPT", 800)
    monkeypatch.setattr(keeping, "LEAST_BYTES", 200)
    monkeypatch.setattr(keeping, "_results", LRUCache(800, getsizeof=keeping._share))
    asked: list[int] = []

    @kept
    def slow(which: int) -> Found:
        asked.append(which)
        return Found(np.full(numbers, float(which)))

    for which in range(5):
        assert slow(which).far[0] == which
    asked.clear()
    for which in reversed(still_there):
        slow(which)
    assert asked == []
    slow(min(still_there) - 1)
    assert asked == [min(still_there) - 1]


def test_functions_share_the_room_but_not_their_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_results", LRUCache(800, getsizeof=keeping._share))
    monkeypatch.setattr(keeping, "BYTES_KEPT", 800)
    monkeypatch.setattr(keeping, "LEAST_BYTES", 200)
    asked: list[str] = []

    @kept
    def one(which: int) -> str:
        asked.append(f"one {which}")
        return f"one {which}"

    @kept
    def other(which: int) -> str:
        asked.append(f"other {which}")
        return f"other {which}"

    assert (one(1), other(1), one(1), other(1)) == ("one 1", "other 1") * 2
    assert asked == ["one 1", "other 1"]
    for which in range(2, 6):
        other(which)
    one(1)
    assert asked[-1] == "one 1"  # it had to make room for the other's


def test_threads_that_ask_at_once_wait_for_one() -> None:
    asked: list[int] = []
    together = threading.Barrier(8)

    @kept
    def slow(which: int) -> int:
        asked.append(which)
        return sum(range(200_000)) * 0 + which

    def ask(_: int) -> int:
        together.wait(10)
        return slow(7)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [7] * 8
    assert asked == [7]


def test_what_a_set_is_kept_by_is_short_however_many_images_it_has() -> None:
    def members(rows: range, outside: tuple[str, ...] = ()) -> str:
        return QuerySet("x", "x", tuple(rows), outside, None, 0, 0, 0, Path()).members

    assert len(members(range(100_000))) == 32
    some = [
        members(range(3)),
        members(range(4)),
        members(range(3), ("a.jpg",)),
        members(range(3), ("b.jpg",)),
    ]
    assert len(set(some)) == 4
    assert members(range(3)) == members(range(3))
