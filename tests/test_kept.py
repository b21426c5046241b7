"""What is kept between calls: the last results, as many as fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dxr_dash.api import kept as keeping
from dxr_dash.api.kept import bytes_of, kept
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
        (1, [1, 2, 3, 4]),  # small: as many as asked for
        (30, [2, 3, 4]),
        (60, [4]),
        (1000, [4]),  # larger than all that may be kept: the last one nevertheless
    ],
)
def test_large_results_are_kept_in_smaller_numbers(
    numbers: int, still_there: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "BYTES_KEPT", 800)
    asked: list[int] = []

    @kept(4)
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
